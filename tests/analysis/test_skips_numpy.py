"""The written-out rules of learning against automatic differentiation, and the merged matrix against its parts."""

import ast
import copy
from pathlib import Path as File

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from residuum.analysis.laws import skips_numpy
from residuum.analysis.laws.skips_numpy import Path, SkipNet, cross_entropy, squared_error
from residuum.errors import InputError
from residuum.nn.skips import ACTIVATIONS, WIRINGS, Skip, SkipCell, pick_wiring

ETA = 0.1


def written_out(cell):
    """Return the NumPy network with the cell's matrices; a skip without gradient is fixed."""

    def array(tensor):
        return tensor.detach().numpy().copy()

    weights = {Path(layer - 1, layer): array(linear.weight) for layer, linear in enumerate(cell.normal, start=1)}
    fixed = set()
    for name, skip in cell.skips.items():
        path = Path(*map(int, name.split("_")), "skip")
        weights[path] = (
            array(skip.weight) if isinstance(skip, nn.Linear) else np.eye(cell.normal[path.target - 1].out_features)
        )
        if not any(parameter.requires_grad for parameter in skip.parameters()):
            fixed.add(path)
    names = [next(name for name, make in ACTIVATIONS.items() if type(act) is make) for act in cell.act]
    return SkipNet(
        weights, {layer: array(linear.bias) for layer, linear in enumerate(cell.normal, start=1)}, names, fixed
    )


def tensors(cell):
    """Return the cell's parameters under the NumPy network's paths and layers."""
    by_path = {Path(layer - 1, layer): linear.weight for layer, linear in enumerate(cell.normal, start=1)}
    by_path |= {
        Path(*map(int, name.split("_")), "skip"): skip.weight
        for name, skip in cell.skips.items()
        if isinstance(skip, nn.Linear)
    }
    return by_path, {layer: linear.bias for layer, linear in enumerate(cell.normal, start=1)}


