"""Published weights by name: each publisher's own code fetches them into its own cache.

``torchvision:resnet50`` (or ``torchvision:resnet50.IMAGENET1K_V1``), ``timm:resnet50.a1_in1k``,
``hf://microsoft/resnet-50`` (or ``hf://OWNER/NAME@REVISION``); anything else is a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..compat import import_torchvision
from ..errors import InputError, nearest
from ..files import make_folder
from ..models import Preprocessing
from .architectures import Named
from .big_transfer import by_timms_names
from .reading import Contents, read_contents
from .sidecar import OVERRIDE, WEIGHTS_NAMES, Sidecar, read_sidecar
from .timm_config import timm_preprocessing

ENTRY = "::"  # between a file and the entry to load

BESIDE = ("config.json", "preprocessor_config.json", "README.md")  # fetched from the hub too, where they exist


def fetch(source: str | os.PathLike[str], entry: str = "") -> tuple[Contents, Sidecar]:
    """Return the content of a file or a published name, and its publisher's description of it.

    Args:
        source: a file or a published name; ``FILE::ENTRY`` names the entry too.
        entry: which of a checkpoint's entries or networks (``teacher``); by default the usual one.

    Raises:
        InputError: an unknown name, a library that is not installed, or no way to fetch it.
    """
    text = str(source)
    if ENTRY in text and not Path(text).exists():
        text, _, entry = text.rpartition(ENTRY)
        source = text
    for prefix, fetcher in FETCHERS.items():
        if text.startswith(prefix):
            return fetcher(text.removeprefix(prefix))
    if (found := re.match(r"[a-z]+:(?=[^\\/]|//)", text)) and not Path(text).exists():
        hint = nearest(found[0], [*FETCHERS])
        raise InputError(f"weights must be a file or begin with {', '.join(FETCHERS)}, got {text!r}; {hint}")
    if not Path(text).expanduser().exists() and (meant := _meant(text)):
        raise InputError(f"no weights file {text}; {meant}")
    contents = read_contents(source, entry)
    contents.tensors = by_timms_names(contents.tensors)
    return contents, read_sidecar(contents.path)


def _meant(text: str) -> str:
    from .opening import meant_weights  # it reads FETCHERS

    return meant_weights(text)


def with_entry(source: str, entry: str | None) -> str:
    """Return the name of a file's entry for every function here: ``FILE::ENTRY``."""
    return f"{source}{ENTRY}{entry}" if entry else source


def from_torchvision(name: str) -> tuple[Contents, Sidecar]:
    """Fetch ``NAME`` (its best weights) or ``NAME.WEIGHTS`` into torch.hub's cache."""
    import torch

    zoo = import_torchvision().models
    model, _, variant = name.partition(".")
    try:
        entries = zoo.get_model_weights(model)
    except ValueError as error:
        raise InputError(f"torchvision has no model {model!r}; {nearest(model, zoo.list_models())}") from error
    if variant and variant not in entries.__members__:
        raise InputError(f"torchvision's {model} has weights {', '.join(entries.__members__)}, got {variant!r}")
    chosen = entries[variant or "DEFAULT"]
    file = chosen.url.rpartition("/")[2]
    path = Path(torch.hub.get_dir()) / "checkpoints" / file
    if not path.exists():
        make_folder(path.parent, "set TORCH_HOME to a folder elsewhere")
        digest = re.search(r"-([0-9a-f]{8,})\.", file)
        try:
            torch.hub.download_url_to_file(chosen.url, str(path), digest[1] if digest else None, progress=False)
        except (OSError, RuntimeError) as error:
            raise InputError(_unreachable(f"torchvision:{name}", error, f"put {chosen.url} at {path}")) from error
    view = chosen.transforms()
    preprocessing = Preprocessing(
        _pair(view.crop_size), tuple(view.mean), tuple(view.std), view.resize_size[0], view.interpolation.value
    )
    beside = Sidecar(preprocessing, list(chosen.meta["categories"]), "BSD-3-Clause (torchvision)")
    beside.metrics = {key: float(value) for key, value in chosen.meta["_metrics"].get("ImageNet-1K", {}).items()}
    beside.provenance = f"torchvision {model} {chosen.name}"
    beside.named = Named(model, f"torchvision:{name}", exact=True)
    contents = read_contents(path)
    fixed = {"image_size": preprocessing.size[0]} if model.startswith("vit_") else {}
    beside.publisher = partial(_torchvision_model, model, contents.tensors, fixed)
    return contents, beside


