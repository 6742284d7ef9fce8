"""Max pooling against torch's own: the same numbers."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from residuum.kernels import fuse, is_fused, unfuse
from residuum.kernels import pool as room
from residuum.kernels.pool import halves, kernel, max_pool

pytestmark = pytest.mark.skipif(kernel() is None, reason="the package was installed without a compiler")

POOL = nn.MaxPool2d(2)


def results(function, x: torch.Tensor, gradient: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = function(x)
    y.backward(torch.ones_like(y) if gradient is None else gradient)
    assert x.grad is not None
    return y.detach(), x.grad


def pictures(*shape: int) -> torch.Tensor:
    return torch.randn(shape).bfloat16().contiguous(memory_format=torch.channels_last)


@settings(max_examples=80, deadline=None)
@given(
    images=st.integers(1, 4),
    channels=st.integers(1, 70),
    height=st.integers(2, 9),
    width=st.integers(2, 9),
    strange=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_it_is_torchs_own(images, channels, height, width, strange, seed):
    torch.manual_seed(seed)
    x = pictures(images, channels, height, width)
    if strange:  # ties, zeros of both signs, and what is not finite
        values = torch.tensor([-0.0, 0.0, 1.0, torch.nan, torch.inf, -torch.inf]).bfloat16()
        x = values[torch.randint(0, 6, x.shape)].contiguous(memory_format=torch.channels_last)
    assert room._served(POOL, x)
    gradient = pictures(images, channels, height // 2, width // 2)
    for found, expected in zip(
        results(lambda x: max_pool(POOL, x), x, gradient), results(POOL, x, gradient), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


def test_threads_do_not_change_it(monkeypatch):
    x = pictures(3, 20, 7, 5)
    alone = results(lambda x: max_pool(POOL, x), x)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert all(map(torch.equal, alone, results(lambda x: max_pool(POOL, x), x)))


@pytest.mark.parametrize(
    "pool",
    [
        nn.MaxPool2d(3, 2),
        nn.MaxPool2d(2, 1),
        nn.MaxPool2d(2, padding=1),
        nn.MaxPool2d(2, dilation=2),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.MaxPool2d(2, return_indices=True),
        nn.AvgPool2d(2),
    ],
    ids=["3x3", "overlap", "border", "dilation", "ceil", "indices", "mean"],
)
def test_other_pools_are_left_alone(pool):
    assert not halves(pool)
    assert not is_fused(fuse(pool))


def test_a_fused_network_pools_by_it_and_an_unfused_one_does_not():
    assert halves(nn.MaxPool2d((2, 2), (2, 2)))
    net, x = nn.Sequential(nn.MaxPool2d(2), nn.ReLU()), pictures(2, 16, 6, 6)
    fused = fuse(copy.deepcopy(net))
    assert is_fused(fused[0])
    assert "MaxPool" in type(fused[0](x.requires_grad_()).grad_fn).__name__
    assert type(fused[0](x).grad_fn).__name__ == "_MaxPoolBackward"
    assert type(unfuse(fused)[0](x).grad_fn).__name__ != "_MaxPoolBackward"


def test_elsewhere_it_is_torchs_own():
    x = pictures(2, 16, 6, 6)
    for why, given_x in {"float32": x.float(), "contiguous": x.contiguous(), "no batch": x[0]}.items():
        assert not room._served(POOL, given_x), why
        assert torch.equal(max_pool(POOL, given_x), POOL(given_x)), why
    with torch.no_grad():
        assert not room._served(POOL, x)
    assert torch.equal(torch.func.vmap(lambda x: max_pool(POOL, x))(x[None])[0], POOL(x))
    exported = torch.export.export(fuse(nn.Sequential(nn.MaxPool2d(2))), (x,)).module()
    assert torch.equal(exported(x), POOL(x))
    watched, seen = nn.MaxPool2d(2), []
    watched.register_forward_hook(lambda module, given, result: seen.append(module))
    assert not room._served(watched, x)
    with pytest.raises(RuntimeError, match="smaller than|too small|Output size"):
        max_pool(POOL, pictures(2, 16, 1, 6))


def test_a_gradient_of_the_gradient_is_refused():
    x = pictures(2, 16, 6, 6).requires_grad_()
    with pytest.raises(RuntimeError, match="no gradient of their gradient"):
        torch.autograd.grad(max_pool(POOL, x).sum(), x, create_graph=True)
