"""One published claim per file; ``form.py`` says what a file offers. A new study: a new file, a line in STUDIES."""

from __future__ import annotations

from . import degradation, features, landscape, lesions, responses, robustness
from .form import Study

STUDIES: dict[str, Study] = {
    "degradation": degradation,
    "features": features,
    "landscape": landscape,
    "lesions": lesions,
    "responses": responses,
    "robustness": robustness,
}

__all__ = ["STUDIES", "Study"]
