"""The description of a model as text in a weights file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..models import Description, Preprocessing

KEY = "residuum"  # of the description in the file's metadata
NAMES_KEY = "residuum_names"  # the dialect of the tensors' names, where it is not ours
FORMAT = 1  # increases when older versions cannot read the new files


def to_metadata(description: Description, version: str) -> dict[str, str]:
    """Return the metadata of a weights file: the description as JSON, with sorted keys, so that the bytes repeat."""
    content = dataclasses.asdict(description) | {"format": FORMAT, "version": version}
    preprocessing = content["preprocessing"]
    if preprocessing is not None and preprocessing["interpolation"] == "bilinear":
        del preprocessing["interpolation"]  # the default; without it files keep their bytes
    try:
        return {"format": "pt", KEY: json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)}
    except (TypeError, ValueError) as error:
        raise InputError(
            f"a description must hold texts, numbers, lists and dicts, got {error}; build the model by names"
        ) from error


def from_metadata(path: Path, metadata: Mapping[str, str]) -> Description | None:
    """Return the description in a file's metadata, or None where the file is not ours.

    Raises:
        InputError: a description that is broken, or of a newer format than this version reads.
    """
    if KEY not in metadata:
        return None
    try:
        content: dict[str, Any] = json.loads(metadata[KEY])
        if content["format"] > FORMAT:
            raise InputError(
                f"{path} must be of format {FORMAT} or older, got {content['format']}, written by Residuum "
                f"{content.get('version')}; install a newer Residuum"
            )
        known = {field.name for field in dataclasses.fields(Description)}
        description = Description(**{key: value for key, value in content.items() if key in known})
        if description.preprocessing is not None:
            description.preprocessing = _preprocessing(content["preprocessing"])
        return description
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} must describe its model, got metadata that does not parse: {error!r}") from error


def _preprocessing(content: dict[str, Any]) -> Preprocessing:
    height, width = content["size"]
    mean, std = tuple(content["mean"]), tuple(content["std"])
    return Preprocessing((height, width), mean, std, content["resize"], content.get("interpolation", "bilinear"))
