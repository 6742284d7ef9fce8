"""Explicit skip matrices: each wiring is the network that it claims to be."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from residuum.errors import InputError
from residuum.nn import Block
from residuum.nn.skips import WIRINGS, Skip, SkipCell, pick_activation, pick_wiring

WIDTH = 5


def cell(wiring, layers=6, length=2, activation="tanh", width=WIDTH):
    return SkipCell([width] * (layers + 1), pick_wiring(wiring, layers, length), [activation] * layers).double()


def inputs():
    return torch.randn(4, WIDTH, dtype=torch.float64)


def test_no_skips_are_the_plain_network():
    model, x = cell("plain"), inputs()
    plain = nn.Sequential(*itertools.chain(*((layer, nn.Tanh()) for layer in model.normal)))
    assert not len(model.skips) and torch.equal(model(x), plain(x))


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_identity_skips_are_residual_blocks(length, activation):
    model, x = cell("residual", 6, length, activation), inputs()
    assert not list(model.skips.parameters())
    expected = x
    for start in range(0, 6, length):
        layers = [layer for one in model.normal[start : start + length] for layer in (one, pick_activation(activation))]
        expected = Block(nn.Sequential(*layers[:-1]), activation=pick_activation(activation))(expected)
    torch.testing.assert_close(model(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_norms_stand_in_the_branch_before_the_skip_joins(length):
    wiring = pick_wiring("residual", 6, length)
    model = SkipCell([WIDTH] * 7, wiring, ["relu"] * 6, norm=nn.BatchNorm1d).double()
    x = expected = inputs()
    for start in range(0, 6, length):
        layers = [
            layer
            for place in range(start, start + length)
            for layer in (model.normal[place], nn.BatchNorm1d(WIDTH).double(), nn.ReLU())
        ]
        expected = Block(nn.Sequential(*layers[:-1]), activation=nn.ReLU())(expected)
    torch.testing.assert_close(model(x), expected, rtol=1e-12, atol=1e-12)
    assert model.is_normed and not cell("residual").is_normed


@pytest.mark.parametrize("length", [1, 2, 3])
def test_learnt_skips_at_the_identity_are_the_residual_network(length):
    learnt, residual, x = cell("learnt", 6, length), cell("residual", 6, length), inputs()
    learnt.normal.load_state_dict(residual.normal.state_dict())
    for skip in learnt.skips.values():
        nn.init.eye_(skip.weight)
    torch.testing.assert_close(learnt(x), residual(x), rtol=1e-12, atol=1e-12)


def test_dense_form_is_one_merged_matrix_on_concatenated_layers():
    layers = 5
    model, x = cell("dense", layers, layers), inputs()
    a = [x]
    for layer in range(1, layers + 1):
        merged = torch.cat(
            [model.normal[layer - 1].weight, *(model.skips[f"{k}_{layer}"].weight for k in range(layer - 2, -1, -1))], 1
        )
        heard = torch.cat(a[::-1], dim=1)
        assert merged.shape == (WIDTH, layer * WIDTH)
        a.append(torch.tanh(heard @ merged.T + model.normal[layer - 1].bias))
    torch.testing.assert_close(model(x), a[-1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", [2, 3])
def test_cortical_wiring_is_the_dense_form_with_the_other_matrices_zero(length):
    layers = 6
    cortical, dense, x = cell("cortical", layers, length), cell("dense", layers, layers), inputs()
    dense.normal.load_state_dict(cortical.normal.state_dict())
    for name, skip in dense.skips.items():
        if name in cortical.skips:
            skip.load_state_dict(cortical.skips[name].state_dict())
        else:
            nn.init.zeros_(skip.weight)
    assert {name.split("_")[0] for name in cortical.skips} == {"0"}
    torch.testing.assert_close(cortical(x), dense(x), rtol=1e-12, atol=1e-12)


@given(layers=st.integers(1, 12), length=st.integers(1, 12))
def test_wirings_lie_where_they_say(layers, length):
    dense = pick_wiring("dense", layers, length)
    assert {(t - s, t) for s, t, _ in dense} == {
        (k, t) for t in range(1, layers + 1) for k in range(2, length + 1) if k <= t
    }
    assert {(s, t) for s, t, _ in pick_wiring("cortical", layers, length)} == {
        (0, t) for t in range(length, layers + 1)
    }
    if layers % length == 0:
        ends = [(s, t) for s, t, _ in pick_wiring("residual", layers, length)]
        assert ends == [(n * length, (n + 1) * length) for n in range(layers // length)]
        assert [(s, t) for s, t, _ in pick_wiring("learnt", layers, length)] == ends
    else:
        with pytest.raises(
            InputError, match=f"must be a multiple of the skips' length {length}, got {layers}; try a depth"
        ):
            pick_wiring("residual", layers, length)


@settings(deadline=None, max_examples=20)
@given(name=st.sampled_from(sorted(WIRINGS)), seed=st.integers(0, 99))
def test_new_weights_keep_the_size_of_what_a_layer_adds_up(name, seed):
    torch.manual_seed(seed)
    model = SkipCell([200] * 4, pick_wiring(name, 3, 3), ["relu"] * 3)
    for layer, (normal, sources) in enumerate(zip(model.normal, model.sources, strict=True), start=1):
        learnt = [skip for k in sources if isinstance(skip := model.skips[f"{k}_{layer}"], nn.Linear)]
        fan_in = 200 * (1 + len(learnt))
        for matrix in (normal, *learnt):
            assert matrix.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.03)
        assert normal.bias.count_nonzero() == 0


@pytest.mark.parametrize(
    ("skips", "message"),
    [
        ([Skip(2, 2, "learnt")], "skips must lead forward among layers 0 to 3, got 2 -> 2"),
        ([Skip(2, 4, "learnt")], "skips must lead forward among layers 0 to 3, got 2 -> 4"),
        ([Skip(-1, 2, "learnt")], "skips must lead forward among layers 0 to 3, got -1 -> 2"),
        ([Skip(0, 2, "fixed")], "a skip's weight must be one of identity, learnt, got 'fixed'"),
        ([Skip(0, 3, "identity")], "an identity skip needs layers of one width, got 0 -> 3 of widths 4 and 5; make it"),
        ([Skip(0, 2, "learnt"), Skip(0, 2, "identity")], "at most one skip .* got 0 -> 2 twice"),
    ],
)
def test_skips_that_do_not_fit(skips, message):
    with pytest.raises(InputError, match=message):
        SkipCell([4, 4, 4, 5], skips, ["relu"] * 3)


def test_unknown_names_and_numbers():
    with pytest.raises(
        InputError, match=r"wiring must be one of plain, residual, learnt, dense, cortical .* got 'none'"
    ):
        pick_wiring("none", 4, 2)
    with pytest.raises(InputError, match="skip_length must be 1 or more layers, got 0"):
        pick_wiring("dense", 4, 0)
    with pytest.raises(InputError, match="activation must be one of linear, relu, sigmoid, tanh, got 'step'"):
        pick_activation("step")
    with pytest.raises(InputError, match="activations must be one for each of 2 layers, got 1"):
        SkipCell([4, 4, 4], [], ["relu"])
