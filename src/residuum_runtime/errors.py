"""Errors that the user can fix: each states what must hold, the actual value, and what to do."""

from __future__ import annotations

from .names import encodable


class ResiduumError(Exception):
    """Base of all errors that the user can fix; the command line prints it without a traceback.

    >>> issubclass(residuum.InputError, residuum.ResiduumError), residuum.ResiduumError.exit_code
    (True, 2)
    """

    exit_code = 2

    def __str__(self) -> str:
        return encodable(super().__str__())  # file names may hold bytes that are not UTF-8


class InputError(ResiduumError, ValueError):
    """A name, a number or a file from the user is wrong.

    >>> try:
    ...     residuum.load("gone.safetensors")
    ... except residuum.InputError as error:
    ...     print(str(error).split(";")[0])
    no weights file gone.safetensors
    """


class ImageError(InputError):
    """One image cannot be used; others may be valid.

    Args:
        message: the whole message.
        reason: what is wrong with the image, without its name and without advice.

    >>> from residuum_runtime import ImageError
    >>> ImageError("a.png cannot be read as an image: it is cut short", "it is cut short").reason
    'it is cut short'
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message

    def __reduce__(self) -> tuple[type[ImageError], tuple[str, str]]:
        return type(self), (str(self), self.reason)
