"""Law 4: the error flows back through every skip by the rule of the normal path."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...nn import Network
from ...nn.skips import SkipCell
from .explicit import explicit
from .outcome import Comparison, Outcome, does_not_apply
from .skips_numpy import Path, cross_entropy
from .subject import Subject

ETA = 0.1


def skip_rules(subject: Subject) -> Outcome:
    """Law 4. dW[l-k,l] = -eta delta_l a_{l-k}^T for the normal path and every skip, delta_l = g'(z_l) sum W^T delta.

    Written out in NumPy without automatic differentiation (``skips_numpy.py``) and held against autograd: every
    matrix and bias after one step of gradient descent; fixed identities, which must stay; and, because the rules agree,
    each layer's matrices merged into one, which must learn the same in that step.

    Source: He15 eq. 1 and Hua16 eq. 2 as sums over explicit skip matrices; backpropagation by the chain rule.
    """
    network = subject.network
    cell = next(iter(getattr(network, "stages", [])), None)
    if not isinstance(network, Network) or not isinstance(cell, SkipCell):
        return does_not_apply("its skips are not explicit matrices")
    if cell.is_normed:
        return does_not_apply("the update rules are written out without norms")
    net, merged = explicit(network), explicit(network)
    before = copy.deepcopy(net.weights)
    pixels = subject.inputs.flatten(1).numpy()
    targets = F.one_hot(subject.labels % network.num_classes, network.num_classes).double().numpy()
    net.step(pixels, lambda a: cross_entropy(a, targets), ETA)
    merged.step_merged(pixels, lambda a: cross_entropy(a, targets), ETA)
    comparison = Comparison()
    for path, weight, slope in gradients(network, cell, subject.loss()):
        comparison.add(torch.from_numpy(net.weights[path]), weight - ETA * slope, [weight])
    for path, matrix in net.weights.items():
        comparison.add(torch.from_numpy(matrix), torch.from_numpy(merged.weights[path]))
    for path in net.fixed:
        comparison.add(torch.from_numpy(net.weights[path]), torch.from_numpy(np.asarray(before[path])))
    return comparison.outcome("W − η δ aᵀ", "W − η dE/dW", skips=len(net.weights) - net.layers)


def gradients(network: Network, cell: SkipCell, error: Tensor) -> Iterator[tuple[Path, Tensor, Tensor]]:
    """Yield each learning matrix with its gradient by autograd, under its path in the explicit network."""
    ends = [network.stem.get_submodule("fc"), *cell.normal, network.head.get_submodule("fc")]
    layers = {Path(layer - 1, layer): cast(nn.Linear, linear).weight for layer, linear in enumerate(ends, start=1)}
    for name, skip in cell.skips.items():
        source, target = (int(layer) + 1 for layer in name.split("_"))
        if isinstance(skip, nn.Linear):
            layers[Path(source, target, "skip")] = skip.weight
    slopes = torch.autograd.grad(error, list(layers.values()))
    for (path, weight), slope in zip(layers.items(), slopes, strict=True):
        yield path, weight.detach(), slope
