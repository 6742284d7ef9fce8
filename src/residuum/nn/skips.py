"""Explicit skip matrices: every layer may receive any earlier one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from ..errors import InputError, pick
from .image_norms import Norm, no_norm


class Skip(NamedTuple):
    """A skip from layer ``source`` to layer ``target``; layer 0 is the input."""

    source: int
    target: int
    weight: str  # "identity" (fixed) or "learnt"


def plain(layers: int, length: int) -> list[Skip]:
    """Lay no skip: the plain network."""
    return []


def residual(layers: int, length: int) -> list[Skip]:
    """Lay fixed identities end to end, each past ``length`` layers: the residual network (He15 eq. 1)."""
    return [Skip(target - length, target, "identity") for target in _landings(layers, length)]


def learnt(layers: int, length: int) -> list[Skip]:
    """Lay learnt matrices end to end, each past ``length`` layers (the form that some texts call HighwayNet)."""
    return [Skip(target - length, target, "learnt") for target in _landings(layers, length)]


def dense(layers: int, length: int) -> list[Skip]:
    """Lay a learnt matrix W[l-k,l] for every k = 2..length and every l: weighted parallel skips (DenseNet's form)."""
    targets = range(1, layers + 1)
    return [Skip(target - k, target, "learnt") for target in targets for k in range(2, min(length, target) + 1)]


def cortical(layers: int, length: int) -> list[Skip]:
    """Lay learnt matrices from layer 0 to every layer that is ``length`` or more away."""
    return [Skip(0, target, "learnt") for target in range(length, layers + 1)]


def _landings(layers: int, length: int) -> range:
    if layers % length:
        raise InputError(
            f"layers between stem and head must be a multiple of the skips' length {length}, got {layers}; "
            f"try a depth of {layers - layers % length + 2} or {layers - layers % length + length + 2}"
        )
    return range(length, layers + 1, length)


WIRINGS: dict[str, Callable[[int, int], list[Skip]]] = {
    "plain": plain,
    "residual": residual,
    "learnt": learnt,
    "dense": dense,
    "cortical": cortical,
}


def pick_wiring(name: str, layers: int, length: int) -> list[Skip]:
    """Return the skips of that wiring among ``layers`` layers.

    Args:
        name: a name in WIRINGS.
        layers: the number of layers after layer 0.
        length: the number of layers that a skip passes: exactly (residual, learnt), at most (dense), at least
            (cortical).

    Raises:
        InputError: an unknown name, a length under 1, layers that are no multiple of an exact length.
    """
    wiring = pick(WIRINGS, name, "wiring", more=" or a list of skips")
    if length < 1:
        raise InputError(f"skip_length must be 1 or more layers, got {length}")
    return wiring(layers, length)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


def pick_activation(name: str) -> nn.Module:
    """Build the activation of that name, or say which there are."""
    return pick(ACTIVATIONS, name, "activation")()


class SkipCell(nn.Module):
    """a_l = g_l(W[l-1,l] a_{l-1} + b_l + sum over skips k -> l of W[k,l] a_k), for l = 1..L: [N, n_0] -> [N, n_L].

    Its slots, at each layer: the branch is W[l-1,l] a_{l-1} + b_l; the shortcut is each W[k,l] a_k, fixed at the
    identity or learnt; the merge is the sum; the outer activation is g_l. It keeps all layers as its state, so it is a
    separate cell: no skips make the plain network, identities end to end the residual one, matrices from all layers the
    dense one. No gate stands here; the gated form is a block with merge Gate.

    Args:
        widths: n_0 ... n_L.
        skips: any set, one at most from a layer to a layer.
        activations: names of g_1 ... g_L.
        norm: what acts on W[l-1,l] a_{l-1} + b_l before the skips join: in the branch, as He15 has it, so that with
            identities the stream's variance grows by one a skip instead of doubling; ``no_norm`` leaves the formula.

    Raises:
        InputError: a skip that leaves the network, runs backwards, stands twice, or is an identity between widths
            that differ; activations that are not one for each layer.

    With a layer's matrices side by side as one it is Hua16 eq. 2 on concatenated inputs.
    """

    def __init__(
        self, widths: Sequence[int], skips: Sequence[Skip], activations: Sequence[str], *, norm: Norm = no_norm
    ) -> None:
        super().__init__()
        layers = len(widths) - 1
        if len(activations) != layers:
            raise InputError(f"activations must be one for each of {layers} layers, got {len(activations)}")
        check_skips(skips, widths)
        self.normal = nn.ModuleList(nn.Linear(widths[layer - 1], widths[layer]) for layer in range(1, layers + 1))
        self.norm = nn.ModuleList(norm(width) for width in widths[1:])
        self.skips = nn.ModuleDict(
            {f"{skip.source}_{skip.target}": WEIGHTS[skip.weight](widths[skip.source], widths[skip.target])
             for skip in skips}
        )  # fmt: skip
        self.act = nn.ModuleList(pick_activation(name) for name in activations)
        self.sources = [[skip.source for skip in skips if skip.target == layer] for layer in range(1, layers + 1)]
        self._draw()

    def forward(self, x: Tensor) -> Tensor:
        """Return a_L."""
        a = [x]
        rows = zip(self.normal, self.norm, self.act, self.sources, strict=True)
        for layer, (normal, norm, act, sources) in enumerate(rows, start=1):
            z = norm(normal(a[layer - 1]))
            for k in sources:
                z = z + self.skips[f"{k}_{layer}"](a[k])
            a.append(act(z))
        return a[-1]

    @property
    def is_normed(self) -> bool:
        """Whether a norm acts anywhere: the explicit matrices then do not describe all of it."""
        return not all(isinstance(norm, nn.Identity) for norm in self.norm)

    def _draw(self) -> None:
        """Draw W[.,l] from N(0, 2 / n), n inputs of layer l over all its learnt matrices: as one merged matrix."""
        for layer, (normal, sources) in enumerate(zip(self.normal, self.sources, strict=True), start=1):
            matrices = [normal, *(self.skips[f"{k}_{layer}"] for k in sources)]
            learnt_ones = [matrix for matrix in matrices if isinstance(matrix, nn.Linear)]
            fan_in = sum(matrix.in_features for matrix in learnt_ones)
            for matrix in learnt_ones:
                nn.init.normal_(matrix.weight, std=math.sqrt(2 / fan_in))
            nn.init.zeros_(learnt_ones[0].bias)


def fixed_identity(inputs: int, outputs: int) -> nn.Module:
    """Build W = I, without a parameter."""
    return nn.Identity()


def learnt_matrix(inputs: int, outputs: int) -> nn.Module:
    """Build a learnt W; the layer's one bias stands at its normal matrix."""
    return nn.Linear(inputs, outputs, bias=False)


WEIGHTS: dict[str, Callable[[int, int], nn.Module]] = {"identity": fixed_identity, "learnt": learnt_matrix}


def check_skips(skips: Sequence[Skip], widths: Sequence[int]) -> None:
    """Raise InputError at the first skip that does not fit layers of these widths."""
    seen: set[tuple[int, int]] = set()
    for skip in skips:
        source, target, weight = skip
        if not 0 <= source < target < len(widths):
            raise InputError(f"skips must lead forward among layers 0 to {len(widths) - 1}, got {source} -> {target}")
        pick(WEIGHTS, weight, "a skip's weight")
        if weight == "identity" and widths[source] != widths[target]:
            raise InputError(
                f"an identity skip needs layers of one width, got {source} -> {target} of widths {widths[source]} and "
                f"{widths[target]}; make it learnt"
            )
        if (source, target) in seen:
            raise InputError(f"at most one skip may lead from a layer to a layer, got {source} -> {target} twice")
        seen.add((source, target))
