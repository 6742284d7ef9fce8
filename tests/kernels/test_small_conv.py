"""Convolutions of few channels against float64, and where they serve."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels_here import serving
from torch import nn

from residuum.kernels import fuse, is_fused, unfuse
from residuum.kernels import small_conv as room
from residuum.kernels.small_conv import conv3x3, filter_gradient, narrow_conv


@pytest.fixture(autouse=True, scope="module")
def kernel_here():
    """Wherever the kernel runs it is tested, and in plain C where it does not; whether it pays is another question."""
    with serving(room, "small_conv", "pays"):
        yield


def pictures(*shape: int) -> torch.Tensor:
    return torch.randn(shape).bfloat16().contiguous(memory_format=torch.channels_last)


def small(**changes) -> nn.Conv2d:
    return nn.Conv2d(
        **{"in_channels": 16, "out_channels": 32, "kernel_size": 3, "padding": 1, "bias": False, **changes}
    )


def gradients(function, x: torch.Tensor, weight: torch.Tensor, dy: torch.Tensor) -> list[torch.Tensor]:
    x, weight = x.detach().clone(memory_format=torch.preserve_format).requires_grad_(), weight.detach().clone()
    weight.requires_grad_()
    y = function(x, weight)
    y.backward(dy)
    assert x.grad is not None
    assert weight.grad is not None
    return [y.detach(), x.grad, weight.grad]


@settings(max_examples=60, deadline=None)
@given(
    images=st.integers(1, 5),
    in_channels=st.sampled_from([16, 48]),
    out_channels=st.sampled_from([16, 64]),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_it_is_the_sum_over_all_pixels(images, in_channels, out_channels, height, width, threads, seed):
    torch.manual_seed(seed)
    x, dy = pictures(images, in_channels, height, width), pictures(images, out_channels, height, width)
    weight = torch.zeros(out_channels, in_channels, 3, 3, dtype=torch.float64)
    _, _, expected = gradients(lambda x, w: F.conv2d(x, w, padding=1), x.double(), weight, dy.double())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: threads)
        found = filter_gradient(x, dy)
    torch.testing.assert_close(found.double(), expected, atol=1e-5 * dy[:, :1].numel() ** 0.5, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    images=st.integers(1, 5),
    height=st.integers(1, 20),
    width=st.sampled_from([16, 32, 48]),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_sixteen_channels_are_rounded_once(images, height, width, threads, seed):
    torch.manual_seed(seed)
    x, weight = pictures(images, 16, height, width), torch.randn(16, 16, 3, 3).bfloat16()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: threads)
        found = narrow_conv(x, weight)
    expected = F.conv2d(x.double(), weight.double(), padding=1)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=2**-8)


@pytest.mark.parametrize("width", [16, 17])
def test_the_gradient_to_x_of_sixteen_channels(width):
    x, dy = pictures(3, 16, 5, width), pictures(3, 16, 5, width)
    weight = torch.randn(16, 16, 3, 3).bfloat16()
    _, found, _ = gradients(room._Convolution.apply, x, weight, dy)
    _, expected, _ = gradients(lambda x, w: F.conv2d(x, w, padding=1), x.double(), weight.double(), dy.double())
    if width % 16:  # torch's own, which is less exact on a processor without bf16
        _, torchs, _ = gradients(lambda x, w: F.conv2d(x, w, padding=1), x, weight, dy)
        torch.testing.assert_close(found, torchs)
    else:
        torch.testing.assert_close(found.double(), expected, atol=1e-3, rtol=2**-7)


def test_what_is_not_finite_stays_so():
    x, dy = pictures(2, 16, 6, 6), pictures(2, 16, 6, 6)
    for value in (torch.nan, torch.inf):
        x[0, 3, 2, 2] = value
        found = filter_gradient(x, dy)
        assert not found[:, 3].isfinite().any()
        found[:, 3] = 0
        assert found.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_all_else_is_torchs_own(dtype):
    conv = small().to(dtype)
    x, dy = pictures(3, 16, 9, 7), pictures(3, 32, 9, 7)
    with torch.autocast("cpu", torch.bfloat16):
        assert room._served(conv, x)
        expected = gradients(lambda x, w: F.conv2d(x, w, padding=1), x, conv.weight, dy)
        conv3x3(conv, x).backward(dy)
        y, dx, _ = gradients(room._Convolution.apply, x, conv.weight, dy)
    assert torch.equal(y, expected[0])
    torch.testing.assert_close(
        dx, expected[1], atol=0.02, rtol=0.01
    )  # oneDNN may add in another order for one gradient
    assert conv.weight.grad is not None
    assert conv.weight.grad.dtype == dtype
    torch.testing.assert_close(conv.weight.grad, expected[2], atol=0.1, rtol=0.01)


@pytest.mark.parametrize(
    "conv",
    [small(stride=2), small(in_channels=24), small(out_channels=80), small(bias=True), small(groups=2)],
    ids=["stride", "24 channels", "80 channels", "bias", "groups"],
)
def test_other_convolutions_are_left_alone(conv):
    assert not is_fused(fuse(conv))


def test_a_fused_network_learns_by_it_and_an_unfused_one_does_not():
    conv, x = nn.Sequential(small().bfloat16(), nn.ReLU()), pictures(2, 16, 6, 6)
    fused = fuse(copy.deepcopy(conv))
    assert type(fused[0](x).grad_fn).__name__ == "_ConvolutionBackward"
    assert type(unfuse(fused)[0](x).grad_fn).__name__ != "_ConvolutionBackward"


def test_elsewhere_it_is_torchs_own():
    conv, x = small().bfloat16(), pictures(2, 16, 6, 6)
    assert room._served(conv, x)
    for why, given_x in {"contiguous": x.contiguous(), "no batch": x[0]}.items():
        assert not room._served(conv, given_x), why
    assert not room._served(small(), x.float())
    with torch.no_grad():
        assert not room._served(conv, x)
    assert torch.equal(torch.func.vmap(lambda x: conv3x3(conv, x))(x[None])[0], conv(x))
    exported = torch.export.export(fuse(nn.Sequential(conv)), (x,)).module()
    assert torch.equal(exported(x), unfuse(conv)(x))
    seen = []
    conv.register_forward_hook(lambda module, given, result: seen.append(module))
    assert not room._served(conv, x)


def test_a_gradient_of_the_gradient_is_refused():
    x = pictures(2, 16, 6, 6).requires_grad_()
    with pytest.raises(RuntimeError, match="no gradient of their gradient"):
        torch.autograd.grad(conv3x3(small().bfloat16(), x).sum(), x, create_graph=True)


def test_no_memory_is_told(monkeypatch):
    class Full:
        def small_conv_filters(self, *given):
            return 1

        small_conv_forward = small_conv_filters

    monkeypatch.setattr(room, "kernel", Full)
    with pytest.raises(MemoryError, match="no memory for a band of 6 pixels of 16 channels"):
        filter_gradient(pictures(2, 16, 6, 6), pictures(2, 16, 6, 6))
    with pytest.raises(MemoryError, match="no memory for four rows of 16 pixels of 16 channels"):
        narrow_conv(pictures(2, 16, 6, 16), torch.zeros(16, 16, 3, 3).bfloat16())
