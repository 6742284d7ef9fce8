"""Write ONNX: the format that most engines read."""

from __future__ import annotations

import ast
import copy
import re
from pathlib import Path
from typing import Any

import torch

from residuum_runtime.card import KEY, Card

from ..errors import InputError
from . import int8_onnx, opset
from .graphs import write_graph
from .half import halved
from .prepare import Prepared, first_line, quiet, trace

FILE = "model.onnx"
AXES = ("batch", "channels", "height", "width")
SCOPES = "pkg.torch.onnx.name_scopes"  # the exporter's record of each node's module


def write(prepared: Prepared, folder: Path, card: Card) -> Path:
    """Write ``model.onnx`` in float32, float16 or int8, at the requested opset, and return its path."""

    def made(prepared: Prepared) -> Any:
        return graph(prepared, max(prepared.form.opset, opset.WRITTEN), half=card.precision == "fp16")

    def finish(model: Any, path: Path, card: Card) -> None:
        save(opset.at_opset(model, prepared.form.opset, card.model), path, card)

    return write_graph(folder / FILE, prepared, card, graph=made, quantise=int8_onnx.quantise, save=finish)


def graph(prepared: Prepared, version: int = opset.NEWEST, *, half: bool = False) -> Any:
    """Return the model as an ONNX protobuf whose values have the names of the layers that output them.

    Args:
        prepared: the model.
        version: the requested opset, 18 or newer; the exporter may write an older one.
        half: compute in float16 between float32 images and logits.

    Raises:
        InputError: an operator that ONNX lacks.
    """
    key = f"{FILE} {version} {half}"
    if key in prepared.made:
        return copy.deepcopy(prepared.made[key])
    names = (["pictures"], ["probabilities"]) if prepared.card.pixels else (["images"], ["logits"])
    # errors of tracing come before errors on ONNX's operators
    traced = trace(halved(prepared, torch.float16), prepared.card) if half else prepared.program
    try:
        with quiet():
            program = torch.onnx.export(
                traced,
                (),
                dynamo=True,
                verbose=False,
                opset_version=version,
                input_names=names[0],
                output_names=names[1],
            )
    except Exception as error:  # its errors have no common base
        raise InputError(f"{prepared.card.model} must consist of ONNX operators, but: {_reason(error)}") from error
    assert program is not None
    prepared.made[key] = name_values(program.model_proto)
    opset.name_axes(prepared.made[key], AXES)
    return copy.deepcopy(prepared.made[key])


def _reason(error: BaseException) -> str:
    """Return the innermost reason of an exporter's nested errors."""
    while error.__cause__ is not None:
        error = error.__cause__
    return first_line(error)


def name_values(model: Any) -> Any:
    """Name the last value of each module after the module, and drop the exporter's notes (paths of this machine)."""
    taken = {entry.name for entry in (*model.graph.input, *model.graph.output, *model.graph.initializer)}
    last: dict[str, str] = {}
    for node in model.graph.node:
        if (module := _module(node)) and node.output[0] not in taken:
            last[module] = node.output[0]
    names = {value: module for module, value in last.items() if module not in taken}
    for node in model.graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(value, value) for value in values]
        if _module(node) and node.op_type in ("Conv", "Gemm", "MatMul"):
            node.name = f"{_module(node)}/{node.op_type}_{node.name}"
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:], model.graph.metadata_props[:], model.metadata_props[:]
    model.doc_string = model.graph.doc_string = ""
    return model


def _module(node: Any) -> str:
    """Return the name of a node's module in the network; empty where it has none."""
    scopes = next((entry.value for entry in node.metadata_props if entry.key == SCOPES), "[]")
    path = [scope for scope in ast.literal_eval(scopes)[:-1] if scope]
    return re.sub(r"^(network(\.|$))+", "", path[-1]) if path else ""


def save(model: Any, path: Path, card: Card) -> None:
    """Write the protobuf with the card among its properties."""
    import onnx

    kept = [entry for entry in model.metadata_props if entry.key != KEY]
    del model.metadata_props[:]
    model.metadata_props.extend([*kept, onnx.StringStringEntryProto(key=KEY, value=card.to_text())])
    onnx.save(model, path)


def seal(path: Path, card: Card) -> None:
    """Replace the file's card; keep its graph."""
    import onnx

    save(onnx.load(path), path, card)


def facts(path: Path) -> dict[str, Any]:
    """Return facts for readers: the opset and the version of the format (IR)."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    return {"opset": opset.version_of(model), "ir": model.ir_version}
