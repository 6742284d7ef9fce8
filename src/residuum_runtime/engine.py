"""One way to run an exported file, whatever engine does it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .choice import choose
from .errors import InputError
from .machine import features, thread_count
from .pictures import Floats, Pixels, decode, fit, match_channels, normalise
from .predictions import Prediction
from .sessions import engine_version, exported_file, open_session


@dataclass(frozen=True)
class Accuracy:
    """How many pictures a model got right."""

    right: int
    pictures: int

    @property
    def percent(self) -> float:
        """Share of the pictures whose likeliest class is right, in percent."""
        return 100 * self.right / self.pictures

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the percentage over pictures of the same kind (Wilson 1927)."""
        z, n, p = 1.959964, self.pictures, self.right / self.pictures
        centre, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        scale = 100 / (1 + z * z / n)
        return max(0.0, scale * (centre - spread)), min(100.0, scale * (centre + spread))


class Engine:
    """An exported file, ready to run.

    Args:
        path: a file or a folder that ``residuum export`` wrote.
        engine: "openvino", "onnxruntime", "torch", or "auto": the one the file was made for, or where several can run
            it and passed its parity gate, the fastest on this machine (measured for a few seconds, then remembered).
        threads: of the processor; by default ``OMP_NUM_THREADS``, else all that this process may use.

    Raises:
        InputError: no such file, an engine that cannot run it or is not installed, a damaged file or a newer format.
    """

    def __init__(self, path: str | Path, *, engine: str = "auto", threads: int | None = None) -> None:
        self.path = exported_file(path)
        self.threads = thread_count(threads)
        self.name, opened = choose(self.path, self.threads) if engine == "auto" else (engine, None)
        self.session = opened or open_session(self.path, self.name, self.threads)
        self.card = self.session.card

    def __repr__(self) -> str:
        can = ", ".join(features())
        version = engine_version(self.name)
        return f"{self.name} {version}, {self.card.precision}, threads: {self.threads}{f' ({can})' if can else ''}"

    def run(self, images: Floats | Pixels) -> Floats:
        """Return the file's output for a batch [N, C, H, W]: logits [N, classes] for normalised float32 images.

        A file with its preprocessing inside takes uint8 pictures of any size and gives probabilities.
        """
        self.card.check_images(images.shape)
        wanted = np.uint8 if self.card.pixels else np.float32
        if images.dtype != wanted:
            raise InputError(f"this file takes {np.dtype(wanted).name} images, got {images.dtype}")
        try:
            return self.session.run(images)
        except Exception as error:  # engines' errors have no common base
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise InputError(
                f"{self.name} must run a batch of shape {list(images.shape)}, but refuses: "
                f"{lines[0] if lines else type(error).__name__}; export again, or choose another engine"
            ) from error

    def logits(self, pixels: Pixels) -> Floats:
        """Return logits [N, classes] for uint8 pictures [N, C, H, W] that have the right size already.

        Grey and colour are matched as the network needs them. From a file that gives probabilities, their logarithms.
        """
        pixels = match_channels(pixels, self.card.channels)
        if self.card.pixels:
            return np.log(np.maximum(self.run(pixels), np.finfo(np.float32).tiny))
        return self.run(normalise(pixels, self.card.mean, self.card.std))

    def prepare(self, picture: str | Path | Pixels) -> Pixels:
        """Return one picture as uint8 [1, C, *size]; as it is where the file does the resizing."""
        pixels = decode(picture) if isinstance(picture, str | Path) else picture
        if pixels.ndim != 3 or pixels.dtype != np.uint8:
            raise InputError(f"a picture must be uint8 of [C, H, W], got {pixels.dtype} of {list(pixels.shape)}")
        return (pixels if self.card.pixels else fit(pixels, self.card.size, self.card.resize))[None]

    def predict(self, images: str | Path | Pixels | Sequence[str | Path | Pixels], *, top: int = 5) -> list[Prediction]:
        """Return the likeliest classes of each picture.

        Args:
            images: paths, or uint8 arrays [channels, height, width].
            top: how many classes.
        """
        pictures = [images] if isinstance(images, str | Path | np.ndarray) else list(images)
        found = []
        for number, picture in enumerate(pictures):
            probabilities = softmax(self.logits(self.prepare(picture)))[0]
            best = np.argsort(-probabilities, kind="stable")[:top]
            names = [self.card.classes[i] if self.card.classes else f"class {i}" for i in best]
            name = str(picture) if isinstance(picture, str | Path) else f"picture {number}"
            found.append(Prediction(name, names, [float(probabilities[i]) for i in best]))
        return found

    def evaluate(self, pictures: Iterable[tuple[str | Path | Pixels, int]]) -> Accuracy:
        """Return how many pictures the model gets right.

        Args:
            pictures: each with the number of its class.
        """
        right = [int(self.logits(self.prepare(picture))[0].argmax() == label) for picture, label in pictures]
        if not right:
            raise InputError("there is no picture to evaluate on")
        return Accuracy(sum(right), len(right))


def softmax(logits: Floats) -> NDArray[np.float64]:
    """Return probabilities [N, classes]."""
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    exponents = np.exp(shifted)
    return exponents / exponents.sum(1, keepdims=True)
