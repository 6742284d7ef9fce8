"""Law 7: predictions against sampling, measurement against predictions, and breaks that must show."""

import math

import pytest
import torch
from torch import nn

from residuum.analysis import gradients, mean_field
from residuum.analysis.gradients import STACKS, likeness, measure, stack
from residuum.analysis.laws.signal import answer, signal_curves, signal_law
from residuum.analysis.mean_field import centred, kappa0, kappa1, predict
from residuum.errors import InputError


@pytest.fixture(scope="module")
def curves():
    return signal_curves()


def test_law_7_holds_within_its_intervals(curves):
    outcomes = signal_law(curves)
    assert len(outcomes) == 10
    assert all(outcome.holds for _, outcome in outcomes), outcomes


def test_the_answer_says_the_measured_numbers(curves):
    said = answer(curves)
    assert "norm by 1.00 a block" in said and "makes that 1.20" in said and "factor is 1.03" in said


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.3, 0.9, 1.0])
def test_the_kernels_are_those_of_relu(rho):
    torch.manual_seed(1)
    one, other = torch.randn(2, 400_000, dtype=torch.float64)
    other = rho * one + math.sqrt(1 - rho**2) * other
    a, b = torch.relu(one), torch.relu(other)
    assert kappa1(rho) == pytest.approx(float(2 * (a * b).mean()), abs=0.01)
    assert kappa0(rho) == pytest.approx(float(2 * ((a > 0) & (b > 0)).double().mean()), abs=0.01)
    assert centred(rho) == pytest.approx(float(torch.corrcoef(torch.stack([a, b]))[0, 1]), abs=0.01)


def test_the_published_rates_follow():
    assert predict("plain", "batch", 40, 0.9)[-1].gradient ** 0.5 == pytest.approx(1.211, abs=0.001)  # Yang 2019
    assert predict("residual", "none", 1, 0.0)[0].correlation == pytest.approx(3 / 4)  # Bal17
    assert predict("plain", "none", 1, 0.0)[0].correlation == pytest.approx(1 / 2)
    assert predict("plain", "batch", 40, 0.9)[-1].correlation == pytest.approx(1 / 2, abs=1e-4)
    variances = [layer.variance for layer in predict("residual", "batch", 30, 0.9)]
    assert variances[20] - variances[10] == pytest.approx(10 * mean_field.CENTRED)  # linear in depth
    assert [layer.variance for layer in predict("residual", "none", 4, 0.9)] == [1, 2, 4, 8]


def broken():
    curves = signal_curves((1, 2, 4), seeds=2)
    return {(name, outcome.left.split()[0]) for name, outcome in signal_law(curves) if not outcome.holds}


def test_unbroken_stacks_hold_at_small_depths_too():
    assert not broken()


def test_a_scaled_shortcut_breaks_law_7(monkeypatch):
    class Shrinking(nn.Module):
        def forward(self, shortcut, branch, x):
            return 0.9 * shortcut + branch

    monkeypatch.setitem(gradients.MERGES, "residual", Shrinking)
    assert broken() >= {("residual, no norm", "factor"), ("residual, batch norm", "correlation")}


def test_weights_of_another_size_break_law_7(monkeypatch):
    right = nn.init.normal_
    monkeypatch.setattr(nn.init, "normal_", lambda weight, std: right(weight, std=0.95 * std))
    assert ("plain, no norm", "factor") in broken()


def test_a_norm_that_does_not_centre_breaks_law_7(monkeypatch):
    class OnlyScales(nn.Module):
        def __init__(self, width):
            super().__init__()

        def forward(self, x):
            return x / x.square().mean(0).sqrt()

    monkeypatch.setitem(gradients.NORMS, "batch", OnlyScales)
    assert ("plain, batch norm", "factor") in broken()


def test_a_measurement_repeats_and_depends_on_the_seed():
    one, again, other = (measure("residual", "batch", [1, 2], width=8, batch=8, seed=s) for s in (0, 0, 1))
    assert torch.equal(one.norms, again.norms) and not torch.equal(one.norms, other.norms)
    assert one.norms.shape == one.cosines.shape == one.variances.shape == one.likenesses.shape == (3,)
    assert one.correlations[-1] == pytest.approx(one.likenesses[0].item())


def test_the_four_stacks_differ_in_merge_and_norm():
    kinds = {(type(b.merge).__name__, type(b.branch.norm).__name__) for s in STACKS for b in stack(*s, 2, 4)}
    assert len(kinds) == 4
    assert likeness(torch.tensor([[1.0, 0.0], [0.0, 2.0]])) == 0


def test_unknown_stacks_are_refused():
    with pytest.raises(InputError, match="of kind plain or residual and norm none or batch, got 'dense'"):
        stack("dense", "none", 1, 4)
