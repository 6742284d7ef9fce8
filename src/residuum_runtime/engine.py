"""Run an exported file with any engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .card import whole_batches
from .choice import choose
from .errors import InputError
from .given import listed, one
from .intervals import wilson_interval
from .levels import Pixels
from .machine import features, thread_count
from .pictures import Floats, fit, match_channels, normalise
from .predictions import Prediction, Unread, all_answers, answer_names, each_answer, probabilities
from .sessions import engine_version, exported_file, open_session


@dataclass(frozen=True)
class Accuracy:
    """The number of images that a model classifies correctly.

    >>> from residuum_runtime import Accuracy
    >>> accuracy = Accuracy(right=90, pictures=100)
    >>> accuracy.percent, [round(bound, 1) for bound in accuracy.interval]
    (90.0, [82.6, 94.5])
    """

    right: int
    pictures: int

    @property
    def percent(self) -> float:
        """Share of the images whose likeliest class is right, in percent."""
        return 100 * self.right / self.pictures

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the percentage over images of the same kind (Wilson 1927)."""
        low, high = wilson_interval(self.right, self.pictures)
        return 100 * low, 100 * high


class Engine:
    """An exported file, ready to run.

    Args:
        path: a file or a folder that ``residuum export`` wrote.
        engine: "openvino", "onnxruntime", "torch", or "auto": the file's own engine, or where several can run
            it and passed its parity gate, the fastest on this machine (measured for a few seconds, then cached).
        threads: number of threads; by default ``OMP_NUM_THREADS``, else all processors available to this process.

    Raises:
        InputError: no such file, an engine that cannot run it or is not installed, a damaged file or a newer format.

    >>> from residuum_runtime import Engine
    >>> Engine("exported").predict("photo.jpg")[0].top  # doctest: +SKIP
    'cat'
    >>> Engine("runs/mine")
    Traceback (most recent call last):
    residuum_runtime.errors.InputError: runs/mine must hold one of model.xml, model.onnx, model.pt2, ...
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

        A file with its preprocessing inside takes uint8 images of any size and returns probabilities. A file that takes
        batches of one size only runs in such batches, with the last one padded.
        """
        self.card.check_images(images.shape)
        wanted = np.uint8 if self.card.pixels else np.float32
        if images.dtype != wanted:
            raise InputError(f"this file takes {np.dtype(wanted).name} images, got {images.dtype}")
        try:
            if not self.card.batch:
                return self.session.run(images)
            parts = [self.session.run(part) for part in whole_batches(images, self.card.batch)]
            return np.concatenate(parts)[: len(images)]
        except Exception as error:  # engines' errors have no common base
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise InputError(
                f"{self.name} must run a batch of shape {list(images.shape)}, but refuses: "
                f"{lines[0] if lines else type(error).__name__}; export again, or choose another engine"
            ) from error

    def logits(self, pixels: Pixels) -> Floats:
        """Return logits [N, classes] for uint8 images [N, C, H, W] of the network's size.

        Converts between grey and colour as the network needs. For a file that returns probabilities, return their logs.
        """
        pixels = match_channels(pixels, self.card.channels)
        if self.card.pixels:
            return np.log(np.maximum(self.run(pixels), np.finfo(np.float32).tiny))
        return self.run(normalise(pixels, self.card.mean, self.card.std))

    def prepare(self, image: Any, *, max_pixels: int | None = None) -> Pixels:
        """Return one image as uint8 [1, C, *size]; unchanged where the file resizes.

        Args:
            image: a path, bytes, a file object, a PIL image, or an array: uint8 or floats 0..1 (``given.py``).
            max_pixels: the largest image, pixels [default: ``reading.MAX_PIXELS``].

        Raises:
            ImageError: an image that cannot be read.
        """
        return self._fitted(one(image, self.card.channels, max_pixels).pixels())

    def predict(self, images: Any, *, top: int = 5, max_pixels: int | None = None) -> list[Prediction]:
        """Return the likeliest classes of each image.

        Args:
            images: one or a sequence of: paths, bytes, file objects, PIL images, arrays (``given.py``).
            top: number of classes.
            max_pixels: the largest image, pixels [default: ``reading.MAX_PIXELS``].

        Raises:
            ImageError: the first image that cannot be read; ``predict_each`` skips it.
        """
        return all_answers(self.predict_each(images, top=top, max_pixels=max_pixels))

    def predict_each(
        self, images: Any, *, top: int = 5, max_pixels: int | None = None
    ) -> Iterator[Prediction | Unread]:
        """Yield the likeliest classes of each image as soon as it is read, or the reason why it cannot be read."""
        return each_answer(listed(images, self.card.channels, max_pixels), self._ask, top)

    def evaluate(self, images: Iterable[tuple[Any, int]], *, max_pixels: int | None = None) -> Accuracy:
        """Return the number of images that the model classifies correctly.

        Args:
            images: each with its class index.
            max_pixels: the largest image, pixels [default: ``reading.MAX_PIXELS``].
        """
        right = [
            int(probabilities(self.logits(self.prepare(image, max_pixels=max_pixels)))[0].argmax() == label)
            for image, label in images
        ]
        if not right:
            raise InputError("there is no image to evaluate on")
        return Accuracy(sum(right), len(right))

    def _fitted(self, pixels: Pixels) -> Pixels:
        card = self.card
        return (pixels if card.pixels else fit(pixels, card.size, card.resize, card.interpolation))[None]

    def _ask(self, pixels: Pixels) -> tuple[list[float], list[str]]:
        logits = self.logits(self._fitted(pixels))
        return probabilities(logits)[0].tolist(), answer_names(logits.shape[1], self.card.classes)
