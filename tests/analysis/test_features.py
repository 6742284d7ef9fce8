"""Features against scikit-learn, definitions and invariances."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier
from small_networks import bits
from torch import nn

from residuum.analysis.features import RIDGE, first_filters, linear_probe, neighbours, neighbours_of_own_class
from residuum.analysis.maximisation import channel_units, class_units, maximised, total_variation
from residuum.analysis.similarity import cka_by_depth, linear_cka
from residuum.analysis.taps import depth_points, features_by_depth


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_cka_is_its_definition():
    x, y = normal(20, 5), normal(20, 7, seed=1)
    centre = np.eye(20) - 1 / 20

    def hsic(a, b):  # Gretton 2005: trace of KHLH
        return np.trace((a @ a.T).numpy() @ centre @ (b @ b.T).numpy() @ centre)

    assert linear_cka(x, y) == pytest.approx(hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y)))
    xc, yc = x - x.mean(0), y - y.mean(0)
    cross = (yc.T @ xc).square().sum() / ((xc.T @ xc).norm() * (yc.T @ yc).norm())
    assert linear_cka(x, y) == pytest.approx(cross.item())


def test_cka_is_not_moved_by_turning_scaling_and_shifting():
    x, y = normal(20, 5), normal(20, 5, seed=1)
    turn = torch.linalg.qr(normal(5, 5, seed=2)).Q
    assert linear_cka(x, x) == pytest.approx(1)
    assert linear_cka(x, 3 * x @ turn + 7) == pytest.approx(1)
    assert linear_cka(x @ turn, y) == pytest.approx(linear_cka(x, y))
    assert linear_cka(x @ torch.diag(torch.arange(1.0, 6).double()), y) != pytest.approx(linear_cka(x, y), rel=1e-2)
    assert 0 < linear_cka(x, y) < 0.9


def test_cka_by_depth_is_every_pair(residual, digits):
    features = features_by_depth(residual, digits.images(), pooled=False)
    found = cka_by_depth(features)
    names = list(features)
    assert found[2, 4].item() == pytest.approx(linear_cka(features[names[2]], features[names[4]]))
    assert torch.allclose(found, found.T) and torch.allclose(found.diagonal(), torch.ones(7, dtype=torch.float64))


def test_features_are_what_leaves_each_block(residual, digits):
    before = bits(residual)
    pooled, whole = (features_by_depth(residual, digits.images(), pooled=pooled) for pooled in (True, False))
    assert bits(residual) == before
    assert list(pooled) == depth_points(residual) == ["stem", *(f"stages.{s}.{b}" for s in range(3) for b in range(2))]
    residual.eval()
    with torch.no_grad():
        x = residual.stages[0](residual.stem(next(digits.images())))
    assert torch.equal(pooled["stages.0.1"], x.flatten(2).mean(2))
    assert torch.equal(whole["stages.0.1"], x.flatten(1))


def test_a_probe_is_ridge_regression():
    labels = torch.arange(90) % 3
    features = normal(90, 6) + 1.5 * nn.functional.one_hot(labels, 6)
    found = linear_probe(features[:60], labels[:60], features[60:], labels[60:])
    spread = (features[:60] - features[:60].mean(0)).square().sum(0).mean().item()
    peer = RidgeClassifier(alpha=RIDGE * spread).fit(features[:60].numpy(), labels[:60].numpy())
    assert found.tolist() == (peer.predict(features[60:].numpy()) == labels[60:].numpy()).tolist()
    assert 0.5 < found.double().mean() < 1


def test_a_probe_bears_features_that_never_change():
    labels = torch.arange(20) % 2
    features = torch.stack([labels.double(), torch.zeros(20, dtype=torch.float64)], 1)
    assert linear_probe(features, labels, features, labels).all()


def test_neighbours_are_the_nearest_by_cosine():
    features = normal(30, 4)
    centred = (features - features.mean(0)).numpy()
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    found = neighbours(features, torch.tensor([3, 8]), 4)
    for row, query in zip(found.tolist(), (3, 8), strict=True):
        order = [int(number) for number in np.argsort(-(unit @ unit[query])) if number != query]
        assert row == order[:4]
    labels = torch.arange(30) % 2
    share = neighbours_of_own_class(nn.functional.one_hot(labels).double() + 0.01 * normal(30, 2), labels, 5)
    assert share.tolist() == [1.0] * 30


def test_first_filters(residual):
    assert torch.equal(first_filters(residual), residual.stem.conv.weight)
    with pytest.raises(ValueError, match="a network must have a convolution to show its filters, and Linear has none"):
        first_filters(nn.Linear(1, 1))


UNITS = [class_units([3, 1]), channel_units("stages.1.0", [2, 0])]


@pytest.mark.parametrize("units", UNITS)
def test_maximisation_leaves_the_model_alone_and_is_the_seeds(residual, digits, units):
    residual.train()
    residual.head.eval()
    residual.stem.conv.weight.requires_grad_(False)
    before = bits(residual), [weights.requires_grad for weights in residual.parameters()]
    climb = {"normalise": digits.normalise, "shape": (2, 1, 8, 8), "steps": 40, "rate": 0.3, "seed": 1}
    rough, answers = maximised(residual, units, smoothness=0.0, **climb)
    assert (bits(residual), [weights.requires_grad for weights in residual.parameters()]) == before
    assert all(weights.grad is None for weights in residual.parameters())
    assert rough.shape == (2, 1, 8, 8) and rough.min() >= 0 and rough.max() <= 1 and answers.shape == (40, 2)
    assert torch.equal(rough, maximised(residual, units, smoothness=0.0, **climb)[0])
    smooth, _ = maximised(residual, units, smoothness=5.0, **climb)
    assert (total_variation(smooth) < total_variation(rough)).all()


@pytest.mark.parametrize("units", UNITS)
def test_the_pictures_are_answered_more_strongly_than_the_start(residual, digits, units):
    residual.eval()
    climb = {"normalise": digits.normalise, "shape": (2, 1, 8, 8), "smoothness": 0.0}
    start, _ = maximised(residual, units, steps=1, rate=0.0, **climb)
    climbed, _ = maximised(residual, units, steps=60, rate=0.1, **climb)
    with torch.no_grad():
        before, after = (
            units(residual, digits.normalise((255 * pictures).round().to(torch.uint8))) for pictures in (start, climbed)
        )
    assert (after > before).all()


def test_pictures_do_not_meet(residual, digits):
    """The first of two pictures climbs as it would beside any other."""
    climb = {"normalise": digits.normalise, "shape": (2, 1, 8, 8), "steps": 5}
    one, other = (maximised(residual, class_units([3, beside]), **climb)[0] for beside in (1, 7))
    assert torch.allclose(one[0], other[0], atol=1e-6) and not torch.allclose(one[1], other[1], atol=1e-3)


def test_what_cannot_be_compared_is_said(residual, digits):
    with pytest.raises(ValueError, match=r"features \[N, p\] and \[N, q\] of the same N >= 2 images, got \[3, 2\]"):
        linear_cka(normal(3, 2), normal(4, 2))
    with pytest.raises(ValueError, match="CKA needs features that differ between images"):
        linear_cka(torch.ones(4, 2), normal(4, 2))
    with pytest.raises(ValueError, match="a probe needs a label for each image, got 3 and 2 features"):
        linear_probe(normal(3, 2), torch.zeros(2).long(), normal(2, 2), torch.zeros(2).long())
    with pytest.raises(ValueError, match="a probe needs images of two classes or more"):
        linear_probe(normal(3, 2), torch.zeros(3).long(), normal(2, 2), torch.zeros(2).long())
    with pytest.raises(ValueError, match="neighbours must number 1 to 4 among 5 images, got 5"):
        neighbours(normal(5, 2), torch.tensor([0]), 5)
    with pytest.raises(ValueError, match="maximisation takes 1 step or more, got 0"):
        maximised(residual, class_units([0]), digits.normalise, (1, 1, 8, 8), steps=0)
