"""Where a weights file comes from: the data of the run whose folder it lies in."""

from __future__ import annotations

from pathlib import Path


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
    return str(data) if data is not None else None
