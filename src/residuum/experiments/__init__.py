"""One published claim per file; ``form.py`` says what a file offers. A new study: a new file, a line in STUDIES."""

from __future__ import annotations

from . import degradation, effective_depth, gradients, lesions, lstm_and_depth, paths
from .form import Study

STUDIES: dict[str, Study] = {
    "degradation": degradation,
    "lesions": lesions,
    "paths": paths,
    "gradients": gradients,
    "effective-depth": effective_depth,
    "lstm-and-depth": lstm_and_depth,
}

__all__ = ["STUDIES", "Study"]
