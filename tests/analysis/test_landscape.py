"""Landscapes: directions by their definition, heights against the model's own loss."""

import numpy as np
import pytest
import torch
from small_networks import bits
from torch import nn

from residuum.analysis.directions import random_direction, trajectory
from residuum.analysis.landscape import bumps, grid, heights, line
from residuum.analysis.sample import scores


def test_a_direction_is_normalised_filter_by_filter(residual):
    direction = random_direction(residual, seed=1)
    for name, module in residual.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weights = module.weight.detach()
            for number, one in enumerate(weights):
                assert direction[f"{name}.weight"][number].norm().item() == pytest.approx(one.norm().item(), rel=1e-5)
    still = [name for name, step in direction.items() if step.ndim < 2]
    assert still and all((direction[name] == 0).all() for name in still)
    assert set(direction) == dict(residual.named_parameters()).keys()


def test_directions_are_the_seeds_and_differ_by_number(residual):
    torch.manual_seed(3)
    first, again, second, other = (random_direction(residual, *which) for which in ((1, 0), (1, 0), (1, 1), (2, 0)))
    name = "stages.0.0.branch.conv1.weight"
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], second[name]) and not torch.equal(first[name], other[name])
    flat = [torch.cat([step.flatten() for step in direction.values()]) for direction in (first, second)]
    assert abs(torch.nn.functional.cosine_similarity(*flat, dim=0)) < 0.1  # at right angles but for chance


def test_the_centre_is_the_models_own_loss_and_the_model_stays(residual, digits):
    directions = [random_direction(residual, 0, number) for number in range(2)]
    residual.train()
    before = bits(residual)
    found = heights(residual, digits, directions, grid(1.0, 3))
    assert bits(residual) == before
    own = scores(residual, digits)
    assert found[4] == (own.loss, 100 - own.top1)
    assert len({height.loss for height in found}) == 9


def test_a_height_is_the_loss_of_the_moved_weights(residual, digits):
    direction = random_direction(residual, 0)
    found = heights(residual, digits, [direction], [(0.3,)])[0]
    with torch.no_grad():
        for name, weights in residual.named_parameters():
            weights += 0.3 * direction[name]
    assert found.loss == pytest.approx(scores(residual, digits).loss, rel=1e-6)


def test_recomputed_statistics_are_the_batches_own(residual, digits):
    directions = [random_direction(residual, 0)]
    before = bits(residual)
    found = heights(residual, digits, directions, [(0.5,)], statistics="recomputed")[0]
    assert bits(residual) == before
    with torch.no_grad():
        for name, weights in residual.named_parameters():
            weights += 0.5 * directions[0][name]
        residual.train()
        for module in residual.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
                module.momentum = 1.0  # the one batch's statistics alone
        residual(digits.normalise(digits.pixels))
    assert found.loss == pytest.approx(scores(residual, digits).loss, rel=1e-5)
    assert found.loss != heights(residual, digits, directions, [(0.5,)])[0].loss


def test_processes_give_the_same_heights(residual, digits):
    directions, points = [random_direction(residual, 0)], line(0.5, 5)
    alone = heights(residual, digits, directions, points)
    assert heights(residual, digits, directions, points, workers=2) == alone


def test_a_trajectory_is_the_principal_plane():
    draw = np.random.default_rng(0)
    weights = [{"a": torch.tensor(draw.normal(size=(3, 2))), "b": torch.tensor(draw.normal(size=4))} for _ in range(6)]
    found = trajectory(weights)
    rows = np.array([np.concatenate([step["a"].flatten(), step["b"]]) for step in weights])
    way = rows[:-1] - rows[-1]
    values, axes = np.linalg.eigh(way.T @ way)
    for number in range(2):
        axis = np.concatenate([found.directions[number][name].numpy().ravel() for name in ("a", "b")])
        assert abs(axis @ axes[:, -1 - number]) == pytest.approx(1)
        assert found.explained[number] == pytest.approx(values[-1 - number] / values.sum())
        assert found.places[:-1, number].numpy() == pytest.approx(way @ axis)
    assert found.places[-1].tolist() == [0, 0]


def test_points_and_bumps():
    assert line(2, 5) == [(-2,), (-1,), (0,), (1,), (2,)]
    assert grid(1, 3)[:4] == [(-1, -1), (0, -1), (1, -1), (-1, 0)]
    bowl = torch.linspace(-1, 1, 9).square()
    assert bumps(bowl) == 0
    assert bumps(-bowl) == 1
    assert bumps(torch.tensor([0.0, 1, 0, 1, 0])) == pytest.approx(2 / 3)


def test_what_cannot_be_drawn_is_said(residual, digits):
    direction = random_direction(residual, 0)
    with pytest.raises(ValueError, match="statistics must be one of frozen, recomputed, got 'thawed'"):
        heights(residual, digits, [direction], [(0.0,)], statistics="thawed")
    with pytest.raises(ValueError, match=r"a coordinate for each of 1 directions, got \(0, 1\)"):
        heights(residual, digits, [direction], [(0, 1)])
    with pytest.raises(ValueError, match="an odd number of steps, 3 or more, and a reach above 0, got 4, 1"):
        line(1, 4)
    with pytest.raises(ValueError, match="a plane needs the weights of three epochs or more, got 2"):
        trajectory([{}, {}])
