"""How good a model is, and what it says of a picture."""

from .accuracy import default_preprocessing, evaluate, score
from .predict import Prediction, predict
from .scores import Scores

__all__ = ["Prediction", "Scores", "default_preprocessing", "evaluate", "predict", "score"]
