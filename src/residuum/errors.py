"""Errors that the user can fix: each states what must hold, what was given, and what to do."""

from residuum_runtime.errors import ImageError, InputError, ResiduumError

__all__ = ["DiskError", "ImageError", "InputError", "ParityFailed", "ResiduumError", "StudyFailed", "nearest"]


class StudyFailed(ResiduumError):
    """A check or a study ran to its end and its expectation did not hold."""

    exit_code = 1


class ParityFailed(ResiduumError):
    """An exported file gives other outputs than the model that it was made from."""

    exit_code = 3


class DiskError(ResiduumError, OSError):
    """A file could not be written; the previous content is intact."""


def nearest(word: str, known: list[str], count: int = 3) -> str:
    """Return ``did you mean a, b?`` for the known words closest to ``word``, or the first few known ones."""
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=count, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(known[:12])}"
