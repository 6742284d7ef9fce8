"""Padding and the norms' eps: tensors do not show them, but a published name or the source does."""

from __future__ import annotations

import re
from typing import Any

from ..models import Description
from .architectures import Named, plain_name
from .dialects import DIALECTS
from .sources import full_arguments

TENSORFLOW = {"padding": "same", "norm_eps": 1e-3}  # timm's names of weights from TensorFlow begin with tf_
TORCH = {"padding": "symmetric", "norm_eps": 1e-5}
OWN = re.compile(r"(efficientnet|mobilenetv3)_")  # timm's names of weights from torch

UNSAID = "padding and eps of the norms as published (padding and norm_eps override them)"


def conventions(description: Description, dialect: str, named: Named | None) -> tuple[dict[str, Any], str]:
    """Return the non-default builder arguments that name and source imply, and the assumptions."""
    own = full_arguments(description.model, description.arguments)[1]
    if "norm_eps" not in own:
        return {}, ""
    plain = plain_name(named.name) if named else ""
    if plain.startswith("tf_"):
        told, assumed = TENSORFLOW, ""
    elif OWN.match(plain):
        told, assumed = TORCH, ""
    else:
        told, assumed = DIALECTS[dialect].arguments, UNSAID
    return {key: value for key, value in told.items() if own[key] != value}, assumed
