"""From a model's logits to named answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import ImageError, InputError
from .given import Given
from .levels import Pixels


@dataclass(frozen=True)
class Prediction:
    """The likeliest classes of one image, likeliest first.

    >>> from residuum_runtime import Prediction
    >>> Prediction("a.png", ["bee", "ant"], [0.9, 0.1]).top
    'bee'
    """

    name: str
    classes: list[str]
    probabilities: list[float]

    @property
    def top(self) -> str:
        """The likeliest class."""
        return self.classes[0]


@dataclass(frozen=True)
class Unread:
    """An image without an answer, and the reason.

    >>> from residuum_runtime import Unread
    >>> Unread("a.png", "a.png cannot be read as an image").name
    'a.png'
    """

    name: str
    error: str


def answer_names(outputs: int, classes: Sequence[str]) -> list[str]:
    """Return the name of each answer of a network with that many logits.

    One logit means yes or no: two answers, the second being the logit's. Two names name both; one name is the
    second answer's; without names they are "no" and "yes".

    Raises:
        InputError: no logits, or a number of names that differs from the number of answers.
    """
    if outputs == 0:
        raise InputError("the network must end in logits, but it has none; give it a classifier and train it first")
    if not classes:
        return ["no", "yes"] if outputs == 1 else [f"class {number}" for number in range(outputs)]
    if outputs == 1 and len(classes) == 1:
        return [f"not {classes[0]}", classes[0]]
    if len(classes) != max(2, outputs):
        raise InputError(
            f"the network answers with {outputs} logits, but {len(classes)} classes are named; give one name per logit"
        )
    return list(classes)


def probabilities(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return probabilities [N, answers] of logits [N, classes]: the softmax, or the sigmoid of a single logit."""
    values = logits.astype(np.float64)
    if values.shape[1] == 1:
        values = np.concatenate([np.zeros_like(values), values], axis=1)  # its softmax is 1 - sigmoid and sigmoid
    exponents = np.exp(values - values.max(1, keepdims=True))
    return exponents / exponents.sum(1, keepdims=True)


def each_answer(
    images: Sequence[Given], ask: Callable[[Pixels], tuple[list[float], list[str]]], top: int
) -> Iterator[Prediction | Unread]:
    """Yield the answer to each image as soon as it is ready; hold one image in memory at a time.

    Args:
        images: the listed images.
        ask: uint8 [C, H, W] to the probability of each answer and its name.
        top: number of answers.
    """
    for image in images:
        try:
            shares, names = ask(image.pixels())
        except ImageError as error:
            yield Unread(image.name, str(error))
            continue
        best = sorted(range(len(shares)), key=lambda number: -shares[number])[:top]
        yield Prediction(image.name, [names[number] for number in best], [shares[number] for number in best])


def all_answers(answers: Iterator[Prediction | Unread]) -> list[Prediction]:
    """Return the answers to all images.

    Raises:
        ImageError: the first image without an answer.
    """
    found = []
    for answer in answers:
        if isinstance(answer, Unread):
            raise ImageError(answer.error)
        found.append(answer)
    return found
