"""What stands beside a weights file in a model's folder: the configurations that Hugging Face and timm write."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..models import Preprocessing
from .sources import IMAGENET_MEAN, IMAGENET_STD

# The names under which a model's folder holds its weights; a file of any other name stands alone.
WEIGHTS_NAMES = ("model.safetensors", "pytorch_model.bin")
MAX_BYTES = 10_000_000  # of a configuration; one with 21,000 class names has a tenth of it


@dataclass
class Sidecar:
    """What a model's folder says of its weights."""

    preprocessing: Preprocessing | None = None
    classes: list[str] = field(default_factory=list)
    licence: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)  # of the builder, that tensors cannot show
    metrics: dict[str, float] = field(default_factory=dict)
    provenance: str = ""


def read_sidecar(path: Path) -> Sidecar:
    """Return what the folder of a weights file says; empty where there is nothing beside it.

    Raises:
        InputError: a configuration that is not JSON.
    """
    if path.name not in WEIGHTS_NAMES:
        return Sidecar()
    config = _json(path.with_name("config.json"))
    processor = _json(path.with_name("preprocessor_config.json"))
    timm = config.get("pretrained_cfg", {})
    labels = config.get("label_names") or list(config.get("id2label", {}).values())
    arguments = {"stride_on": "conv1"} if config.get("downsample_in_bottleneck") else {}
    arguments |= timm_arguments(str(config.get("architecture", "")))
    return Sidecar(
        preprocessing=timm_preprocessing(timm) if timm else _huggingface_preprocessing(processor),
        classes=[str(name) for name in labels],
        licence=str(timm.get("license") or _licence(path.with_name("README.md"))),
        arguments=arguments,
    )


def timm_preprocessing(cfg: dict[str, Any]) -> Preprocessing | None:
    """Return the preprocessing of a ``pretrained_cfg``: the shorter side is size / crop_pct before the crop."""
    if "input_size" not in cfg:
        return None
    _, height, width = cfg["input_size"]
    resize = int(min(height, width) / cfg.get("crop_pct", 0.875))
    mean, std = cfg.get("mean", IMAGENET_MEAN), cfg.get("std", IMAGENET_STD)
    return Preprocessing((height, width), tuple(mean), tuple(std), resize)


def timm_arguments(architecture: str) -> dict[str, Any]:
    """Return the builder's arguments that timm tells by a name alone: weights from TensorFlow begin with tf_."""
    mobile = re.fullmatch(r"(tf_)?(efficientnet|mobilenetv3)_\w+", architecture)
    if mobile is None:
        return {}
    return {"padding": "same", "norm_eps": 1e-3} if mobile[1] else {"padding": "symmetric", "norm_eps": 1e-5}


def _huggingface_preprocessing(config: dict[str, Any]) -> Preprocessing | None:
    """Return the preprocessing of ConvNextImageProcessor, which ResNets use: crop_pct counts below 384 pixels."""
    size = config.get("size", {})
    edge = size.get("shortest_edge") if isinstance(size, dict) else size
    if not edge:
        return None
    resize = int(edge / (config.get("crop_pct") or 0.875)) if edge < 384 else 0
    mean, std = config.get("image_mean", IMAGENET_MEAN), config.get("image_std", IMAGENET_STD)
    return Preprocessing((edge, edge), tuple(mean), tuple(std), resize)


def _licence(card: Path) -> str:
    """Return the ``license:`` of a model card's front matter."""
    if not card.is_file():
        return ""
    with card.open(encoding="utf-8", errors="replace") as file:
        start = file.read(10_000)
    found = re.search(r"\A---\n(?:.*\n)*?license:\s*(\S+)\s*\n(?:.*\n)*?---", start)
    return found[1] if found else ""


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    if path.stat().st_size > MAX_BYTES:
        raise InputError(
            f"{path} must be a configuration below {MAX_BYTES} bytes, got {path.stat().st_size}; remove it"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path} must be JSON, got: {error}; mend it or move the weights elsewhere") from error
    return content if isinstance(content, dict) else {}
