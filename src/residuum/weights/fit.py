"""Put tensors into a model, or say key by key why they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

SHOWN = 8  # differences of each kind in a message

Shapes = Mapping[str, tuple[int, ...]]


@dataclass
class Differences:
    """What does not fit between a model and a file, by the file's names."""

    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)  # name: file's, model's

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.shapes)

    def __len__(self) -> int:
        return len(self.missing) + len(self.unexpected) + len(self.shapes)

    def __str__(self) -> str:
        wrong = [f"{name} {list(got)} in the file, {list(need)} here" for name, (got, need) in self.shapes.items()]
        rows = {"missing": self.missing, "unexpected": self.unexpected, "shape": wrong}
        return "\n".join(f"  {kind}: {_some(names)}" for kind, names in rows.items() if names)


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return each tensor's shape."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def compare(model: Shapes, file: Shapes) -> Differences:
    """Return what differs; counters of batches that a file lacks are none (they start at 0)."""
    both = [name for name in model if name in file]
    return Differences(
        missing=[name for name in model if name not in file and not name.endswith("num_batches_tracked")],
        unexpected=[name for name in file if name not in model],
        shapes={name: (file[name], model[name]) for name in both if file[name] != model[name]},
    )


def fill(build: Callable[[], nn.Module], tensors: Mapping[str, Tensor], *, whole: bool) -> nn.Module:
    """Build the model and give it the tensors, bit for bit; half precision widens to float32, which is exact.

    Double precision is rounded to float32.

    Args:
        build: makes the model on the current device.
        tensors: by the model's names, those that fit.
        whole: whether nothing is missing, so that no number of a new model is needed.
    """
    values = {name: _own(tensor) for name, tensor in tensors.items()}
    with torch.device("meta"):
        model = build()
    state = model.state_dict()
    counters = [name for name in state if name.endswith("num_batches_tracked") and name not in values]
    values |= {name: torch.zeros((), dtype=torch.long) for name in counters}
    hidden = {name for name, _ in model.named_buffers()} - set(state)  # not in files; only building gives them
    if whole and not hidden:
        model.load_state_dict(values, assign=True)
        return model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build()
    model.load_state_dict(values, strict=False, assign=True)
    return model


def _own(tensor: Tensor) -> Tensor:
    other = tensor.dtype in (torch.float16, torch.bfloat16, torch.float64)
    single = tensor.to(torch.float32) if other else tensor
    return single.clone(memory_format=torch.contiguous_format)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
