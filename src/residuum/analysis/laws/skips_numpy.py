"""Backpropagation through normal and skip paths, written out in NumPy: the readable reference for ``SkipCell``.

Examples are rows: activations a_l and deltas are [N, n_l], a matrix W[k,l] is [n_l, n_k], and sums over examples are
matrix products. No automatic differentiation takes part. The rules (SCIENCE section 2, law 4):

    a_l     = g(z_l),  z_l = b_l + sum_k W[k,l] a_k           over the normal path k = l-1 and every skip
    delta_L = g'(z_L) * dE/da_L
    delta_l = g'(z_l) * sum_m W[l,m]^T delta_m                over the normal path m = l+1 and every skip
    dW[k,l] = -eta delta_l a_k^T                              for normal and skip matrices, not for fixed ones
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

Array = NDArray[Any]
Error = Callable[[Array], tuple[float, Array]]  # a_L -> E, dE/da_L


class Path(NamedTuple):
    """A way from layer ``source`` to layer ``target``: the normal one, or a skip, which may lie beside it."""

    source: int
    target: int
    kind: str = "normal"  # or "skip"


def _sigmoid(z: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * z))


def _softmax(a: Array) -> Array:
    powers = np.exp(a - a.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


# g and g', by name
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "linear": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype)),
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
}


def squared_error(a: Array, targets: Array) -> tuple[float, Array]:
    """Return E = sum (a - targets)^2 / 2 and dE/da."""
    return float(((a - targets) ** 2).sum() / 2), a - targets


def cross_entropy(a: Array, targets: Array) -> tuple[float, Array]:
    """Return the mean of -log softmax(a)[target] and dE/da; targets [N, classes] are 1 at the class, else 0."""
    share = _softmax(a)
    return float(-(targets * np.log(share)).sum() / len(a)), (share - targets) / len(a)


@dataclass
class SkipNet:
    """A network of explicit matrices: its forward pass, its deltas and its learning step.

    Args:
        weights: W[k,l] under Path(k, l), [n_l, n_k]: a normal one for every l, and any skips.
        biases: b_l under l, [n_l].
        activations: the names of g_1 ... g_L.
        fixed: the paths that do not learn, such as identities.

    Raises:
        InputError: a layer without its normal matrix or bias, or a matrix that does not fit its layers.
    """

    weights: dict[Path, Array]
    biases: dict[int, Array]
    activations: list[str]
    fixed: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        for layer in range(1, self.layers + 1):
            if Path(layer - 1, layer) not in self.weights or layer not in self.biases:
                raise InputError(f"layer {layer} must have a normal matrix and a bias; give Path({layer - 1}, {layer})")
        widths = [self.weights[Path(0, 1)].shape[1]]
        widths += [len(self.biases[layer]) for layer in range(1, self.layers + 1)]
        for path, matrix in self.weights.items():
            k, layer, _ = path
            if not 0 <= k < layer <= self.layers or matrix.shape != (widths[layer], widths[k]):
                raise InputError(f"{path} must fit layers of widths {widths}, got a matrix of shape {matrix.shape}")

    @property
    def layers(self) -> int:
        """L."""
        return len(self.activations)

    def incoming(self, layer: int) -> list[Path]:
        """Return the paths that end at a layer."""
        return [path for path in self.weights if path.target == layer]

    def outgoing(self, layer: int) -> list[Path]:
        """Return the paths that begin at a layer."""
        return [path for path in self.weights if path.source == layer]

    def learning(self, layer: int) -> list[Path]:
        """Return the paths that end at a layer and learn."""
        return [path for path in self.incoming(layer) if path not in self.fixed]

    def forward(self, x: Array) -> tuple[list[Array], list[Array]]:
        """Return a_0 ... a_L and z_0 ... z_L (z_0 is x by convention) for x [N, n_0]."""
        a, z = [x], [x]
        for layer, name in enumerate(self.activations, start=1):
            z.append(self.biases[layer] + sum(a[path.source] @ self.weights[path].T for path in self.incoming(layer)))
            a.append(ACTIVATIONS[name][0](z[layer]))
        return a, z

    def deltas(self, z: list[Array], error: Array) -> dict[int, Array]:
        """Return delta_1 ... delta_L = dE/dz_l for error = dE/da_L [N, n_L]."""
        delta: dict[int, Array] = {}
        for layer in range(self.layers, 0, -1):
            for path in self.outgoing(layer):
                error = error + delta[path.target] @ self.weights[path]
            delta[layer] = ACTIVATIONS[self.activations[layer - 1]][1](z[layer]) * error
            error = np.zeros_like(z[layer - 1])
        return delta

    def gradients(self, x: Array, error: Error) -> tuple[dict[Path, Array], dict[int, Array]]:
        """Return dE/dW for every path that learns, and dE/db for every layer."""
        a, z = self.forward(x)
        delta = self.deltas(z, error(a[-1])[1])
        learning = [path for path in self.weights if path not in self.fixed]
        by_path = {path: delta[path.target].T @ a[path.source] for path in learning}
        return by_path, {layer: delta[layer].sum(axis=0) for layer in delta}

    def step(self, x: Array, error: Error, eta: float) -> float:
        """Learn once, matrix by matrix, at rate eta; return E before it."""
        value = error(self.forward(x)[0][-1])[0]
        by_path, by_layer = self.gradients(x, error)
        for path, gradient in by_path.items():
            self.weights[path] = self.weights[path] - eta * gradient
        for layer, gradient in by_layer.items():
            self.biases[layer] = self.biases[layer] - eta * gradient
        return value

    def merged(self, layer: int) -> Array:
        """Return a layer's learning matrices side by side, [n_l, sum of n_k]; they act on its sources' a_k in a row."""
        return np.hstack([self.weights[path] for path in self.learning(layer)])

    def step_merged(self, x: Array, error: Error, eta: float) -> float:
        """Learn as ``step`` does, each layer's matrices merged into one, which learns in one step."""
        a, z = self.forward(x)
        value, slope = error(a[-1])
        for layer, delta in self.deltas(z, slope).items():
            paths = self.learning(layer)
            heard = np.hstack([a[path.source] for path in paths])
            learnt = self.merged(layer) - eta * delta.T @ heard
            borders = np.cumsum([a[path.source].shape[1] for path in paths])[:-1]
            self.weights.update(zip(paths, np.hsplit(learnt, borders), strict=True))
            self.biases[layer] = self.biases[layer] - eta * delta.sum(axis=0)
        return value
