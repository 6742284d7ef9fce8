"""One batch, several processes: what each takes of it, and how what they find becomes one result.

The batch of a step is one list of images, whatever the number of processes; each takes its share of it. The gradient
is that of the mean loss over the whole list. DistributedDataParallel averages over processes, so a process's loss
weighs by how many of the images it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized
from dataclasses import dataclass, fields
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ..data.pixels import Normalise
from ..data.share import Share
from ..errors import InputError
from ..evaluation import Scores, score
from ..machine.world import ALONE, World
from ..nn.stochastic import Lots, share_lots
from .sync_norm import SyncBatchNorm


@dataclass(frozen=True)
class Part:
    """This process's part of every batch."""

    world: World = ALONE
    total: int = 0  # images in a whole batch
    mixing: bool = False  # whether each image is mixed with its neighbour, the first one's being another process's

    @property
    def share(self) -> Share:
        """What is loaded here of every batch."""
        return self.world.share._replace(neighbour=self.neighbours > 0)

    @property
    def neighbours(self) -> int:
        """How many images at the beginning of each batch here are another process's, there only to be mixed in."""
        return 1 if self.mixing and self.world.size > 1 else 0

    def own(self, *columns: Tensor) -> tuple[Tensor, ...]:
        """Return images, targets, ... without the neighbour's."""
        return tuple(column[self.neighbours :] for column in columns) if self.neighbours else columns

    @property
    def weight(self) -> float:
        """How a mean over this process's images weighs in the average over processes: by how many images they are."""
        return self.world.size * self._mine / self.total if self.world.size > 1 else 1.0

    @property
    def _mine(self) -> int:
        part = self.world.share.of(self.total)
        return part.stop - part.start

    def lots(self, model: nn.Module) -> torch.Generator:
        """Let the model drop branches by draws that all processes share, and return their generator, to be seeded."""
        part, draw = self.world.share.of(self.total), torch.Generator()
        meeting = any(isinstance(module, SyncBatchNorm | nn.SyncBatchNorm) for module in model.modules())
        share_lots(model, Lots(draw, part.start, self.total - part.stop, meeting))
        return draw

    def whole(self, loss: Tensor, correct: Tensor, images: int) -> tuple[Tensor, Tensor, int]:
        """From this process's weighted loss, hits and images to those of the whole batches."""
        if self.world.size == 1:
            return loss, correct, images
        both = torch.stack([loss.double() / self.world.size, correct.double()])
        dist.all_reduce(both)
        return both[0], both[1].round().long(), images // self._mine * self.total


WHOLE = Part()


def part_of(world: World, batch_size: int, pictures: int, *, mixing: bool = False) -> Part:
    """Return the part of a batch of ``batch_size``, or of all images where there are fewer; each needs an image."""
    total = min(batch_size, pictures)
    if total < world.size:
        raise InputError(
            f"each process needs an image of every batch, but a batch has {total} and there are {world.size} "
            "processes; raise --batch-size, which counts the images of all processes, or start fewer"
        )
    return Part(world, total, mixing)


def parallel(model: nn.Module, world: World) -> nn.Module:
    """Return the model with its gradients averaged over processes after each backward pass.

    Parameters are looked up that a pass left unused: a dropped branch has no gradient, in some processes or in all.
    This also fixes the order in which gradients are sent, which torch else changes after the first step, and with it
    the last bits of their sums: a resumed run would differ from one that was not interrupted.

    Buffers, the running statistics of batch norm, are the first process's in every forward pass.
    """
    if world.size == 1:
        return model
    device = next(model.parameters()).device
    places = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=places, find_unused_parameters=True)


def broadcast_weights(model: nn.Module, world: World) -> None:
    """Give every process the first one's weights and statistics: before the first step, and to evaluate together."""
    if world.size > 1:
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, 0)


def any_of(mine: int, world: World) -> int:
    """Return the largest of all processes' numbers, such as that of the signal which asked one of them to stop."""
    if world.size == 1:
        return mine
    asked = torch.tensor([float(mine)])
    dist.all_reduce(asked, dist.ReduceOp.MAX)
    return int(asked.item())


class Batches(Sized, Iterable[tuple[Tensor, Tensor]], Protocol):
    """Batches that can be counted."""


def score_together(
    model: nn.Module, batches: Batches, normalise: Normalise, world: World, precision: str = "fp32"
) -> Scores:
    """Return the scores over the whole set, of which ``batches`` are this process's share, in every process.

    Every image counts once, in the set's order. Shares are of whole batches, so that the figures are those of one
    process to the last bit (with as many threads; a process of other width adds up in another order).
    """
    if world.size == 1:
        return score(model, batches, normalise, precision)
    broadcast_weights(model, world)
    mine = score(model, batches, normalise, precision) if len(batches) else None
    parts: list[Scores | None] = [None] * world.size
    dist.all_gather_object(parts, mine)
    found = [part for part in parts if part is not None]
    if not found:
        raise InputError("there is no image to evaluate on")
    columns: dict[str, Any] = {}
    for name in (field.name for field in fields(Scores)):
        cells = [getattr(part, name) for part in found]
        columns[name] = torch.cat(cells) if isinstance(cells[0], Tensor) else cells[0]
    return Scores(**columns)