def assert_learns_alike(cell, steps=4, batch=3):
    """Compare outputs, gradients and weights over some steps of gradient descent, to 1e-9."""
    net = written_out(cell)
    width = cell.normal[0].in_features
    for step in range(steps):
        x = torch.randn(batch, width, dtype=torch.float64)
        targets = torch.randn(batch, cell.normal[-1].out_features, dtype=torch.float64)
        cell.zero_grad()
        y = cell(x)
        loss = ((y - targets) ** 2).sum() / 2
        loss.backward()

        def error(a, targets=targets):
            return squared_error(a, targets.numpy())

        np.testing.assert_allclose(net.forward(x.numpy())[0][-1], y.detach().numpy(), rtol=1e-9, atol=1e-9)
        by_path, by_layer = net.gradients(x.numpy(), error)
        weights, biases = tensors(cell)
        assert set(by_path) == {path for path, weight in weights.items() if weight.requires_grad}
        for path, gradient in by_path.items():
            np.testing.assert_allclose(gradient, weights[path].grad.numpy(), rtol=1e-9, atol=1e-9)
        for layer, gradient in by_layer.items():
            np.testing.assert_allclose(gradient, biases[layer].grad.numpy(), rtol=1e-9, atol=1e-9)
        learn = net.step_merged if step % 2 else net.step
        assert learn(x.numpy(), error, ETA) == pytest.approx(loss.item(), rel=1e-9)
        with torch.no_grad():
            for parameter in cell.parameters():
                if parameter.requires_grad:
                    parameter -= ETA * parameter.grad
    weights, biases = tensors(cell)
    for path, weight in weights.items():
        np.testing.assert_allclose(net.weights[path], weight.detach().numpy(), rtol=1e-9, atol=1e-9)
    for layer, bias in biases.items():
        np.testing.assert_allclose(net.biases[layer], bias.detach().numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("wiring", WIRINGS)
def test_every_wiring_learns_as_automatic_differentiation_says(wiring, length, activation):
    layers = 6
    cell = SkipCell([5] * (layers + 1), pick_wiring(wiring, layers, length), [activation] * layers).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.mul_(0.5).add_(0.05 * torch.randn_like(parameter))
    assert_learns_alike(cell)


@st.composite
def any_cells(draw):
    """Draw any depth, any widths, any set of skips (identity, learnt, learnt and frozen), any activations."""
    layers = draw(st.integers(1, 6))
    widths = [draw(st.sampled_from([2, 3])) for _ in range(layers + 1)]
    pairs = [(s, t) for t in range(1, layers + 1) for s in range(t)]
    skips = []
    for source, target in draw(st.lists(st.sampled_from(pairs), unique=True)):
        kinds = ["learnt", "identity"] if widths[source] == widths[target] else ["learnt"]
        skips.append(Skip(source, target, draw(st.sampled_from(kinds))))
    activations = [draw(st.sampled_from(sorted(ACTIVATIONS))) for _ in range(layers)]
    torch.manual_seed(draw(st.integers(0, 999)))
    cell = SkipCell(widths, skips, activations).double()
    for parameter in cell.parameters():
        nn.init.normal_(parameter, std=0.4)
    for skip in cell.skips.values():
        skip.requires_grad_(draw(st.booleans()))
    return cell


@settings(deadline=None, max_examples=60)
@given(cell=any_cells())
def test_any_set_of_skips_learns_as_automatic_differentiation_says(cell):
    assert_learns_alike(cell, steps=2)


@settings(deadline=None, max_examples=30)
@given(cell=any_cells())
def test_merged_matrices_learn_in_one_step_what_their_parts_learn(cell):
    apart, merged = written_out(cell), copy.deepcopy(written_out(cell))
    x = np.random.default_rng(0).normal(size=(4, cell.normal[0].in_features))
    targets = np.ones((4, cell.normal[-1].out_features))
    for net, learn in ((apart, apart.step), (merged, merged.step_merged)):
        a, _ = net.forward(x)
        for layer in range(1, net.layers + 1):
            heard = np.hstack([a[path.source] for path in net.learning(layer)])
            parts = sum(a[path.source] @ net.weights[path].T for path in net.learning(layer))
            np.testing.assert_allclose(heard @ net.merged(layer).T, parts, rtol=1e-12, atol=1e-12)
        learn(x, lambda a: squared_error(a, targets), ETA)
    for path, matrix in apart.weights.items():
        np.testing.assert_allclose(merged.weights[path], matrix, rtol=1e-12, atol=1e-12)


def test_fixed_skips_stay_to_the_bit_and_the_others_move():
    cell = SkipCell([4] * 5, pick_wiring("residual", 4, 2), ["tanh"] * 4).double()
    net = written_out(cell)
    before = {path: matrix.copy() for path, matrix in net.weights.items()}
    for learn in (net.step, net.step_merged):
        learn(np.ones((2, 4)), lambda a: squared_error(a, np.zeros((2, 4))), ETA)
    assert net.fixed == {Path(0, 2, "skip"), Path(2, 4, "skip")}
    for path, matrix in net.weights.items():
        assert np.array_equal(matrix, before[path]) == (path in net.fixed)


def test_one_example_follows_the_rules_as_they_are_printed():
    rng = np.random.default_rng(0)
    w01, w12, w02 = rng.normal(size=(3, 2)), rng.normal(size=(2, 3)), rng.normal(size=(2, 2))
    net = SkipNet(
        {Path(0, 1): w01, Path(1, 2): w12, Path(0, 2, "skip"): w02},
        {1: np.zeros(3), 2: np.zeros(2)},
        ["tanh", "linear"],
    )
    x, target = rng.normal(size=(1, 2)), np.ones((1, 2))
    a1 = np.tanh(w01 @ x[0])
    delta2 = w12 @ a1 + w02 @ x[0] - 1
    delta1 = (1 - a1**2) * (w12.T @ delta2)
    net.step(x, lambda a: squared_error(a, target), ETA)
    np.testing.assert_allclose(net.weights[Path(0, 2, "skip")] - w02, -ETA * np.outer(delta2, x[0]), atol=1e-12)
    np.testing.assert_allclose(net.weights[Path(1, 2)] - w12, -ETA * np.outer(delta2, a1), atol=1e-12)
    np.testing.assert_allclose(net.weights[Path(0, 1)] - w01, -ETA * np.outer(delta1, x[0]), atol=1e-12)


def test_cross_entropy_is_torchs():
    logits = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 3, 0])
    loss = nn.functional.cross_entropy(logits, labels)
    loss.backward()
    value, slope = cross_entropy(logits.detach().numpy(), np.eye(4)[labels.numpy()])
    assert value == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(slope, logits.grad.numpy(), rtol=1e-12, atol=1e-12)


def test_nothing_here_differentiates_by_itself():
    tree = ast.parse(File(skips_numpy.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(name.split(".")[0] in ("torch", "jax", "autograd") for name in names)


def test_matrices_that_do_not_fit():
    with pytest.raises(InputError, match=r"layer 2 must have a normal matrix and a bias; give Path\(1, 2\)"):
        SkipNet({Path(0, 1): np.eye(2)}, {1: np.zeros(2)}, ["relu", "relu"])
    with pytest.raises(InputError, match=r"must fit layers of widths \[2, 2\], got a matrix of shape \(3, 2\)"):
        SkipNet({Path(0, 1): np.ones((3, 2))}, {1: np.zeros(2)}, ["relu"])
