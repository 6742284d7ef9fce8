"""Law 7: the effect of depth on the gradients of new networks, with and without shortcuts, with and without a norm.

The answer to a contradiction of the popular accounts, whether the shortcut cures vanishing gradients or normalisation
had done that before. With He's weights there is nothing to cure: a plain stack keeps its gradient's size. A batch norm
makes it explode, by 1.21 a layer, and worse, it makes gradients at nearby inputs dissimilar: half of their correlation
is lost at every layer. The shortcut beside a norm cures both: the size's factor tends to 1 and the correlation falls as
a power of depth. A shortcut without a norm keeps the correlation too, but doubles variances at every block.

Bal17's rates, 2^-L for plain stacks and (3/4)^L for residual ones without a norm, assume that at every layer a unit is
open for both inputs one time in four, as for inputs of cosine 0. Without a norm ReLU layers drive the cosine to 1
instead, so the correlation falls by a power of depth only; with a batch norm they drive it to 0, and 2^-L holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..gradients import STACKS, Signal, measure
from ..mean_field import predict
from .outcome import Outcome

DEPTHS = (1, 2, 4, 8, 16, 32)
SEEDS = 5
WIDTH = 256
BATCH = 256
RHO = 0.9  # cosine of nearby inputs
HALVINGS = 4
LATE = 8  # last blocks, at which "tends to" is read

# Intervals. Predictions are for infinite width and batch. The error of a finite width grows as depth / width (Hanin and
# Nica 2018, arXiv:1812.05994); where a batch's statistics take part, it adds as much again in depth / batch.
FACTOR_INTERVAL = 0.02  # of the gradient's factor per block, geometric mean over blocks and seeds


def correlation_interval(norm: str, depth: int) -> float:
    """Return how far a correlation may be from its prediction."""
    sizes = 1 / WIDTH + (1 / BATCH if norm == "batch" else 0)
    return 0.01 + depth * sizes


@dataclass(frozen=True)
class SignalCurves:
    """One kind of stack: measured over seeds, and predicted."""

    kind: str
    norm: str
    depths: Sequence[int]
    factors: Tensor  # [seeds, blocks] of the gradient's norm, first block first
    correlations: Tensor  # [seeds, depths]
    late: Tensor  # [seeds, blocks + 1] correlation of gradients at the streams of the deepest stack
    predicted_factors: Tensor  # [blocks]
    predicted_correlations: Tensor  # [depths]
    predicted_late: Tensor  # [blocks + 1]

    @property
    def name(self) -> str:
        """Return the name in the table."""
        return f"{self.kind}, {'no norm' if self.norm == 'none' else f'{self.norm} norm'}"


def signal_curves(depths: Sequence[int] = DEPTHS, *, seeds: int = SEEDS) -> list[SignalCurves]:
    """Measure the four stacks over seeds and predict them."""
    sizes = {"width": WIDTH, "batch": BATCH, "rho": RHO}
    return [
        _curves(kind, norm, depths, [measure(kind, norm, depths, **sizes, seed=seed) for seed in range(seeds)])
        for kind, norm in STACKS
    ]


def _curves(kind: str, norm: str, depths: Sequence[int], signals: Sequence[Signal]) -> SignalCurves:
    layers = predict(kind, norm, max(depths), RHO)
    return SignalCurves(
        kind,
        norm,
        depths,
        torch.stack([signal.norms[:-1] / signal.norms[1:] for signal in signals]),
        torch.stack([signal.correlations for signal in signals]),
        torch.stack([signal.likenesses for signal in signals]),
        torch.tensor([math.sqrt(layer.gradient) for layer in layers], dtype=torch.float64),
        torch.tensor([math.prod(layer.correlation for layer in layers[:depth]) for depth in depths]).double(),
        torch.tensor([math.prod(layer.correlation for layer in layers[i:]) for i in range(len(layers) + 1)]).double(),
    )


def factor_law(curves: SignalCurves, last: int = 0) -> Outcome:
    """Law 7, size. Every block multiplies the gradient's norm: by 1 in plain stacks, sqrt(pi / (pi - 1)) = 1.21 with
    batch norm, by sqrt(2) in residual ones, and with batch norm by a factor that tends to 1.

    At He's initialisation, width 256, a batch of 256, 32 blocks, over 5 seeds: within 0.02 of ``mean_field.predict``.

    Args:
        curves: one kind of stack.
        last: use only this many last blocks; 0: all.
    """  # fmt: skip
    measured = curves.factors[:, -last:].log().mean().exp().item()
    expected = curves.predicted_factors[-last:].log().mean().exp().item()
    where = f" in the last {last} blocks" if last else ""
    return Outcome(
        f"factor {measured:.3f} a block{where}", f"{expected:.3f}", abs(measured - expected), FACTOR_INTERVAL
    )


def correlation_law(curves: SignalCurves) -> Outcome:
    """Law 7, similarity. The correlation of gradients at two inputs of cosine 0.9 falls with depth as predicted.

    Every block multiplies it by the factor of ``mean_field``; over 5 seeds, for stacks of 1 to 32 blocks: within
    0.01 + depth / width, with batch norm 0.01 + depth / width + depth / batch. The outcome shows the depth furthest
    off.
    """
    apart = (curves.correlations.mean(0) - curves.predicted_correlations).abs().tolist()
    intervals = [correlation_interval(curves.norm, depth) for depth in curves.depths]
    worst = max(range(len(apart)), key=lambda i: apart[i] / intervals[i])
    measured, expected = curves.correlations.mean(0)[worst].item(), curves.predicted_correlations[worst].item()
    depth = curves.depths[worst]
    return Outcome(f"correlation {measured:.3f} over {depth} blocks", f"{expected:.3f}", apart[worst], intervals[worst])


def halving_law(curves: SignalCurves) -> Outcome:
    """Law 7, Bal17's rate. Where inputs have cosine 0 the correlation of gradients falls as 2^-L in a plain stack.

    Read at the end of the plain stack with batch norm, which has driven all inputs there: over the last 4 of 32 blocks
    1/16, within the same interval for 4 blocks. Source: Bal17 theorem 1.
    """
    measured, expected = (late[-1 - HALVINGS].item() for late in (curves.late.mean(0), curves.predicted_late))
    words = f"correlation {measured:.4f} over the last {HALVINGS} blocks"
    right = f"{expected:.4f} (2^-{HALVINGS} = {0.5**HALVINGS:g})"
    return Outcome(words, right, abs(measured - expected), correlation_interval(curves.norm, HALVINGS))


def signal_law(curves: Sequence[SignalCurves]) -> list[tuple[str, Outcome]]:
    """Return the outcomes of law 7 by stack: size and similarity, and the limits of the stacks with norm."""
    found: list[tuple[str, Outcome]] = []
    for each in curves:
        found += [(each.name, factor_law(each)), (each.name, correlation_law(each))]
        if (each.kind, each.norm) == ("residual", "batch"):
            found.append((each.name, factor_law(each, last=LATE)))
        if (each.kind, each.norm) == ("plain", "batch"):
            found.append((each.name, halving_law(each)))
    return found


def answer(curves: Sequence[SignalCurves]) -> str:
    """Return a sentence with the effect of shortcut and norm on gradients."""
    by_name = {each.name: each for each in curves}
    depth = curves[0].depths[-1]

    def factor(name: str, last: int = 0) -> str:
        return f"{by_name[name].factors[:, -last:].log().mean().exp():.2f}"

    def correlation(name: str) -> str:
        return f"{by_name[name].correlations[:, -1].mean():.2f}"

    return (
        f"Over {depth} blocks at He's initialisation a plain stack multiplies the gradient's norm by "
        f"{factor('plain, no norm')} a block, so it does not vanish; a batch norm makes that "
        f"{factor('plain, batch norm')}, and gradients at inputs of cosine {RHO} are left with a correlation of "
        f"{correlation('plain, batch norm')} ({correlation('plain, no norm')} without the norm). With the shortcut "
        f"beside the norm the factor is {factor('residual, batch norm', LATE)} in the last {LATE} blocks and the "
        f"correlation stays {correlation('residual, batch norm')}; with a shortcut alone they are "
        f"{factor('residual, no norm')} and {correlation('residual, no norm')}."
    )
