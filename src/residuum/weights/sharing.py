"""Share weights on the Hugging Face hub, or as a folder of the same shape."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path

from torch import nn

from ..errors import InputError
from ..files import write_text
from ..models import Description, describe
from .pretrained import download
from .saving import save

HUB = "hf://"


def push(model: nn.Module, to: str, *, private: bool = False, message: str = "Add weights") -> str:
    """Write the model with its card, and upload both where ``to`` names the hub; return their address.

    Args:
        model: made by ``create_model`` or ``load``.
        to: ``hf://OWNER/NAME`` (created if it does not exist; needs ``hf auth login``), or a folder.
        private: whether a new repository is private.
        message: the commit message.

    Raises:
        InputError: a model that cannot be saved, a missing package, or a hub that refuses.

    >>> push(residuum.load("runs/mine"), "shared")  # or hf://OWNER/NAME
    'shared'
    """
    if not to.startswith(HUB):
        write_folder(model, Path(to), to)
        return to
    try:
        hub = import_module("huggingface_hub")
    except ImportError as error:
        raise InputError(f"{to} needs the package huggingface_hub: pip install huggingface_hub") from error
    errors = import_module("huggingface_hub.errors")
    with tempfile.TemporaryDirectory() as folder:
        write_folder(model, Path(folder), to)
        try:
            api, name = hub.HfApi(), to.removeprefix(HUB)
            api.create_repo(name, private=private, exist_ok=True)
            api.upload_folder(repo_id=name, folder_path=folder, commit_message=message)
        except (errors.HfHubHTTPError, OSError, ValueError) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            remedy = "log in with `hf auth login`, check the name, or push to a folder"
            raise InputError(f"{to} could not be written: {reason[0]}; {remedy}") from error
    return to


def pull(source: str) -> Path:
    """Return the weights file of ``hf://OWNER/NAME`` in huggingface_hub's cache; offline, use the cached file.

    Raises:
        InputError: another kind of name, no such repository, or no way to reach it.

    >>> pull("hf://microsoft/resnet-50")  # doctest: +SKIP
    PosixPath('/home/you/.cache/huggingface/hub/models--microsoft--resnet-50/.../model.safetensors')
    >>> pull("microsoft/resnet-50")
    Traceback (most recent call last):
    residuum_runtime.errors.InputError: pull takes hf://OWNER/NAME, got 'microsoft/resnet-50'
    """
    if not source.startswith(HUB):
        raise InputError(f"pull takes hf://OWNER/NAME, got {source!r}")
    return download(source.removeprefix(HUB))


def write_folder(model: nn.Module, folder: Path, name: str) -> None:
    """Write ``model.safetensors`` and a model card."""
    save(model, folder / "model.safetensors")
    write_text(folder / "README.md", card(describe(model), name))


def card(description: Description, name: str) -> str:
    """Return a model card: the hub's front matter, what the model is, and how to load it."""
    licence = f"license: {description.licence}\n" if description.licence else ""
    numbers = "".join(f"- {key}: {value:g}\n" for key, value in sorted(description.metrics.items()))
    classes = f"It distinguishes {len(description.classes)} classes. " if description.classes else ""
    return (
        f"---\nlibrary_name: residuum\npipeline_tag: image-classification\n{licence}---\n\n"
        f"# {description.model}\n\n{classes}{description.provenance}\n\n"
        + (f"Measured:\n\n{numbers}\n" if numbers else "")
        + f'```python\nimport residuum\n\nmodel = residuum.load("{name}")\n```\n'
    )
