"""The fused tail against float64 and against the plain reference."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from residuum.kernels import tail as room
from residuum.kernels.tail import forked_tail, kernel, reference_tail, tail

pytestmark = pytest.mark.skipif(kernel() is None, reason="the package was installed without a compiler")

# Largest difference from float64, relative to the largest value: one rounding of the result, and float32 sums.
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 8e-3}


def channels_last(*shape: int, dtype: torch.dtype, mean: float = 0.0, deviation: float = 1.0) -> torch.Tensor:
    return (mean + deviation * torch.randn(*shape)).to(dtype).contiguous(memory_format=torch.channels_last)


def random_norm(channels: int, *, affine: bool = True, momentum: float | None = 0.1) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels, affine=affine, momentum=momentum)
    if affine:
        nn.init.uniform_(norm.weight, 0.2, 1.0)
        nn.init.uniform_(norm.bias, -1.0, 1.0)
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.5, 1.5)
    return norm


def results(function, norm, x, shortcut, activation, gradient):
    """Return output, gradients and running statistics by name."""
    x = x.clone().requires_grad_()
    shortcut = shortcut.clone().requires_grad_() if shortcut is not None else None
    y = function(norm, x, shortcut, activation)
    y.backward(gradient)
    found = {"y": y.detach(), "x": x.grad, "mean": norm.running_mean, "var": norm.running_var}
    if norm.affine:
        found |= {"weight": norm.weight.grad, "bias": norm.bias.grad}
    if shortcut is not None:
        found["shortcut"] = shortcut.grad
    return found


@settings(max_examples=120, deadline=None)
@given(
    images=st.integers(1, 5),
    channels=st.integers(1, 70),
    height=st.integers(3, 9),
    width=st.integers(3, 9),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    added=st.booleans(),
    relu=st.booleans(),
    training=st.booleans(),
    affine=st.booleans(),
    momentum=st.sampled_from([0.1, 1.0, None]),
    seed=st.integers(0, 1000),
)
def test_it_is_batch_norm_sum_and_activation(
    images, channels, height, width, dtype, added, relu, training, affine, momentum, seed
):
    torch.manual_seed(seed)
    norm = random_norm(channels, affine=affine, momentum=momentum).train(training)
    exact = copy.deepcopy(norm).double()
    activation = nn.ReLU() if relu else nn.Identity()
    shape = (images, channels, height, width)
    x, gradient = (channels_last(*shape, dtype=dtype) for _ in range(2))
    shortcut = channels_last(*shape, dtype=dtype) if added else None
    assert room._served(norm, x, shortcut, activation)
    found = results(tail, norm, x, shortcut, activation, gradient)
    # where a value lies next to zero, rounding decides on which side: those gradients are not compared
    double = shortcut.double() if added else None
    expected = results(reference_tail, exact, x.double(), double, activation, gradient.double())
    assert norm.num_batches_tracked == exact.num_batches_tracked
    close_to_zero = relu and (expected["y"] == 0).ne(found["y"] == 0).any()
    for name, value in found.items():
        if close_to_zero and name not in ("y", "mean", "var"):
            continue
        largest = expected[name].abs().max().clamp_min(0.5)
        assert ((value.double() - expected[name]).abs().max() / largest) < TOLERANCE[dtype], name


@pytest.mark.parametrize("relu", [True, False], ids=["relu", "identity"])
@pytest.mark.parametrize("added", [True, False], ids=["added", "alone"])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_two_ways_have_the_gradients_of_their_sum(dtype, added, relu):
    norm = random_norm(21)
    exact = copy.deepcopy(norm).double()
    x, first, second = (channels_last(3, 21, 7, 6, dtype=dtype) for _ in range(3))
    shortcut = channels_last(3, 21, 7, 6, dtype=dtype) if added else None
    activation = nn.ReLU() if relu else nn.Identity()

    def forked(norm, x, shortcut, activation):
        branch, again = forked_tail(norm, x, shortcut, activation)
        assert torch.equal(branch, again)
        assert branch.data_ptr() == again.data_ptr()
        return branch * first + again * second

    found = results(forked, norm, x, shortcut, activation, torch.ones_like(x))
    both = first.double() + second.double()
    expected = results(
        lambda *given: reference_tail(*given) * both,
        exact,
        x.double(),
        shortcut.double() if added else None,
        activation,
        torch.ones_like(both),
    )
    for name, value in found.items():
        tolerance = 3 * TOLERANCE[dtype] * expected[name].abs().max().clamp_min(0.5)  # products are rounded too
        assert (value.double() - expected[name]).abs().max() < tolerance, name


def test_the_second_way_alone_has_its_gradient():
    norm, x = random_norm(16), channels_last(2, 16, 4, 4, dtype=torch.float32)
    twin = copy.deepcopy(norm)
    gradient = torch.randn_like(x)
    found = results(lambda *given: forked_tail(*given)[1], norm, x, None, nn.ReLU(), gradient)
    expected = results(tail, twin, x, None, nn.ReLU(), gradient)
    for name in found:
        assert torch.equal(found[name], expected[name]), name


@pytest.mark.parametrize("mean, deviation", [(1e4, 1e-1), (0.0, 1e-4), (-300.0, 1e3), (0.0, 1e15)])
def test_extreme_inputs_lose_no_more_than_torch_does(mean, deviation):
    x = channels_last(8, 16, 7, 7, dtype=torch.float32, mean=mean, deviation=deviation)
    gradient = channels_last(8, 16, 7, 7, dtype=torch.float32)
    norm = random_norm(16)
    torchs, exact = copy.deepcopy(norm), copy.deepcopy(norm).double()
    identity = nn.Identity()
    found = results(tail, norm, x, None, identity, gradient)
    plain = results(reference_tail, torchs, x, None, identity, gradient)
    expected = results(reference_tail, exact, x.double(), None, identity, gradient.double())
    for name in ("y", "x", "weight", "mean", "var"):
        largest = expected[name].abs().max()
        error, torchs_error = ((got[name].double() - expected[name]).abs().max() for got in (found, plain))
        assert error <= 4 * torchs_error + 1e-5 * largest, name


def test_a_constant_input_has_no_variance():
    norm = random_norm(16)
    y = tail(norm, torch.full((4, 16, 5, 5), 3.3).contiguous(memory_format=torch.channels_last), None, nn.Identity())
    torch.testing.assert_close(y, norm.bias.view(1, -1, 1, 1).expand_as(y), atol=1e-6, rtol=0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_not_finite_stays_so_in_its_channel(bad, dtype):
    x = channels_last(4, 20, 5, 5, dtype=dtype)
    x[1, 3, 2, 2] = bad
    norm = random_norm(20)
    y = tail(norm, x, None, nn.ReLU())
    assert y[:, 3].isnan().all()
    assert y[:, :3].isfinite().all()
    assert y[:, 4:].isfinite().all()


def test_not_a_number_passes_relu_and_the_gradient_as_torch_has_it():
    x = torch.randn(2, 16, 3, 3).contiguous(memory_format=torch.channels_last)
    shortcut = torch.zeros_like(x)
    shortcut[0, 0, 0, 0] = float("nan")
    norm = random_norm(16).eval()
    twin = copy.deepcopy(norm)
    found = results(tail, norm, x, shortcut, nn.ReLU(), torch.ones_like(x))
    expected = results(reference_tail, twin, x, shortcut, nn.ReLU(), torch.ones_like(x))
    assert torch.equal(found["y"].isnan(), expected["y"].isnan())
    torch.testing.assert_close(found["shortcut"], expected["shortcut"])


def test_more_threads_give_the_same_numbers_but_for_rounding():
    x, gradient = (channels_last(9, 48, 11, 5, dtype=torch.float32) for _ in range(2))
    norm = random_norm(48)
    runs = []
    for threads in (1, 2, 2):
        torch.set_num_threads(threads)
        runs.append(results(tail, copy.deepcopy(norm), x, x, nn.ReLU(), gradient))
    torch.set_num_threads(1)
    for name in runs[0]:
        assert torch.equal(runs[1][name], runs[2][name]), name
        torch.testing.assert_close(runs[0][name], runs[1][name], atol=1e-5, rtol=1e-5)


def test_a_gradient_of_the_gradient_is_refused():
    x = channels_last(2, 16, 4, 4, dtype=torch.float32).requires_grad_()
    y = tail(random_norm(16), x, None, nn.ReLU())
    with pytest.raises(RuntimeError, match="no gradient of their gradient"):
        torch.autograd.grad(y.square().sum(), x, create_graph=True)


def left_to_the_reference():
    x = channels_last(2, 16, 4, 4, dtype=torch.float32)
    hooked = random_norm(16)
    hooked.register_forward_hook(lambda *_: None)
    yield "contiguous", random_norm(16), x.contiguous(), nn.ReLU()
    yield "float64", random_norm(16).double(), x.double(), nn.ReLU()
    yield "another norm", nn.GroupNorm(4, 16), x, nn.ReLU()
    yield "another activation", random_norm(16), x, nn.GELU()
    yield "hook", hooked, x, nn.ReLU()


def test_what_the_kernel_does_not_serve_the_reference_does():
    for why, norm, x, activation in left_to_the_reference():
        assert not room._served(norm, x, None, activation), why
        twin = copy.deepcopy(norm)
        assert torch.equal(tail(norm, x, None, activation), reference_tail(twin, x, None, activation)), why


def test_torch_func_and_export_see_the_reference():
    norm = random_norm(16).eval()
    x = channels_last(3, 16, 4, 4, dtype=torch.float32)

    def loss(pixels):
        return tail(norm, pixels, None, nn.ReLU()).square().sum()

    per_image = torch.func.vmap(lambda image: tail(norm, image[None], None, nn.ReLU())[0])(x)
    torch.testing.assert_close(per_image, tail(norm, x, None, nn.ReLU()))
    tangent = torch.ones_like(x)
    _, forward = torch.func.jvp(loss, (x,), (tangent,))
    torch.testing.assert_close(forward, torch.func.grad(loss)(x).sum())

    class Tail(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.act = norm, nn.ReLU()

        def forward(self, pixels):
            return tail(self.norm, pixels, None, self.act)

    exported = torch.export.export(Tail(), (x,)).module()(x)
    torch.testing.assert_close(exported, tail(norm, x, None, nn.ReLU()))


def test_without_the_kernel_everything_still_works(monkeypatch):
    monkeypatch.setattr(room, "kernel", lambda: None)
    norm, x = random_norm(16), channels_last(2, 16, 4, 4, dtype=torch.float32)
    assert room.vectors() is None
    assert torch.equal(tail(norm, x, x, nn.ReLU()), reference_tail(copy.deepcopy(norm), x, x, nn.ReLU()))
