"""Run a file with OpenVINO."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .card import KEY, Card, from_text
from .errors import InputError

# the engine's arithmetic for each precision; int8 layers are in the file, the rest is float32
HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f32", "int8": "f32"}
SHAPES = 4  # compiled batch shapes to keep; drops the least recently used first


def open_session(path: Path, threads: int) -> OpenvinoSession:
    """Load an ``.xml`` with its ``.bin``, or an ``.onnx``."""
    return OpenvinoSession(path, threads)


class OpenvinoSession:
    """A file loaded by OpenVINO for the CPU.

    Each batch shape is compiled separately: it is faster, and with dynamic shapes OpenVINO 2026.4
    silently returns wrong results in int8.
    """

    def __init__(self, path: Path, threads: int) -> None:
        import openvino

        if path.suffix == ".xml" and not path.with_suffix(".bin").is_file():
            raise InputError(f"{path.name} needs {path.with_suffix('.bin').name} beside it; copy both, or export again")
        self.core = openvino.Core()
        try:
            self.model = read(self.core, path)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise InputError(f"{path} cannot be read by OpenVINO ({reason}); export it again") from error
        self.card: Card = from_text(_card_text(self.model), path)
        self.settings = {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": HINTS[self.card.precision],
        }
        self.requests: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def run(self, images: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return the file's output for a batch [N, C, H, W]."""
        request = self._request(images.shape)
        request.infer({0: np.ascontiguousarray(images)}, share_inputs=True)  # a copy takes 2 % of an int8 ResNet-50
        return request.get_output_tensor(0).data.copy()

    def _request(self, shape: tuple[int, ...]) -> Any:
        if shape not in self.requests:
            model = self.model.clone()
            model.reshape(list(shape))
            self.requests[shape] = self.core.compile_model(model, "CPU", self.settings).create_infer_request()
            if len(self.requests) > SHAPES:
                self.requests.popitem(last=False)
        self.requests.move_to_end(shape)
        return self.requests[shape]


def read(core: Any, path: Path) -> Any:
    """Read the file as OpenVINO's graph.

    Its ONNX reader silently treats a resize with antialiasing as one without; Pillow's way is the right one.
    """
    from openvino import opset11, utils

    model = core.read_model(path)
    for node in model.get_ops():
        if node.get_type_name() == "Interpolate" and node.get_attributes()["antialias"]:
            inputs = [entry.get_source_output() for entry in node.inputs()]
            way = "bicubic" if node.get_attributes()["mode"] == "cubic" else "bilinear"
            mode = {"mode": f"{way}_pillow", "cube_coeff": -0.5, "shape_calculation_mode": "sizes"}
            utils.replace_node(
                node, opset11.interpolate(inputs[0], inputs[1], axes=inputs[2] if inputs[2:] else None, **mode)
            )
    model.validate_nodes_and_infer_types()
    return model


def _card_text(model: Any) -> str | None:
    """Return the card from the place where OpenVINO or its ONNX reader puts it."""
    for place in ([KEY, "card"], ["framework", KEY]):
        if model.has_rt_info(place):
            return model.get_rt_info(place).astype(str)
    return None
