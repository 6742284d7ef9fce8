"""Print answers as they arrive, as rows or as JSON: one rule for both command lines."""

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
    """Print each answer at once, and on standard error each image without an answer.

    Args:
        answers: of ``predict_each``.
        show_rows: prints the rows of one image; without it the output is JSON, where such an image has an ``error``.

    Returns:
        The exit code: 0 if all images have an answer, 1 if some lack one, 2 if all do.
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
    """Return a row for each class: the image's name in the first row, the class, percent."""
    pairs = enumerate(zip(prediction.classes, prediction.probabilities, strict=True))
    return [(prediction.name if rank == 0 else "", name, f"{100 * share:.1f}") for rank, (name, share) in pairs]


def prints_unicode() -> bool:
    """Return whether standard output takes every character; elsewhere JSON escapes the missing ones."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def show_tabs(rows: list[AnswerLine]) -> None:
    """Print rows with tabs between their cells."""
    for row in rows:
        print("\t".join(row), flush=True)


def _as_json(answers: Iterator[Prediction | Unread]) -> Iterator[Prediction | Unread]:
    """Yield the answers, printing each as an element of a JSON list that is always closed."""
    between = "[\n  "
    try:
        for answer in answers:
            text = json.dumps(dataclasses.asdict(answer), indent=2, ensure_ascii=not prints_unicode())
            print(between + text.replace("\n", "\n  "), end="", flush=True)
            between = ",\n  "
            yield answer
    finally:
        print("[]" if between.startswith("[") else "\n]", flush=True)
