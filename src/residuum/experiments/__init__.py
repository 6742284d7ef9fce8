"""One published claim per file; ``form.py`` describes the interface. A new study needs a file and a line in STUDIES."""

from __future__ import annotations

from . import (
    activations,
    adding_problem,
    causes,
    data_need,
    degradation,
    dynamics,
    effective_depth,
    ensembles,
    features,
    gradients,
    identity,
    identity_growth,
    landscape,
    lesions,
    lstm_and_depth,
    paths,
    responses,
    robustness,
    shortcuts,
    skip_length,
    skip_length_convolutions,
    transformer_skips,
    very_deep,
)
from .form import Study

STUDIES: dict[str, Study] = {
    "degradation": degradation,
    "very-deep": very_deep,
    "shortcuts": shortcuts,
    "activations": activations,
    "skip-length": skip_length,
    "skip-length-convolutions": skip_length_convolutions,
    "identity": identity,
    "causes": causes,
    "dynamics": dynamics,
    "data-need": data_need,
    "identity-growth": identity_growth,
    "lesions": lesions,
    "responses": responses,
    "robustness": robustness,
    "landscape": landscape,
    "features": features,
    "paths": paths,
    "gradients": gradients,
    "effective-depth": effective_depth,
    "ensembles": ensembles,
    "lstm-and-depth": lstm_and_depth,
    "adding-problem": adding_problem,
    "transformer-skips": transformer_skips,
}

__all__ = ["STUDIES", "Study"]
