"""Degradation: does a deeper plain network train worse, and its residual twin not?

Question   Of networks that differ in depth alone, the deeper should train at least as well: it could copy the shallower
           one and pass its output on. He15 (figure 6) saw plain networks of 56 layers train worse than those of 20,
           and residual ones the other way round.
Command    residuum demo
Cost       about a minute on two cores: twelve runs of 15 epochs on the embedded digits
Expected   plain-56 below plain-20 in training accuracy; residual-56 loses less against residual-20, or gains
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from .members import History
from .statistics import Interval, paired_difference

Kind = Literal["plain", "residual"]
KINDS: tuple[Kind, ...] = ("plain", "residual")
MODELS = {"plain": "cifar_plain", "residual": "cifar_resnet"}


class Network(NamedTuple):
    """One of the networks compared."""

    kind: Kind
    depth: int

    @property
    def name(self) -> str:
        """As in ``plain-56``."""
        return f"{self.kind}-{self.depth}"


@dataclass(frozen=True)
class Measured:
    """Accuracies in percent by network: arrays [seeds, epochs]."""

    train: dict[Network, np.ndarray]
    val: dict[Network, np.ndarray]
    data: str

    def depth_effect(self, kind: Kind) -> Interval:
        """Training accuracy at the last epoch of the deepest less that of the shallowest, paired by seed, in points."""
        return paired_difference(*self._ends(kind))

    def rescue(self) -> Interval:
        """What the shortcut saves of the effect of depth, paired by seed, in points."""
        (plain_deep, plain), (residual_deep, residual) = (self._ends(kind) for kind in KINDS)
        return paired_difference(residual_deep - residual, plain_deep - plain)

    def _ends(self, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
        """Return the last epoch's training accuracy of the deepest and of the shallowest network: [seeds] each."""
        networks = sorted(network for network in self.train if network.kind == kind)
        return self.train[networks[-1]][:, -1], self.train[networks[0]][:, -1]


def members(data: str, depths: list[int], seeds: int, **settings: Any) -> dict[str, dict[str, Any]]:
    """Return the runs to train: settings by name, ``plain-20-seed0`` and so on."""
    return {
        f"{Network(kind, depth).name}-seed{seed}": {
            "data": data,
            "model": MODELS[kind],
            "model_arguments": {"depth": depth},
            "seed": seed,
            **settings,
        }
        for kind in KINDS
        for depth in depths
        for seed in range(seeds)
    }


def measure(histories: dict[str, History], data: str) -> Measured:
    """Gather the members' histories by network; every network must have the same seeds and epochs."""
    networks = sorted({_network(name) for name in histories})

    def curves(figure: str) -> dict[Network, np.ndarray]:
        return {
            network: np.array(
                [[row[figure] for row in histories[name]] for name in sorted(histories) if _network(name) == network]
            )
            for network in networks
        }

    return Measured(curves("train_acc1"), curves("val_acc1"), data)


def _network(member: str) -> Network:
    kind, depth, _ = member.split("-")
    return Network("plain" if kind == "plain" else "residual", int(depth))


def answer(measured: Measured) -> str:
    """Say in one sentence what the numbers show; which sentence, the intervals decide."""
    plain, residual, rescue = measured.depth_effect("plain"), measured.depth_effect("residual"), measured.rescue()
    shallow, deep = (end(network.depth for network in measured.train) for end in (min, max))
    if np.isinf(plain.high):
        return "One run of each network shows nothing: give at least two seeds."
    if not plain.below(0):
        return (
            f"Degradation is not shown here: from {shallow} to {deep} layers the plain network's training accuracy "
            f"changes by {plain} points, an interval that does not lie below zero."
        )
    if not rescue.above(0):
        return (
            f"From {shallow} to {deep} layers the plain network loses training accuracy ({plain} points), but that its "
            f"residual twin loses less ({residual}) is not shown."
        )
    if residual.below(0):
        return (
            f"From {shallow} to {deep} layers the plain network loses {-plain} points of training accuracy and its "
            f"residual twin only {-residual}: the same layers, and the shortcut saves {rescue}."
        )
    return (
        f"From {shallow} to {deep} layers the plain network loses {-plain} points of training accuracy; its residual "
        f"twin, made of the same layers, shows no such loss ({residual}): the shortcut saves {rescue} points."
    )


def table(measured: Measured) -> tuple[list[str], list[list[str]]]:
    """Return header and rows: training and validation accuracy at the last epoch, mean and standard deviation."""
    header = ["network", "training %", "validation %"]
    rows = [
        [network.name, _spread(measured.train[network][:, -1]), _spread(measured.val[network][:, -1])]
        for network in measured.train
    ]
    return header, rows


def _spread(values: np.ndarray) -> str:
    deviation = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{deviation}"
