"""Import torchvision even if its compiled half cannot load."""

from __future__ import annotations

import sys
from typing import Any

_OPERATORS: list[Any] = []  # keeps the declarations alive

_SCHEMAS = ("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
            "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # fmt: skip


def import_torchvision() -> Any:
    """Return the torchvision module.

    The wheel that package indexes serve is built for CUDA; beside a CPU build of torch its compiled operators do not
    load, and its Python half then stops at ``operator torchvision::nms does not exist``. Nothing here needs those
    operators: declaring their names is enough for transforms, data sets and models.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        import torch

        library = torch.library.Library("torchvision", "DEF")
        for schema in _SCHEMAS:
            library.define(schema)
        _OPERATORS.append(library)
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        import torchvision
    return torchvision
