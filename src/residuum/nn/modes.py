"""Change a network's mode for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn


@contextlib.contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put the model into evaluation mode inside; restore each module's own mode afterwards, also after an error.

    ``model.train(was_training)`` would put all modules into one mode: norms that are frozen, and stay in evaluation
    mode while the rest trains, would begin to move.

    >>> layer = nn.Sequential(nn.Dropout(), nn.BatchNorm2d(3).eval())
    >>> with evaluation_mode(layer):
    ...     layer[0].training
    False
    >>> layer[0].training, layer[1].training
    (True, False)
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
