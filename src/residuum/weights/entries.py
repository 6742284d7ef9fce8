"""The entries of a checkpoint: where the weights are in its nested dicts and lists, and which weights to load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from ..errors import InputError, nearest
from .arrays import PickledArray

# Entries that hold a checkpoint's weights, in order of preference; and entries that hold its averaged copy.
ROOFS = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "module"),
    *("online_network_state_dict", "encoder_q", "base_encoder", "online"),  # the trained network of a pair
)
EMA_ROOFS = (
    *("state_dict_ema", "ema_state_dict", "model_ema", "ema_model", "model_ema_state_dict", "ema", "averaged"),
    *("ema_state", "ema_params", "params_ema"),
)
OPTIMISER_ROOFS = ("optimizer", "optimizer_states", "optimizer_state_dict", "optimizer_state", "optimiser", "opt")

STUDENT, TEACHER = "student", "teacher"  # in distillation without labels the teacher is the student's average

DEEPEST = 8  # levels of nesting that are searched


def tensors_of(value: Any) -> dict[str, Tensor]:
    """Return the tensors directly in a mapping, including numpy arrays, by name."""
    if not isinstance(value, Mapping):
        return {}
    read = {str(name): _tensor(item) for name, item in value.items()}
    return {name: tensor for name, tensor in read.items() if tensor is not None}


def states(content: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Yield path (``state_dict.model``) and content of each entry with named tensors, except optimiser states."""
    if tensors := tensors_of(content):
        yield ".".join(path), tensors
    if len(path) < DEEPEST:
        for name, value in _inside(content):
            yield from states(value, (*path, name))


def choose_state(content: Any, path: str = "") -> str:
    """Return the path of the entry that holds the weights.

    At each level a usual name comes first, then the only entry with tensors; "" is the content itself.

    Raises:
        InputError: several entries that could be the weights; the message lists them.
    """
    found = dict(states(content))
    own = sum(tensor.numel() for tensor in found.get("", {}).values())
    inside = {name: value for name, value in _inside(content) if any(True for _ in states(value))}
    usual = next((name for name in (*ROOFS, *_pair(inside)) if name in inside), "")
    if not usual:
        learnt = [name for name in inside if name not in EMA_ROOFS]
        largest = max((sum(t.numel() for t in each.values()) for where, each in found.items() if where), default=0)
        if not inside or own >= largest:
            return path
        if len(learnt) > 1:
            listed = ", ".join(f"{where} ({len(each)} tensors)" for where, each in found.items() if where)
            raise InputError(
                f"a checkpoint must hold one set of weights, or one of a usual name, got {listed}; "
                "say which: --entry NAME (entry=NAME in Python)"
            )
        usual = (learnt or list(inside))[0]
    return choose_state(inside[usual], f"{path}.{usual}" if path else usual)


def averaged_state(content: Any, chosen: str) -> str:
    """Return the path of the averaged copy beside the chosen weights, or an empty string."""
    inside = dict(_inside(content))
    names = [name for name in (*EMA_ROOFS, *((TEACHER,) if STUDENT in inside else ())) if name in inside]
    name = next((name for name in names if any(True for _ in states(inside[name]))), "")
    return choose_state(inside[name], name) if name and not f"{chosen}.".startswith(f"{name}.") else ""


def named_state(found: Mapping[str, Any], entry: str) -> str | None:
    """Return the one path that equals ``entry`` or ends in it, or None.

    Raises:
        InputError: several paths end in it.
    """
    if entry in found:
        return entry
    ending = [path for path in found if path.endswith(f".{entry}") or f".{path}.".find(f".{entry}.") >= 0]
    if len(ending) > 1:
        raise InputError(f"entry must name one of {', '.join(ending)}, got {entry!r}; give a whole name")
    return ending[0] if ending else None


def unknown_entry(entry: str, known: list[str]) -> InputError:
    """Return the error for a missing entry."""
    if not known:
        return InputError(f"entry must name a part of the file, got {entry!r}, but it holds one set of weights; "
                          "leave entry out")  # fmt: skip
    return InputError(f"entry must name one of {', '.join(known)}, got {entry!r}; {nearest(entry, known)}")


def _pair(inside: Mapping[str, Any]) -> tuple[str, ...]:
    return (STUDENT,) if STUDENT in inside and TEACHER in inside else ()


def _inside(content: Any) -> Iterator[tuple[str, Any]]:
    """Yield the items of a mapping, a list or a tuple by name or number, except optimisers and similar state."""
    if isinstance(content, Mapping):
        items = ((str(name), value) for name, value in content.items())
    elif isinstance(content, list | tuple):
        items = ((str(number), value) for number, value in enumerate(content))
    else:
        return
    for name, value in items:
        if isinstance(value, Mapping | list | tuple) and not _is_optimiser(name, value):
            yield name, value


def _is_optimiser(name: str, value: Any) -> bool:
    if name in OPTIMISER_ROOFS or "optim" in name.lower() or "sched" in name.lower():
        return True
    return isinstance(value, Mapping) and "param_groups" in value and "state" in value


def _tensor(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value.detach()
    return value.to_tensor() if isinstance(value, PickledArray) else None
