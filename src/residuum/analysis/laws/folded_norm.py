"""Law 8: in evaluation a batch norm is part of the layer beside it."""

from __future__ import annotations

import torch

from ...nn.fold import fold
from .outcome import Comparison, Outcome, does_not_apply
from .subject import Subject


def folding(subject: Subject) -> Outcome:
    """Law 8. norm(W x + b) = (s W) x + (s b + t), s = gamma / sqrt(variance + eps), t = beta - s mean.

    Every batch norm that stands beside a convolution or a linear layer is folded into it (``nn/fold.py``); the logits
    must stay equal.

    Source: Jacob et al. 2017, arXiv:1712.05877, section 3.2.
    """
    folded = fold(subject.network)
    if not folded.folded:
        return does_not_apply("no batch norm stands beside a layer that could absorb it")
    comparison = Comparison()
    with torch.no_grad():
        comparison.add(folded.model(subject.inputs), subject.network(subject.inputs))
    return comparison.outcome("folded net", "net", folded=len(folded.folded), stayed=len(folded.stayed))
