import math

import pytest
import torch
from evaluation_sets import predicted
from scipy.optimize import minimize_scalar
from scipy.stats import binom
from sklearn.metrics import log_loss

from residuum.errors import InputError
from residuum.evaluation.bootstrap import bootstrap, gain_interval, score_intervals
from residuum.evaluation.calibration import at_temperature, calibrate, fit_temperature, reliability


def with_confidence(rows):
    """Return predictions of two classes: for each (probability of class 0, label) a picture."""
    probabilities = torch.tensor([[p, 1 - p] for p, _ in rows], dtype=torch.float64)
    return predicted(probabilities.log(), [label for _, label in rows])


def test_the_calibration_error_by_hand():
    """Five bins: (0.6, 0.8] holds 0.7 right and 0.65 wrong; (0.8, 1] holds 0.9, 0.95 right and 0.85 wrong."""
    found = reliability(with_confidence([(0.7, 0), (0.35, 0), (0.9, 0), (0.05, 1), (0.85, 1)]), bins=5)
    assert found.pictures == [0, 0, 0, 2, 3]
    assert found.confidence[3:] == pytest.approx([0.675, 0.9])
    assert found.accuracy[3:] == pytest.approx([0.5, 2 / 3])
    assert math.isnan(found.accuracy[0])
    assert found.ece == pytest.approx(100 * (2 / 5 * 0.175 + 3 / 5 * (0.9 - 2 / 3)))


def test_a_bin_holds_its_upper_end_and_not_its_lower_one():
    found = reliability(with_confidence([(0.5, 0), (0.75, 0), (1.0, 0)]), bins=4)
    assert found.pictures == [0, 1, 1, 1]
    with pytest.raises(InputError, match="bins must be at least 1, got 0"):
        reliability(with_confidence([(0.5, 0)]), bins=0)


def drawn(temperature, count=20_000, classes=5, seed=0):
    """Return predictions whose labels follow softmax(logits / temperature)."""
    draw = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(count, classes, generator=draw, dtype=torch.float64)
    labels = torch.multinomial((logits / temperature).softmax(1), 1, generator=draw)[:, 0]
    return predicted(logits, labels), logits, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_recovered(temperature):
    predictions, logits, labels = drawn(temperature)
    found = fit_temperature(predictions)
    assert found == pytest.approx(temperature, rel=0.04)
    plain = minimize_scalar(
        lambda t: log_loss(labels, (logits / t).softmax(1)), bounds=(0.05, 20), options={"xatol": 1e-7}
    )
    assert found == pytest.approx(plain.x, abs=1e-4)


def test_the_temperature_is_fitted_on_one_half_and_measured_on_the_other():
    predictions, logits, labels = drawn(2.5, count=4001)
    found = calibrate(predictions, seed=3)
    assert found.fitted_on == 2000
    assert sum(found.before.pictures) == sum(found.after.pictures) == 2001
    assert found.before.ece > 20 and found.after.ece < 5  # few pictures in a bin leave some error by chance
    assert found.loss_after < found.loss_before
    fitted = torch.randperm(4001, generator=torch.Generator().manual_seed(_seed(3)))[:2000]
    assert found.temperature == fit_temperature(predicted(logits[fitted], labels[fitted]))
    # labels of the measured half have no part in the temperature
    spoilt = labels.clone()
    measured = torch.ones(4001, dtype=torch.bool)
    measured[fitted] = False
    spoilt[measured] = 0
    assert calibrate(predicted(logits, spoilt), seed=3).temperature == found.temperature


def _seed(seed):
    from residuum.seeds import seed_of

    return seed_of(seed, "halves")


def test_a_temperature_leaves_the_ranking():
    predictions, logits, _ = drawn(1.0, count=50)
    cooled = at_temperature(predictions, 3.0)
    assert cooled.scores.ranked.equal(predictions.scores.ranked)
    torch.testing.assert_close(cooled.log_probabilities, (logits / 3).log_softmax(1))


def test_a_temperature_without_a_best_value_ends_at_the_ends():
    all_right = predicted([[5.0, 0.0], [0.0, 5.0]], [0, 1])
    assert fit_temperature(all_right) == pytest.approx(1e-3, rel=1e-6)
    assert fit_temperature(predicted([[5.0, 0.0], [0.0, 5.0]], [1, 0])) == pytest.approx(1e3, rel=1e-6)
    certain = predicted([[0.0, -math.inf], [0.0, -math.inf], [0.0, -1.0]], [0, 0, 1])
    assert math.isfinite(fit_temperature(certain))
    with pytest.raises(InputError, match="at least 2 images, got 1"):
        calibrate(all_right.part(torch.tensor([0])))


def test_the_bootstrap_gives_the_binomial_interval():
    hits = 100.0 * (torch.arange(1000) < 873)[:, None]
    ((low, high),) = bootstrap(hits, resamples=4000)
    expected = [100 * end / 1000 for end in binom.interval(0.95, 1000, 0.873)]
    assert [low, high] == pytest.approx(expected, abs=0.2)
    ((narrow_low, narrow_high),) = bootstrap(hits, resamples=4000, level=50)
    assert [narrow_low, narrow_high] == pytest.approx(
        [100 * end / 1000 for end in binom.interval(0.5, 1000, 0.873)], abs=0.2
    )


def test_the_bootstrap_repeats_by_its_seed():
    values = torch.randn(50, 2)
    assert bootstrap(values, seed=1) == bootstrap(values, seed=1)
    assert bootstrap(values, seed=1) != bootstrap(values, seed=2)
    alike = bootstrap(torch.cat([values, values[:, :1]], 1), seed=1)
    assert alike[0] == alike[2], "all columns see the same sets"
    for wrong in ({"resamples": 1}, {"level": 100}):
        with pytest.raises(InputError, match="at least 1 image, 2 resamples and a level between 0 and 100"):
            bootstrap(values, **wrong)


def test_intervals_hold_the_figures_they_belong_to():
    scores = drawn(1.0, count=500, classes=8)[0].scores
    for name, (low, high) in score_intervals(scores).items():
        assert low < getattr(scores, name) < high, name


def test_a_gain_is_paired_by_picture():
    """The better one is right on the other's 800 and on 20 more: the gain is 2 points, and never negative."""
    labels = torch.zeros(1000, dtype=torch.int64)
    right, wrong = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    better = predicted(torch.stack([right] * 820 + [wrong] * 180), labels).scores
    other = predicted(torch.stack([right] * 800 + [wrong] * 200), labels).scores
    low, high = gain_interval(better, other)
    assert 0 < low < 2 < high < 3.1
    assert gain_interval(other, better)[1] < 0
