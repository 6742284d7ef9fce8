"""The targets of an export. A new target needs a file here, a file with its engine, and a line in TARGETS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from residuum_runtime.card import Card

from ..errors import InputError, pick
from . import to_onnx, to_openvino, to_torch
from .prepare import Prepared


class Target(NamedTuple):
    """A kind of file: its writer and its engine."""

    write: Callable[[Prepared, Path, Card], Path]  # writes into that folder; returns the file that the engine opens
    seal: Callable[[Path, Card], None]  # stores the measurements
    engine: str  # its engine in residuum_runtime
    precisions: tuple[str, ...]
    facts: Callable[[Path], dict[str, Any]] = lambda path: {}  # facts for readers of the file
    opsets: bool = False  # whether the file names an opset


TARGETS = {
    "openvino": Target(to_openvino.write, to_openvino.seal, "openvino", ("fp32", "bf16", "int8")),
    "onnx": Target(to_onnx.write, to_onnx.seal, "onnxruntime", ("fp32", "fp16", "int8"), to_onnx.facts, True),
    "torch": Target(to_torch.write, to_torch.seal, "torch", ("fp32", "bf16")),
}


def pick_target(name: str, precision: str, opset: int = 0) -> Target:
    """Return the target of that name; errors list the targets and their precisions.

    Raises:
        InputError: an unknown target, a precision that it lacks, an opset that it does not write.
    """
    target = pick(TARGETS, name, "to")
    if precision not in ("auto", *target.precisions):
        able = [other for other, row in TARGETS.items() if precision in row.precisions]
        other = f", or --to {' or '.join(able)}" if able else ""
        raise InputError(
            f"precision of {name} must be one of auto, {', '.join(target.precisions)}, got {precision!r}{other}"
        )
    if opset and not target.opsets:
        raise InputError(
            f"opset is a version of ONNX's operators, got {opset} with --to {name}; leave it out, or --to onnx"
        )
    return target
