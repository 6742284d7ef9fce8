"""The LSTM cell: torch's numbers, and the law that makes it a residual network along time."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from residuum.errors import InputError
from residuum.nn.recurrent import FORGETS, AlwaysOne, ImageRows, LastStep, LSTMCell, Recurrent, pick_forget

GATES = ("input", "forget", "candidate", "output")  # torch's order


def from_torch(state, suffix=""):
    """Return our state of torch's stacked matrices."""
    ours = {}
    for letter, name in (("i", "x"), ("h", "h")):
        for leaf in ("weight", "bias"):
            for gate, part in zip(GATES, state[f"{leaf}_{letter}h{suffix}"].chunk(4), strict=True):
                ours[f"{gate}.{name}.{leaf}"] = part
    return ours


def test_modern_cell_is_torchs_step_by_step():
    theirs, ours = nn.LSTMCell(5, 7), LSTMCell(5, 7)
    ours.load_state_dict(from_torch(theirs.state_dict()))
    state = expected = (torch.randn(3, 7), torch.randn(3, 7))
    for _ in range(20):
        x = torch.randn(3, 5) * 2
        state, expected = ours(x, state), theirs(x, expected)
        torch.testing.assert_close(state, tuple(expected), rtol=0, atol=1e-6)


def test_modern_cell_has_torchs_gradients():
    theirs, ours = nn.LSTMCell(5, 7).double(), LSTMCell(5, 7).double()
    ours.load_state_dict(from_torch(theirs.state_dict()))
    x, h, c = (torch.randn(3, n, dtype=torch.float64) for n in (5, 7, 7))
    (ours(x, (h, c))[0] ** 3).sum().backward()
    (theirs(x, (h, c))[0] ** 3).sum().backward()
    expected = from_torch({name: p.grad for name, p in theirs.named_parameters()})
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-10, atol=1e-12)


def test_layer_along_a_sequence_is_torchs():
    theirs, cell = nn.LSTM(5, 7, batch_first=True), LSTMCell(5, 7)
    cell.load_state_dict(from_torch(theirs.state_dict(), "_l0"))
    x = torch.randn(2, 9, 5)
    torch.testing.assert_close(Recurrent(cell)(x), theirs(x)[0], rtol=0, atol=1e-6)


def test_new_weights_have_torchs_distribution_and_number():
    theirs, ours = nn.LSTMCell(50, 100), LSTMCell(50, 100)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
    for parameter in ours.parameters():
        assert parameter.abs().max() <= 0.1 and abs(parameter.std() - 0.1 / 3**0.5) < 0.01


@settings(deadline=None, max_examples=25)
@given(name=st.sampled_from(sorted(FORGETS)), width=st.integers(1, 6), seed=st.integers(0, 99))
def test_memory_passes_its_error_through_the_forget_gate_alone(name, width, seed):
    torch.manual_seed(seed)
    cell = LSTMCell(3, width, forget=FORGETS[name](3, width)).double()
    x, h, c = (torch.randn(n, dtype=torch.float64)[None] for n in (3, width, width))
    jacobian = torch.autograd.functional.jacobian(lambda memory: cell(x, (h, memory))[1][0], c)[:, 0]
    expected = torch.diag(cell.forget(x, h)[0])
    torch.testing.assert_close(jacobian, expected, rtol=1e-12, atol=1e-12)
    if name == "one":
        assert torch.equal(jacobian, torch.eye(width, dtype=torch.float64))
    else:
        assert ((expected.diagonal() > 0) & (expected.diagonal() < 1)).all()


def test_cell_of_1997_holds_its_memory_for_as_long_as_nothing_is_let_in():
    cell = LSTMCell(2, 4, forget=AlwaysOne())
    nn.init.constant_(cell.input.x.bias, -1e4)
    c = first = torch.randn(1, 4)
    h = torch.zeros(1, 4)
    for _ in range(200):
        h, c = cell(torch.randn(1, 2), (h, c))
    assert torch.equal(c, first)


def test_unknown_forget_gate():
    with pytest.raises(InputError, match="forget must be one of learnt, one, got 'sometimes'"):
        pick_forget("sometimes")


def test_rows_stand_in_order_with_their_channels():
    images = torch.arange(2 * 2 * 3 * 4.0).view(2, 2, 3, 4)
    rows = ImageRows(2, 4)(images)
    assert rows.shape == (2, 3, 8)
    assert torch.equal(rows[1, 2], torch.cat([images[1, 0, 2], images[1, 1, 2]]))
    assert torch.equal(LastStep()(rows), rows[:, 2])
    with pytest.raises(InputError, match="images of 2 channels and 5 pixels width, got 2 and 4; resize them or build"):
        ImageRows(2, 5)(images)
