"""From what was asked for to settings: recipe, then data, then machine. Nothing is written here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..errors import InputError
from .checks import check_streamed, check_together
from .declaring import AUTO
from .draft import Draft
from .follow_data import follow_data, streams
from .follow_weights import follow_weights
from .reading import Asked
from .recipe import with_recipe
from .table import Settings

if TYPE_CHECKING:
    from ..data import Dataset
    from ..models import Description


class Settled(NamedTuple):
    """A run's settings, and why those that were left open are what they are."""

    settings: Settings
    reasons: dict[str, str]


class Machine(Protocol):
    """What settling asks of the machine that trains."""

    threads: int  # that suit it
    cores: int
    processes: int  # that train together

    def macs_per_second(self) -> float:
        """Return how fast it trains, multiply-accumulates a second."""
        ...

    def pick_device(self, wanted: str) -> str:
        """Return cpu, cuda or mps; raise InputError where it has none of that name."""
        ...

    def pick_kernels(self, device: str, wanted: str) -> str:
        """Return plain or fused; raise InputError where it cannot run them."""
        ...

    def pick_precision(self, settings: Settings) -> tuple[str, str]:
        """Try the network that these settings describe; return fp32 or bf16, and the reason."""
        ...


def settle(asked: Asked, dataset: Dataset, start: Description | None, machine: Machine) -> Settled:
    """Return every setting of a new run.

    Args:
        asked: what the user asked for, read (``read_asked``).
        dataset: the images.
        start: what the weights to start from are, if any.
        machine: what it can do, and how fast.

    Raises:
        InputError: settings that do not go together, or that the data, the weights or the machine cannot follow.
    """
    draft = Draft(with_recipe(asked))
    if start is not None:
        draft = follow_weights(draft, dataset, start)
    draft = follow_data(draft, dataset, machine.macs_per_second)
    check_together(draft.now)
    if streams(dataset):
        check_streamed(draft.now)
    draft = _follow_machine(draft, dataset, machine)
    return Settled(draft.whole(), dict(draft.reasons))


def _follow_machine(draft: Draft, dataset: Dataset, machine: Machine) -> Draft:
    """Return the draft with everything that the machine decides."""
    asked = draft.said.get("processes")
    if asked is not None and asked != machine.processes:
        raise InputError(
            f"{asked} processes were asked for, but {machine.processes} were started, by torchrun, srun or a script; "
            "leave --processes out there, or start `residuum train --processes` by itself"
        )
    decoding = streams(dataset) and not draft.now.cache
    draft = draft.fill(
        threads=machine.threads, workers=min(4, machine.cores) if decoding else 0, processes=machine.processes
    )
    device = machine.pick_device(draft.now.device)
    draft = draft.resolve(device=device, kernels=machine.pick_kernels(device, draft.now.kernels))
    precision, reason = machine.pick_precision(draft.now)
    validated = precision if draft.now.val_precision == AUTO else draft.now.val_precision
    return draft.resolve(precision=precision, val_precision=validated).explain(precision=reason)
