"""The ONNX operator version of a file: the lowest that all its operators allow, or a chosen one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from ..errors import InputError

LEAST = 13  # before it quantised layers have no scale per channel, and softmax has another meaning
WRITTEN = 18  # the exporter's lowest
NEWEST = 20  # newest that every engine here reads


def at_opset(model: Any, opset: int, name: str) -> Any:
    """Return the graph at that opset, or at the lowest that its operators allow (0), with the lowest matching IR.

    Args:
        model: an ONNX protobuf of opset 18 or newer.
        opset: 13 or newer; 0 for the lowest.
        name: the network's name, for messages.

    Raises:
        InputError: an opset older than an operator of the graph, or newer than the exporter writes.
    """
    if opset >= WRITTEN:
        if version_of(model) != opset:
            raise InputError(
                f"opset must be {version_of(model)} or lower, the newest that the exporter writes, got {opset}"
            )
        return write_opset(model, opset)
    plain = with_fixed_axes(model)
    lowest = next((version for version in range(LEAST, WRITTEN) if allowed(plain, version)), WRITTEN)
    if opset and opset < lowest:
        raise InputError(f"opset must be {lowest} or newer for the operators of {name}, got {opset}")
    return write_opset(model, WRITTEN) if lowest == WRITTEN else write_opset(plain, opset or lowest)


def version_of(model: Any) -> int:
    """Return the opset of ONNX's own operators."""
    return next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))


def write_opset(model: Any, opset: int) -> Any:
    """Write the opset and the lowest matching IR into the graph, and drop domains without nodes."""
    from onnx import helper

    used = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
    others = [entry for entry in model.opset_import if entry.domain in used]
    imports = [helper.make_opsetid("", opset), *others]
    del model.opset_import[:]
    model.opset_import.extend(imports)
    model.ir_version = helper.find_min_ir_version_for(imports, ignore_unknown=True)
    return model


def allowed(model: Any, opset: int) -> bool:
    """Return whether every operator supports its inputs, attributes and types at that opset."""
    import onnx

    try:
        onnx.checker.check_model(write_opset(model, opset), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return False
    return True


def with_fixed_axes(model: Any) -> Any:
    """Return a copy whose reductions have their axes as an attribute, as before opset 18, not as an input."""
    from onnx import helper, numpy_helper

    model = copy.deepcopy(model)
    constants = {entry.name: entry for entry in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2"):
            continue
        if len(node.input) == 2 and node.input[1] in constants:
            axes = numpy_helper.to_array(constants[node.input[1]]).tolist()
            kept = [entry for entry in node.attribute if entry.name != "noop_with_empty_axes"]
            del node.attribute[:], node.input[1]
            node.attribute.extend([*kept, helper.make_attribute("axes", axes)])
    _drop_unused(model, constants)
    return model


def _drop_unused(model: Any, constants: dict[str, Any]) -> None:
    read: set[str] = {value for node in model.graph.node for value in node.input}
    read |= {entry.name for entry in model.graph.output}
    for name in constants.keys() - read:
        model.graph.initializer.remove(constants[name])


def name_axes(model: Any, names: Sequence[str]) -> None:
    """Name the free axes of the input, and equal axes of the output."""
    renamed: dict[str, str] = {}
    for entry in (*model.graph.input, *model.graph.output):
        for axis, dimension in enumerate(entry.type.tensor_type.shape.dim):
            if dimension.dim_param:
                name = names[axis] if axis < len(names) else dimension.dim_param
                dimension.dim_param = renamed.setdefault(dimension.dim_param, name)
