"""The part of a batch that each process takes in distributed training."""

from __future__ import annotations

from typing import NamedTuple


class Share(NamedTuple):
    """One of ``processes`` parts, as equal as possible; concatenated they are the whole."""

    process: int = 0
    processes: int = 1
    neighbour: bool = False  # whether to include the image before, which mixing needs

    def of(self, count: int) -> slice:
        """Return the slice of ``count`` items that is this part."""
        return slice(count * self.process // self.processes, count * (self.process + 1) // self.processes)

    def places(self, count: int) -> list[int]:
        """Return the part's places among ``count``, after the neighbour's (the first part's is the last place)."""
        part = self.of(count)
        return [*([(part.start - 1) % count] if self.neighbour else []), *range(part.start, part.stop)]


ALL = Share()
