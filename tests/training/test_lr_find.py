"""A learning rate by trying, and its picture."""

import math

import pytest
import torch

from residuum.errors import InputError
from residuum.report.lr_curve import lr_curve
from residuum.report.style import png
from residuum.training import new_run
from residuum.training.lr_find import LrCurve, find_lr

SMALL = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "epochs": 1,
         "batch_size": 64, "precision": "fp32", "threads": 1}  # fmt: skip


def test_the_marks_are_where_the_curve_says():
    """A loss that falls as tanh around 1e-2, is lowest at 1 and rises after."""
    rates = [10 ** (-5 + 0.06 * i) for i in range(101)]
    smooth = [2 - math.tanh(2 * (math.log10(rate) + 2)) + 4 * max(0.0, math.log10(rate)) for rate in rates]
    curve = LrCurve(rates, smooth, smooth)
    assert curve.steepest == pytest.approx(1e-2, rel=0.15)
    assert curve.tenth == pytest.approx(0.1, rel=0.15)


def test_the_rate_rises_by_a_constant_factor_and_the_network_is_left_alone(tmp_path):
    run = new_run(tmp_path / "run", SMALL)
    before, state = {key: value.clone() for key, value in run.model.state_dict().items()}, torch.get_rng_state()
    curve = find_lr(run, steps=30, lowest=1e-4, highest=1.0)
    assert len(curve.rates) == 30, "more steps than the epoch has"
    factors = [b / a for a, b in zip(curve.rates, curve.rates[1:], strict=False)]
    assert factors == pytest.approx([1e4 ** (1 / 29)] * 29)
    assert (curve.rates[0], curve.rates[-1]) == pytest.approx((1e-4, 1.0))
    assert all(value.equal(before[key]) for key, value in run.model.state_dict().items())
    assert torch.get_rng_state().equal(state)
    assert all(parameter.grad is None for parameter in run.model.parameters())
    assert curve.smooth[0] == pytest.approx(curve.losses[0])
    assert curve.smooth[1] == pytest.approx((0.95 * 0.05 * curve.losses[0] + 0.05 * curve.losses[1]) / (1 - 0.95**2))
    again = find_lr(run, steps=30, lowest=1e-4, highest=1.0)
    assert again == curve


def test_it_ends_when_the_loss_has_grown(tmp_path):
    run = new_run(tmp_path / "run", SMALL)
    curve = find_lr(run, steps=40, lowest=1e-3, highest=1e6)
    assert len(curve.rates) < 40
    with pytest.raises(InputError, match="needs 10 steps or more and 0 < lowest < highest, got 5, 1e-05 and 10.0"):
        find_lr(run, steps=5)


def test_the_picture_has_the_marks():
    figure = lr_curve([1e-3, 1e-2, 0.1, 1.0], [2, 1, 0.5, 3], [2, 1.5, 1, 2], {"steepest": 1e-2, "a tenth": 0.01})
    words = [text.get_text().strip() for text in figure.axes[0].texts]
    assert words == ["steepest: 0.01", "a tenth: 0.01"]
    assert png(figure)[:4] == b"\x89PNG"
