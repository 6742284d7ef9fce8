"""Load tensors into a model, or report key by key why they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..errors import InputError

SHOWN = 8  # differences of each kind in a message
FLOATS = ("weight", "bias", "running_mean", "running_var")  # name endings of tensors of real floats

Shapes = Mapping[str, tuple[int, ...]]


@dataclass
class Differences:
    """The differences between a model and a file, by the file's names."""

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
    """Return the differences; missing batch counters do not count (they start at 0)."""
    both = [name for name in model if name in file]
    return Differences(
        missing=[name for name in model if name not in file and not name.endswith("num_batches_tracked")],
        unexpected=[name for name in file if name not in model],
        shapes={name: (file[name], model[name]) for name in both if file[name] != model[name]},
    )


def refuse_unusable(file: str, tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors that no network here can hold: tensors without numbers, or not dense.

    Raises:
        InputError: naming them.
    """
    _refuse(file, {name: why for name, tensor in tensors.items() if (why := _unusable(tensor))})


def refuse_integers(file: str, tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights and statistics that are not real floats.

    Raises:
        InputError: naming them.
    """
    kinds = {name: tensor.dtype for name, tensor in tensors.items() if name.endswith(FLOATS)}
    _refuse(file, {name: str(kind)[len("torch.") :] for name, kind in kinds.items() if not kind.is_floating_point})


def _refuse(file: str, wrong: Mapping[str, str]) -> None:
    if wrong:
        kinds = ", ".join(dict.fromkeys(wrong.values()))
        raise InputError(
            f"{file} must hold dense tensors of floats, got {kinds}: {_some(list(wrong))}; "
            "save the model before it is quantised or pruned to sparse tensors"
        )


def is_usable(tensor: Tensor) -> bool:
    """Return whether the tensor has numbers that can be read one by one."""
    return not (tensor.is_meta or tensor.is_quantized or tensor.is_nested or tensor.layout != torch.strided)


def _unusable(tensor: Tensor) -> str:
    """Return what is wrong with a tensor, or an empty string."""
    if tensor.is_meta:
        return "tensors without numbers (meta)"
    if tensor.is_quantized:
        return "quantised tensors"
    if not is_usable(tensor):
        return "sparse or nested tensors"
    return ""


def note_of_precision(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return a note on the tensors that loading converts to float32, or no note."""
    kinds = {str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values() if tensor.is_floating_point()}
    others = sorted(kinds - {"float32"})
    return [f"{' and '.join(others)} numbers as float32"] if others else []


def fill(build: Callable[[], nn.Module], tensors: Mapping[str, Tensor], *, whole: bool) -> nn.Module:
    """Build the model and load the tensors as float32: exact for float32 and lower precision, rounded for float64.

    Args:
        build: makes the model on the current device.
        tensors: the tensors that fit, by the model's names.
        whole: whether no tensor is missing, so that the model needs no initialisation.

    Raises:
        InputError: a float64 number that float32 cannot hold.
    """
    with torch.device("meta"):
        model = build()
    state = model.state_dict()
    values = {name: _own(name, tensor, state[name]) for name, tensor in tensors.items()}
    counters = [name for name in state if name.endswith("num_batches_tracked") and name not in values]
    values |= {name: torch.zeros((), dtype=torch.long) for name in counters}
    hidden = {name for name, _ in model.named_buffers()} - set(state)  # not in files; only the constructor sets them
    if whole and not hidden:
        model.load_state_dict(values, assign=True)
        return model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build()
    model.load_state_dict(values, strict=False, assign=True)
    return model


def _own(name: str, tensor: Tensor, place: Tensor) -> Tensor:
    """Return a copy in the precision of its destination."""
    taken = tensor.to(place.dtype)
    if tensor.dtype == torch.float64 and bool((taken.isinf() & tensor.isfinite()).any()):
        raise InputError(f"{name} must hold numbers of float32's range, got {tensor.abs().max():.3g}; scale them down")
    return taken.clone(memory_format=torch.contiguous_format)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
