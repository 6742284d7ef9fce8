"""What users of timm, torchvision and Hugging Face type, and what to type here.

What means the same works (``drop_path_rate``, ``pretrained=False``); the rest is one error that names the spelling.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, nearest

# An argument of others that is an argument here, under another name.
RENAMED = {
    "in_channels": "in_chans", "input_channels": "in_chans", "num_channels": "in_chans", "num_labels": "num_classes",
    "n_classes": "num_classes", "nb_classes": "num_classes", "num_class": "num_classes", "classes": "num_classes",
    "img_size": "image_size", "input_size": "image_size", "num_layers": "depth", "layers": "depth",
    "embed_dim": "width",
    "hidden_size": "width", "num_heads": "heads", "zero_init_residual": "zero_gamma", "zero_init_last": "zero_gamma",
    "stochastic_depth_prob": "stochastic_depth", "cardinality": "groups", "width_per_group": "base_width",
    "norm_layer": "norm", "drop_path": "drop_path_rate", "vocab_size": "vocabulary",
    "max_position_embeddings": "length",
}  # fmt: skip

# Names of one architecture that no rule below finds.
NAMES = {"vitb16": "vit_base", "vitl16": "vit_large", "vits16": "vit_small", "vitt16": "vit_tiny", "gpt": "gpt1",
         "openaigpt": "gpt1"}  # fmt: skip

# What names of checkpoints carry beside the architecture: patch and image size, case of letters, training set.
BESIDE = re.compile(r"(patch16)?(224|384)?(in21k|in1k)?$|(un)?cased$")

OF_A_FILE = re.compile(r"\.(pth|pt|th|bin|safetensors|npz|ckpt|tar|onnx|xml|pt2|h5|msgpack|pkl)$", re.IGNORECASE)

TORCHVISION = re.compile(r"(resnet(18|34|50|101|152)|resnext(50_32x4d|101_32x8d|101_64x4d)|wide_resnet(50|101)_2"
                         r"|densenet(121|161|169|201)|vgg(11|13|16|19)(_bn)?|alexnet)")  # fmt: skip


def canonical(name: str, known: Collection[str]) -> str:
    """Return the model that another spelling means (``ResNet-50``, ``microsoft/resnet-50``), or nothing.

    >>> canonical("ResNet-50", ["resnet50", "vgg16"])
    'resnet50'
    """
    plain = {_plain(own): own for own in known}
    word = name.rsplit("/", 1)[-1].split(".")[0]
    for spelling in (_plain(word), _plain(BESIDE.sub("", _plain(word))), f"cifar{_plain(word)}"):
        spelling = spelling.replace("deit", "vit", 1) if spelling.startswith("deit") else spelling
        if found := NAMES.get(spelling) or plain.get(spelling):
            return found if found in known else ""
    return ""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def published(name: str, known: Collection[str] = ()) -> str:
    """Return the spelling here of weights that others publish, or nothing: ``hf://microsoft/resnet-50``.

    Without ``hf-hub:`` before it OWNER/NAME may be a path as well: it counts where NAME is a known model's.

    >>> published("hf-hub:microsoft/resnet-50"), published("resnet50.a1_in1k"), published("runs/mine")
    ('hf://microsoft/resnet-50', 'timm:resnet50.a1_in1k', '')
    """
    bare = re.sub(r"^(hf[-_]hub:|huggingface:|hf:/*|(https?://)?huggingface\.co/)", "", name).strip("/")
    if OF_A_FILE.search(bare):
        return ""
    if found := re.fullmatch(r"timm/([\w.-]+)", bare):
        return f"timm:{found[1]}"
    if re.fullmatch(r"\w[\w.-]*/[\w.-]+", bare) and (bare != name or canonical(bare, known)):
        return f"hf://{bare}"
    if re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z0-9_]*in(1k|12k|21k|22k)[a-z0-9_]*", bare):
        return f"timm:{bare}"
    return ""


def weights_of(model: str) -> str:
    """Return whose weights a model of that name may start from, as an argument to type."""
    if TORCHVISION.fullmatch(model):
        return f"weights='torchvision:{model}' or 'timm:{model}'"
    return "weights=FILE, 'timm:NAME' or 'hf://OWNER/NAME'"


def refuse_name(name: str, known: Collection[str]) -> InputError:
    """Return the error for a name that no model here has: what it means here, or the nearest names."""
    if not isinstance(name, str):
        return InputError(f"a model's name must be text, got {type(name).__name__}; `residuum models` lists all")
    said = f"no model is named {name!r}; "
    own = canonical(name, known)
    if name.startswith(("torchvision:", "timm:", "hf://")):
        return InputError(f"{said}it names weights: {_loaded(name)}")
    if Path(name).exists():
        return InputError(f"{said}it is a file or folder: {_loaded(name)}")
    if source := published(name, known):
        new = f"; new weights: {own}" if own else ""
        return InputError(f"{said}published weights: {_loaded(source)}{new}")
    if own:
        return InputError(f"{said}it is {own} here")
    return InputError(f"{said}{nearest(name, [*known])} `residuum models` lists all")


def _loaded(source: str) -> str:
    return f"--weights {source}, in Python residuum.load({source!r})"


def settle_arguments(name: str, taken: Collection[str], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments without those of others that change nothing here.

    Args:
        name: of the model.
        taken: what its builder takes.
        arguments: as the user gave them.

    Raises:
        InputError: an argument that the builder does not take; the message says what to type instead.
    """
    kept = dict(arguments)
    for key in ("pretrained", "drop_rate", "checkpoint_path", "drop_path_rate", "weights"):
        if key in kept and key not in taken and not kept[key] and not isinstance(kept[key], str):
            del kept[key]
    for key in ("checkpoint_path", "global_pool"):
        if kept.get(key, 0) in ("", None) and key not in taken:
            del kept[key]
    unknown = sorted(set(kept) - {*taken, "drop_path_rate", "global_pool"})
    if unknown:
        hints = [hint for key in unknown if (hint := _hint(key, kept[key], name, taken))]
        said = f"{name} takes {', '.join(taken)}; got {', '.join(unknown)}"
        raise InputError("; ".join([said, *hints]))
    if kept.get("global_pool", "avg") != "avg":
        raise InputError(
            f"global_pool must be 'avg', the mean over positions, got {kept['global_pool']!r}; for the map before it "
            "take model.forward_features(images)"
        )
    return kept