def _torchvision_model(name: str, tensors: Mapping[str, Tensor], arguments: Mapping[str, Any]) -> nn.Module:
    """Return torchvision's own model with the file's tensors."""
    import torch

    with torch.device("meta"):
        model: nn.Module = import_torchvision().models.get_model(name, **arguments)
    # its first DenseNets' files have a dot before the layers' numbers
    renamed = {re.sub(r"\.(norm|conv)\.(\d)\.", r".\1\2.", key): value for key, value in tensors.items()}
    missing = model.load_state_dict(renamed, strict=False, assign=True).missing_keys
    for key in missing:  # batch counters, which its oldest files lack
        module, _, leaf = key.rpartition(".")
        setattr(model.get_submodule(module), leaf, torch.zeros((), dtype=torch.long))
    return model


def from_timm(name: str) -> tuple[Contents, Sidecar]:
    """Fetch ``NAME`` or ``NAME.TAG`` as timm does, into its cache."""
    import_torchvision()
    timm = _need("timm", f"timm:{name}")
    if not timm.is_model(name.partition(".")[0]):
        raise InputError(f"timm has no model {name!r}; {nearest(name, timm.list_models())}")
    try:
        model = timm.create_model(name, pretrained=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(_unreachable(f"timm:{name}", error, "name weights that timm.list_pretrained() has")) from error
    cfg: dict[str, Any] = model.pretrained_cfg
    beside = Sidecar(None, list(cfg.get("label_names") or []), str(cfg.get("license") or ""))
    try:
        beside.preprocessing = timm_preprocessing(cfg)
    except InputError as error:
        beside.trouble = f"timm:{name}: {error}; {OVERRIDE}"
    beside.named = Named(str(cfg.get("architecture") or name), f"timm:{name}", exact=True)
    beside.publisher = lambda: model
    tag = f".{cfg['tag']}" if cfg.get("tag") else ""
    beside.provenance = f"timm {cfg.get('architecture', name)}{tag}"
    tensors = {key: value.detach() for key, value in model.state_dict().items()}
    return Contents(Path(f"timm:{name}"), "timm", tensors), beside


def from_hub(name: str) -> tuple[Contents, Sidecar]:
    """Fetch ``OWNER/NAME`` or ``OWNER/NAME@REVISION`` into huggingface_hub's cache."""
    path = download(name)
    contents, beside = read_contents(path), read_sidecar(path)
    beside.provenance = f"hf://{name}"
    return contents, beside


def download(name: str) -> Path:
    """Return a hub repository's weights file in the cache, with the files beside it; offline, use the cached files.

    Raises:
        InputError: no such repository, no weights in it, or no way to reach it.
    """
    hub = _need("huggingface_hub", f"hf://{name}")
    repository, _, revision = name.partition("@")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise InputError(f"a hub name must read hf://OWNER/NAME or hf://OWNER/NAME@REVISION, got hf://{name}")
    errors = import_module("huggingface_hub.errors")

    def take(file: str) -> Path | None:
        try:
            return Path(hub.hf_hub_download(repository, file, revision=revision or None))
        except errors.LocalEntryNotFoundError:
            raise
        except errors.EntryNotFoundError:
            return None

    try:
        found = next((path for file in WEIGHTS_NAMES if (path := take(file)) is not None), None)
    except (errors.HfHubHTTPError, OSError, ValueError) as error:
        raise InputError(
            _unreachable(f"hf://{name}", error, "check the name, or fetch it once while online")
        ) from error
    if found is None:
        raise InputError(f"hf://{name} must hold {' or '.join(WEIGHTS_NAMES)}, got neither; name another repository")
    for file in BESIDE:
        try:
            take(file)
        except (errors.HfHubHTTPError, OSError):
            break  # offline: cached files are beside the weights already
    return found


def _need(module: str, source: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(
            f"{source} needs the package {module}, which is not installed: pip install {module}"
        ) from error


def _unreachable(source: str, error: Exception, remedy: str) -> str:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return f"{source} could not be fetched and is not in the cache: {reason[0]}; {remedy}"


def _pair(size: list[int]) -> tuple[int, int]:
    return (size[0], size[-1])


FETCHERS: dict[str, Callable[[str], tuple[Contents, Sidecar]]] = {
    "torchvision:": from_torchvision,
    "timm:": from_timm,
    "hf://": from_hub,
}
