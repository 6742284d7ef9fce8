"""What goes wrong in the user's hands: every such error says what must hold, what was got, and what to do.

::

    ResiduumError                   exit code 2; base of all that the user can mend
    ├── InputError                  2: a name, a number or a file does not fit (a ValueError too)
    │   └── ImageError              2: one image cannot be used; others may be sound
    ├── DiskError                   2: a file cannot be written (an OSError too)
    ├── OutOfMemory                 2: a batch needs more memory than there is
    ├── StudyFailed                 1: a check or a study ran, and its expectation did not hold
    ├── Diverged                    1: loss, gradient or weights are no longer numbers
    ├── ProcessLost                 1: another process of the run has gone
    ├── LaunchFailed                1: a process that was started here has failed
    └── ParityFailed                3: an exported file answers otherwise than its model
    KeyboardInterrupt
    └── Interrupted                 130, 143 or 129: Ctrl-C, SIGTERM or SIGHUP; the run's state is saved

The exit code is that of the command line, and ``error.exit_code`` in Python.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import TypeVar

from residuum_runtime.errors import ImageError, InputError, ResiduumError

__all__ = [
    "DiskError",
    "Diverged",
    "ImageError",
    "InputError",
    "Interrupted",
    "LaunchFailed",
    "OutOfMemory",
    "ParityFailed",
    "ProcessLost",
    "ResiduumError",
    "StudyFailed",
    "nearest",
    "pick",
]

Name = TypeVar("Name")
Value = TypeVar("Value")


class DiskError(ResiduumError, OSError):
    """A file could not be written; what stood there before still stands.

    >>> issubclass(residuum.DiskError, OSError)
    True
    """


class OutOfMemory(ResiduumError):
    """A batch needs more memory than there is; the message says which batch size fits.

    >>> residuum.OutOfMemory.exit_code
    2
    """


class StudyFailed(ResiduumError):
    """A check or a study ran to its end and its expectation did not hold.

    >>> residuum.StudyFailed.exit_code
    1
    """

    exit_code = 1


class Diverged(ResiduumError):
    """The loss, the gradient or the weights are no longer numbers.

    >>> residuum.Diverged.exit_code
    1
    """

    exit_code = 1


class ProcessLost(ResiduumError):
    """Another process of the run has gone.

    >>> residuum.ProcessLost.exit_code
    1
    """

    exit_code = 1


class LaunchFailed(ResiduumError):
    """A process that was started here has failed.

    >>> residuum.LaunchFailed.exit_code
    1
    """

    exit_code = 1


class ParityFailed(ResiduumError):
    """An exported file answers otherwise than the model that it was made from.

    >>> residuum.ParityFailed.exit_code
    3
    """

    exit_code = 3


class Interrupted(KeyboardInterrupt):
    """The user or a scheduler stopped the run; its state is saved.

    >>> residuum.Interrupted("stopped at epoch 3, step 10").exit_code
    130
    """

    def __init__(self, said: str, number: int = signal.SIGINT) -> None:
        super().__init__(said)
        self.exit_code = 128 + number


def nearest(word: str, known: list[str], count: int = 3) -> str:
    """Return ``did you mean a, b?`` for the known words closest to ``word``, or the first few known ones.

    >>> nearest("resnet51", ["resnet50", "vgg16"])
    'did you mean resnet50?'
    """
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=count, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(known[:12])}"


def pick(table: Mapping[Name, Value], name: Name, what: str, *, listed: bool = True, more: str = "") -> Value:
    """Return what a table holds under a name.

    Args:
        table: by name.
        name: as it was given, whatever its type.
        what: what the name stands for: "merge".
        listed: whether the error lists all names; of a long table it names the nearest only.
        more: words that the error adds: what may be given beside the names, or where all stand.

    Raises:
        InputError: the table has no such name.

    >>> pick({"add": 1, "gate": 2}, "gate", "merge")
    2
    """
    known = list(table)
    if name in known:  # and not "in table", which takes no lists
        return table[name]
    names = [str(one) for one in known]
    if not listed:
        raise InputError(f"no {what} is named {name!r}; {nearest(str(name), names)}{more}")
    hint = nearest(str(name), names) if isinstance(name, str) else ""
    hint = f"; {hint}" if hint.startswith("did") else ""
    raise InputError(f"{what} must be one of {', '.join(names)}{more}, got {name!r}{hint}")
