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
    """Return OpenVINO's graph with int8 layers, but for those named in ``kept``.

    Ranges hold all that the calibration pictures reach. NNCF's own choice, the mean of each picture's ends, cuts off
    more: on the published ResNet-20 logits are off by 0.056 of their deviation on average with it, by 0.022 without.
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
            advanced_parameters=ranges,
        )
