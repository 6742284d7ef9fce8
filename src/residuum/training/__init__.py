"""Loop, optimisers, schedules and runs."""

from ..interrupt import Interrupted
from ..settings import Settings
from .epochs import Epoch
from .facts import facts
from .loop import Step, train_steps
from .run import Run, new_run, resumed_run
from .train import train
from .train_model import train_model

__all__ = [
    "Epoch",
    "Interrupted",
    "Run",
    "Settings",
    "Step",
    "facts",
    "new_run",
    "resumed_run",
    "train",
    "train_model",
    "train_steps",
]
