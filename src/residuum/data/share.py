"""Which part of a batch a process takes, when several train together."""

from __future__ import annotations

from typing import NamedTuple


class Share(NamedTuple):
    """One of ``processes`` parts, as equal as can be; all of them in a row are the whole."""

    process: int = 0
    processes: int = 1

    def of(self, count: int) -> slice:
        """Return which of ``count`` things are in this part."""
        return slice(count * self.process // self.processes, count * (self.process + 1) // self.processes)


ALL = Share()
