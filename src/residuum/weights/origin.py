"""Where a weights file comes from: the data of the run whose folder it lies in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def trained_on(weights: Path) -> str | None:
    """Return the data that a run's weights file was trained on, from the ``config.yaml`` beside it; None elsewhere."""
    config = weights.parent / "config.yaml"
    if not config.is_file():
        return None
    import yaml

    try:
        settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    data = settings.get("data") if isinstance(settings, dict) else None
    if isinstance(data, dict):  # nested by panel; files of earlier versions are flat
        data = data.get("data")
    return str(data) if data is not None else None


def trained_content(weights: Path) -> dict[str, Any] | None:
    """Return the fingerprint of that data, from the ``environment.json`` beside the file; None elsewhere."""
    try:
        noted = json.loads((weights.parent / "environment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    data = noted.get("data") if isinstance(noted, dict) else None
    return data if isinstance(data, dict) else None