def _hint(key: str, value: Any, name: str, taken: Collection[str]) -> str:
    if key == "pretrained":
        return f"say whose weights: {weights_of(name)}"
    if key == "weights":
        return "residuum.create_model takes weights; residuum.models.build gives new ones"
    if key == "checkpoint_path":
        return f"a file is weights={str(value)!r}"
    if key == "drop_rate":
        return "write dropout=" if "dropout" in taken else "these networks have no dropout before the classifier"
    if key in RENAMED and (RENAMED[key] in taken or RENAMED[key] == "drop_path_rate"):
        return f"{key} is {RENAMED[key]} here"
    near = nearest(key, [*taken], count=1)
    return near if near.startswith("did you mean") else ""


def only_names(others: Mapping[str, Any]) -> None:
    """Refuse what other libraries' ``list_models`` take beside a pattern; False and None change nothing.

    Raises:
        InputError: something that is asked for.
    """
    hints = {
        "pretrained": "it lists what can be built; weights of others are listed by timm.list_pretrained() and "
        "torchvision.models.list_models(), and loaded as timm:NAME, torchvision:NAME or hf://OWNER/NAME",
        "exclude_filters": "leave names out of the list it returns",
        "exclude": "leave names out of the list it returns",
        "include": "write list_models(PATTERN)",
        "module": "a word matches anywhere in a name: list_models('densenet')",
    }
    for key, value in others.items():
        if key not in hints:
            raise InputError(f"list_models takes a pattern, got {key}")
        if value:
            raise InputError(f"list_models takes a pattern, got {key}={value!r}; {hints[key]}")
