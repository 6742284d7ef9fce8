"""The files beside a weights file in a model's folder: the configurations that Hugging Face and timm write."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from ..errors import InputError
from ..models import Preprocessing
from .architectures import Named
from .processors import huggingface_preprocessing
from .timm_config import pretrained_cfg, refuse_arguments, timm_preprocessing

# The names under which a model's folder holds its weights; a file of any other name is read alone.
WEIGHTS_NAMES = ("model.safetensors", "pytorch_model.bin")
MAX_BYTES = 10_000_000  # of a configuration; one with 21,000 class names needs a tenth of it
OVERRIDE = (
    "correct the file, or give preprocessing=residuum.Preprocessing(...); to store it in the file, use "
    "`residuum convert --to safetensors --preprocessing size=224,resize=256,mean=0.5,std=0.5`"
)


@dataclass
class Sidecar:
    """The description of the weights in a model's folder."""

    preprocessing: Preprocessing | None = None
    classes: list[str] = field(default_factory=list)
    licence: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)  # the builder's arguments that tensors cannot show
    metrics: dict[str, float] = field(default_factory=dict)
    provenance: str = ""
    named: Named | None = None  # the architecture
    trouble: str = ""  # why the preprocessing cannot be understood; ignored where the caller gives one
    num_classes: int = 0  # in the configuration; 0: not stated
    unclear: bool = False  # whether only a report of such trouble is wanted: nothing is assumed
    prepared_by: str = ""  # the source of the preprocessing
    config: dict[str, Any] = field(default_factory=dict)  # Hugging Face's, to check against the tensors
    publisher: Callable[[], nn.Module] | None = None  # the publisher's own model, where available


def read_sidecar(path: Path) -> Sidecar:
    """Return the description in a weights file's folder; empty where no such file is beside it.

    Raises:
        InputError: a configuration that is not JSON or cannot be understood.
    """
    if path.name not in WEIGHTS_NAMES:
        return Sidecar()
    config = _json(path.with_name("config.json"))
    processor = _json(path.with_name("preprocessor_config.json"))
    timm = pretrained_cfg(config)
    beside = Sidecar(config={} if timm else config)
    where, file = "config.json", "config.json" if timm else "preprocessor_config.json"
    try:
        refuse_arguments(config)
        beside.classes = _classes(config, timm)
        beside.num_classes = _number_of_classes(config, timm)
    except InputError as error:
        raise InputError(f"{path.with_name(where)}: {error}; correct it or move the weights elsewhere") from error
    try:
        if timm:
            beside.preprocessing, beside.prepared_by = timm_preprocessing(timm), "config.json"
        elif (found := huggingface_preprocessing(processor, str(config.get("model_type", "")))) is not None:
            beside.preprocessing, beside.prepared_by = found[0], f"{file} says ({found[1]})"
    except InputError as error:
        beside.trouble = f"{path.with_name(file)}: {error}; {OVERRIDE}"
    beside.licence = str(timm.get("license") or _licence(path.with_name("README.md")))
    if config.get("downsample_in_bottleneck") and config.get("layer_type", "bottleneck") == "bottleneck":
        beside.arguments = {"stride_on": "conv1"}
    architecture = config.get("architecture") or timm.get("architecture")
    if isinstance(architecture, str):
        beside.named = Named(architecture, f'{where}, "architecture",', exact=True)
    return beside


def _classes(config: dict[str, Any], timm: dict[str, Any]) -> list[str]:
    """Return the classes' names in the order of the logits.

    Raises:
        InputError: numbers that are not 0, 1, ..., or two orders that differ.
    """
    if names := config.get("label_names") or timm.get("label_names"):
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InputError(f'"label_names" must be a list of names, got {str(names)[:80]}')
        return names
    of_number, of_name = config.get("id2label") or {}, config.get("label2id") or {}
    if isinstance(of_number, list):
        of_number = dict(enumerate(of_number))
    try:
        numbered = {int(number): str(name) for number, name in of_number.items()}
        inverse = {int(number): str(name) for name, number in of_name.items()}
    except (AttributeError, TypeError, ValueError):
        raise InputError('"id2label" must map numbers to names, and "label2id" names to numbers') from None
    if numbered and inverse and any(numbered.get(number) != name for number, name in inverse.items()):
        raise InputError('"id2label" and "label2id" must have the same order, got two orders')
    numbered = numbered or inverse
    if sorted(numbered) != list(range(len(numbered))):
        raise InputError(f'"id2label" must number the classes from 0 on, got {sorted(numbered)[:8]}')
    return [numbered[number] for number in range(len(numbered))]


def _number_of_classes(config: dict[str, Any], timm: dict[str, Any]) -> int:
    """Return timm's number of classes, or transformers', which its names override; 0: not stated."""
    theirs = None if config.get("id2label") else config.get("num_labels")
    said = config.get("num_classes", timm.get("num_classes", theirs))
    if said is not None and (type(said) is not int or said < 0):
        raise InputError(f'"num_classes" must be a number of classes, got {said!r}')
    return said or 0


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
        raise InputError(f"{path} must be JSON, got: {error}; correct it or move the weights elsewhere") from error
    return content if isinstance(content, dict) else {}
