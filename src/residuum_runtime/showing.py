"""Printing answers as they come, as rows or as JSON: one rule for both command lines."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator

from .predictions import Prediction, Unread

COLUMNS = ("image", "class", "%")
SOME_FAILED, ALL_FAILED = 1, 2  # exit codes

AnswerLine = tuple[str, str, str]


def show_answers(answers: Iterator[Prediction | Unread], show_rows: Callable[[list[AnswerLine]], None] | None) -> int:
    """Print each answer as soon as it is there, and on standard error each image that has none.

    Args:
        answers: of ``predict_each``.
        show_rows: prints the rows of one image; without it JSON is printed, in which such an image has an ``error``.

    Returns:
        The exit code: 0 where all images are answered, 1 where some are not, 2 where none is.
    """
    shown = _as_json(answers) if show_rows is None else answers
    count = failed = 0
    for answer in shown:
        count += 1
        if isinstance(answer, Unread):
            failed += 1
            print(f"error: {answer.error}", file=sys.stderr, flush=True)
        elif show_rows is not None:
            show_rows(rows_of(answer))
    if failed and count > 1:
        print(f"{failed} of {count} images could not be read", file=sys.stderr)
    return (ALL_FAILED if failed == count else SOME_FAILED) if failed else 0


def rows_of(prediction: Prediction) -> list[AnswerLine]:
    """Return a row for each class: the image's name beside the first, the class, percent."""
    pairs = enumerate(zip(prediction.classes, prediction.probabilities, strict=True))
    return [(prediction.name if rank == 0 else "", name, f"{100 * share:.1f}") for rank, (name, share) in pairs]


def prints_unicode() -> bool:
    """Return whether standard output takes every character; elsewhere JSON escapes what a code page lacks."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def show_tabs(rows: list[AnswerLine]) -> None:
    """Print rows with tabs between their cells."""
    for row in rows:
        print("\t".join(row), flush=True)


def _as_json(answers: Iterator[Prediction | Unread]) -> Iterator[Prediction | Unread]:
    """Pass the answers on, printing each as an element of a list that is closed whatever happens."""
    between = "[\n  "
    try:
        for answer in answers:
            text = json.dumps(dataclasses.asdict(answer), indent=2, ensure_ascii=not prints_unicode())
            print(between + text.replace("\n", "\n  "), end="", flush=True)
            between = ",\n  "
            yield answer
    finally:
        print("[]" if between.startswith("[") else "\n]", flush=True)
