"""Which part of a batch a process takes, when several train together."""

from __future__ import annotations

from typing import NamedTuple


class Share(NamedTuple):
    """One of ``processes`` parts, as equal as can be; all of them in a row are the whole."""

    process: int = 0
    processes: int = 1
    neighbour: bool = False  # whether the image before comes too, because images are mixed with it

    def of(self, count: int) -> slice:
        """Return which of ``count`` things are in this part."""
        return slice(count * self.process // self.processes, count * (self.process + 1) // self.processes)

    def places(self, count: int) -> list[int]:
        """Return the places of this part among ``count``, after the neighbour's; the first one's is the last."""
        part = self.of(count)
        return [*([(part.start - 1) % count] if self.neighbour else []), *range(part.start, part.stop)]


ALL = Share()
