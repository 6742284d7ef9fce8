"""Write a weights file under the names of another library, tensor for tensor."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import __version__
from ..errors import InputError, pick
from ..files import write_bytes, write_text
from ..models import VARIANTS, Description, Preprocessing
from .dialects import DIALECTS, TARGETS, spell, to_source_shape, translate
from .metadata import NAMES_KEY, to_metadata
from .pretrained import fetch
from .processors import huggingface_processor
from .safetensors_file import write_safetensors
from .stacked import Naming, to_theirs
from .transformer_config import transformer_config
from .understand import understand
from .understood import Understood


def convert(
    path: str | os.PathLike[str],
    to: str,
    output: str | os.PathLike[str],
    preprocessing: Preprocessing | None = None,
    *,
    entry: str = "",
) -> Path:
    """Write the weights of ``path`` under another library's names; tensors keep every bit, so a round trip is exact.

    Args:
        path: a weights file of any known source.
        to: ``torchvision``, ``timm``, ``huggingface`` (or ``transformers``, the same), or ``safetensors`` (this
            library's own, self-describing).
        output: ``.safetensors``, or ``.pth``, ``.pt``, ``.bin`` for torch's format; for ``huggingface`` a
            name without an ending is a folder that transformers' ``from_pretrained`` reads.
        preprocessing: overrides the preprocessing of the file or its folder.
        entry: which of a checkpoint's entries or networks; by default the usual one.

    Returns:
        The weights file written.

    Raises:
        InputError: an unknown target, or tensors that the target has no names for.

    >>> convert("runs/mine", "safetensors", "copy.safetensors").name
    'copy.safetensors'
    """
    output = Path(output)
    pick(TARGETS, to, "to")
    contents, beside = fetch(path, entry)
    if preprocessing is not None:
        beside = replace(beside, preprocessing=preprocessing, trouble="", prepared_by="given")
    understood = understand(contents, beside)
    if preprocessing is not None:  # also for our own files, which no file beside them describes
        understood.description.preprocessing = preprocessing
    if differences := understood.differences(understood.description.arguments):
        raise InputError(f"{contents.path.name} must fit {understood.description.model}:\n{differences}")
    dialect, tensors = respell(understood.tensors, to, _builder(understood.description))
    if to in ("huggingface", "transformers") and not output.suffix:
        return _write_folder(output, understood, tensors)
    if output.suffix == ".safetensors":
        names = {} if dialect == "residuum" else {NAMES_KEY: dialect}
        write_safetensors(tensors, output, to_metadata(understood.description, __version__) | names)
    elif output.suffix in (".pth", ".pt", ".bin") and to != "safetensors":
        buffer = io.BytesIO()  # through memory, because torch.save writes the file's name into the file
        torch.save({name: tensor.clone() for name, tensor in tensors.items()}, buffer)
        write_bytes(output, buffer.getvalue())
    else:
        endings = ".safetensors" if to == "safetensors" else ".safetensors, .pth, .pt or .bin"
        raise InputError(f"output must end in {endings} for {to}, got {output.name!r}")
    return output


def respell(tensors: dict[str, Tensor], to: str, builder: str) -> tuple[str, dict[str, Tensor]]:
    """Return the first of the target's dialects that has a name for every tensor, and the tensors under those names.

    Raises:
        InputError: no dialect has all names.
    """
    unnamed: list[str] = []
    own = [dialect for dialect in TARGETS[to] if builder in DIALECTS[dialect].builders]
    for dialect in own or [dialect for dialect in TARGETS[to] if not DIALECTS[dialect].builders]:
        if dialect == "residuum":
            return dialect, tensors
        if (naming := DIALECTS[dialect].naming) is not None:
            found, lacking = to_theirs(naming, tensors, _home(naming, tensors))
            if not lacking:
                return dialect, found
            unnamed = lacking if not unnamed or len(lacking) < len(unnamed) else unnamed
            continue
        names = {name: spell(dialect, name) for name in tensors}
        lacking = [name for name, theirs in names.items() if theirs is None]
        if not lacking and all(translate(dialect, str(theirs)) == name for name, theirs in names.items()):
            shaped = {name: to_source_shape(dialect, name, tensor) for name, tensor in tensors.items()}
            return dialect, {str(names[name]): tensor for name, tensor in shaped.items()}
        unnamed = lacking if not unnamed or len(lacking) < len(unnamed) else unnamed
    known = " or ".join(DIALECTS[dialect].title for dialect in TARGETS[to])
    raise InputError(f"{known} must have a name for every tensor, got none for {', '.join(unnamed[:4])}; "
                     "convert to safetensors instead")  # fmt: skip


def _home(naming: Naming, tensors: Mapping[str, Tensor]) -> str:
    """Return the prefix that the source writes: a decoder's always, an encoder's where a head stands beside it."""
    return naming.home if not naming.heads or any(name.startswith(naming.heads) for name in tensors) else ""


def _write_folder(folder: Path, understood: Understood, tensors: dict[str, Tensor]) -> Path:
    """Write what ``from_pretrained`` reads: weights, configuration, preprocessing."""
    description = understood.description
    write_text(folder / "config.json", _text(huggingface_config(understood)))
    if (chosen := description.preprocessing) is not None:
        write_text(folder / "preprocessor_config.json", _text(huggingface_processor(chosen)))
    write_safetensors(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder / "model.safetensors"


def huggingface_config(understood: Understood) -> dict[str, Any]:
    """Return the ``ResNetConfig``, ``ViTConfig``, ``BertConfig`` or ``GPT2Config`` of the model.

    Raises:
        InputError: a model that it cannot describe.
    """
    description, tensors = understood.description, understood.tensors
    if (config := transformer_config(description, tensors)) is not None:
        return config
    blocks = sorted({tuple(map(int, name.split(".")[1:3])) for name in tensors if name.startswith("stages.")})
    stages = range(blocks[-1][0] + 1)
    last = "conv3" if "stages.0.0.branch.conv3.weight" in tensors else "conv2"
    if _builder(description) != "resnet" or _argument(description, "shortcut", "B") != "B":
        raise InputError(f"ResNetConfig describes resnet18 to resnet152 only, got {description.model}; "
                         "give an output that ends in .safetensors for the weights alone")  # fmt: skip
    classes = description.classes or [f"LABEL_{number}" for number in range(len(tensors["head.fc.weight"]))]
    return {
        "architectures": ["ResNetForImageClassification"],
        "model_type": "resnet",
        "num_channels": tensors["stem.conv.weight"].shape[1],
        "embedding_size": tensors["stem.conv.weight"].shape[0],
        "hidden_sizes": [tensors[f"stages.{stage}.0.branch.{last}.weight"].shape[0] for stage in stages],
        "depths": [sum(stage == number for stage, _ in blocks) for number in stages],
        "layer_type": "bottleneck" if last == "conv3" else "basic",
        "hidden_act": "relu",
        "downsample_in_first_stage": False,
        "downsample_in_bottleneck": _argument(description, "stride_on", "conv2") == "conv1",
        "id2label": {str(number): name for number, name in enumerate(classes)},
        "label2id": {name: number for number, name in enumerate(classes)},
    }


def _argument(description: Description, key: str, default: str) -> str:
    fixed = VARIANTS[description.model].arguments if description.model in VARIANTS else {}
    return {**fixed, **description.arguments}.get(key, default)


def _builder(description: Description) -> str:
    row = VARIANTS.get(description.model)
    return row.builder.__name__ if row is not None else description.model


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
