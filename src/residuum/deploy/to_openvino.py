"""Write OpenVINO's format through ONNX: its ONNX reader keeps the layers' names and is correct at all batch sizes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from residuum_runtime.card import KEY, Card
from residuum_runtime.openvino_session import read

from ..errors import InputError
from . import int8_openvino, to_onnx
from .graphs import write_graph
from .prepare import Prepared

FILE = "model.xml"


def write(prepared: Prepared, folder: Path, card: Card) -> Path:
    """Write ``model.xml`` and ``model.bin`` with float32 weights; bf16 is a setting of the engine's arithmetic."""
    return write_graph(folder / FILE, prepared, card, graph=graph, quantise=int8_openvino.quantise, save=save)


def graph(prepared: Prepared) -> Any:
    """Return the model as OpenVINO's graph.

    Raises:
        InputError: an operator that OpenVINO lacks.
    """
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / to_onnx.FILE
        to_onnx.save(to_onnx.graph(prepared), onnx, prepared.card)
        try:
            return read(openvino.Core(), onnx).clone()
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise InputError(
                f"{prepared.card.model} must consist of operators that OpenVINO has, but: {reason}"
            ) from error


def save(model: Any, path: Path, card: Card) -> None:
    """Write the graph with the card in its runtime information."""
    import openvino

    for place in list(model.get_rt_info()):
        del model.get_rt_info()[place]
    model.set_rt_info(card.to_text(), [KEY, "card"])
    openvino.save_model(model, path, compress_to_fp16=False)


def seal(path: Path, card: Card) -> None:
    """Replace the card in the ``.xml``; keep the weights beside it."""
    import xml.etree.ElementTree as ET

    tree = ET.parse(path)
    entry = tree.find(f"./rt_info/{KEY}/card")
    assert entry is not None
    entry.set("value", card.to_text())
    tree.write(path, encoding="utf-8", xml_declaration=True)
