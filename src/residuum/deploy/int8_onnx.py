"""int8 for ONNX Runtime, by its own tools."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from residuum_runtime.machine import features

from .calibration import Calibration
from .prepare import Prepared, quiet

WEIGHTED = ["Conv", "Gemm", "MatMul"]


def quantise(graph: Any, prepared: Prepared, kept: tuple[str, ...]) -> Any:
    """Return the ONNX graph with int8 layers between quantise and dequantise nodes, except the layers in ``kept``.

    Weights lose a bit where this processor would overflow 16-bit sums of products (no VNNI or similar).
    """
    import onnx
    from onnxruntime import quantization

    calibration: Calibration = prepared.made["calibration"]
    name = graph.graph.input[0].name
    left_out = [node.name for node in graph.graph.node if node.name.startswith(tuple(f"{layer}/" for layer in kept))]
    sums_fit = any("int8" in feature for feature in features())
    with quiet(), tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(graph, before)
        quantization.quantize_static(
            before,
            after,
            _reader([{name: image} for image in calibration.batches(prepared)]),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=WEIGHTED,
            nodes_to_exclude=left_out if kept else [],
            per_channel=True,
            reduce_range=not sums_fit,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return onnx.load(after)


def _reader(feeds: list[dict[str, Any]]) -> Any:
    """Return a reader that yields images one by one to ONNX Runtime's tools."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        """Yields the images."""

        def __init__(self) -> None:
            self.feeds = iter(feeds)

        def get_next(self) -> Any:
            """Return the next image, or None."""
            return next(self.feeds, None)

    return Reader()
