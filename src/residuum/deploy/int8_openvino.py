"""int8 for OpenVINO, by NNCF."""

from __future__ import annotations

import contextlib
import io
import logging
from typing import Any

from ..errors import InputError
from .calibration import Calibration
from .prepare import Prepared, quiet

WEIGHTED = ("Convolution", "GroupConvolution", "MatMul")


def quantise(graph: Any, prepared: Prepared, kept: tuple[str, ...]) -> Any:
    """Return OpenVINO's graph with int8 layers, except the layers in ``kept``.

    Ranges cover all values of the calibration images. NNCF's default, the mean of each image's extremes, clips
    more: on the published ResNet-20, logits are off by 0.056 of their deviation on average with it, by 0.022 without.
    Networks with attention keep the operations between matrix products in float32: a small vision transformer is off
    by 0.012 then, and by 0.13 with everything in int8.
    """
    with quiet(), contextlib.redirect_stdout(io.StringIO()):  # it draws its progress
        try:
            import nncf
            from nncf.quantization.range_estimator import RangeEstimatorParametersSet
        except ImportError as error:
            raise InputError(
                "int8 for OpenVINO needs nncf, which is not installed; pip install 'residuum[deploy]'"
            ) from error
        nncf.set_log_level(logging.ERROR)
        calibration: Calibration = prepared.made["calibration"]
        names = [
            node.get_friendly_name()
            for node in graph.get_ops()
            if node.get_type_name() in WEIGHTED
            and node.get_friendly_name().startswith(tuple(f"{name}/" for name in kept))
        ]
        batches = calibration.batches(prepared)
        scope = nncf.IgnoredScope(names=names) if kept else None
        ranges = nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
        )
        return nncf.quantize(
            graph,
            nncf.Dataset(batches),
            subset_size=len(batches),
            ignored_scope=scope,
            model_type=nncf.ModelType.TRANSFORMER if attends(graph) else None,
            advanced_parameters=ranges,
        )


def attends(graph: Any) -> bool:
    """Return whether the network has attention (a softmax over positions); a final softmax does not count."""
    for node in graph.get_ops():
        if node.get_type_name() == "ScaledDotProductAttention":
            return True
        if node.get_type_name() == "Softmax":
            readers = (reader.get_node() for reader in node.output(0).get_target_inputs())
            if any(reader.get_type_name() != "Result" for reader in readers):
                return True
    return False
