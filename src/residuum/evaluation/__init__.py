"""Accuracy of a model on a data set, and predictions for single images."""

from .accuracy import default_preprocessing, score
from .evaluate import evaluate
from .predict import Prediction, Unread, predict, predict_each
from .predictions import Predictions, combine, predictions_of
from .scores import Scores
from .views import VIEWS

__all__ = [
    "VIEWS",
    "Prediction",
    "Predictions",
    "Scores",
    "Unread",
    "combine",
    "default_preprocessing",
    "evaluate",
    "predict",
    "predict_each",
    "predictions_of",
    "score",
]
