"""Parts that keep their weights while the rest learns."""

from __future__ import annotations

from torch import nn

from ..errors import InputError


def freeze(model: nn.Module, count: int) -> None:
    """Let the first ``count`` of stem and stages keep their weights. Works in place."""
    if not count:
        return
    stem, stages = getattr(model, "stem", None), getattr(model, "stages", None)
    if not isinstance(stem, nn.Module) or not isinstance(stages, nn.Module):
        raise InputError(f"freezing goes by stem and stages, and {type(model).__name__} has none; leave --freeze out")
    parts = [stem, *stages.children()]
    if not 0 <= count <= len(parts):
        raise InputError(f"freeze must be 0 to {len(parts)} (the stem and {len(parts) - 1} stages), got {count}")
    for part in parts[:count]:
        part.requires_grad_(False)


def train_mode(model: nn.Module) -> None:
    """Put the model into training mode, but leave its frozen parts in evaluation.

    Their batch norms keep the statistics that belong to their weights, and their dropout stays off.
    """
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()
