"""Norms for sequences: over what they take the mean, and their running statistics."""

import torch

from residuum.nn.norms import TokenBatchNorm, pick_norm


def test_batch_norm_is_over_examples_and_positions():
    x = torch.randn(3, 5, 4, dtype=torch.float64) * 3 + 1
    norm = TokenBatchNorm(4, eps=1e-15).double()
    y = norm(x)
    expected = (x - x.mean((0, 1))) / x.var((0, 1), unbiased=False).sqrt()
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(norm.norm.running_mean, 0.1 * x.mean((0, 1)), rtol=1e-12, atol=1e-12)
    single = norm.eval()(x[:1, :1])
    torch.testing.assert_close(single, norm(x)[:1, :1])


def test_layer_norm_is_over_features_of_each_position():
    x = torch.randn(3, 5, 4, dtype=torch.float64)
    y = pick_norm("layer", eps=0.0)(4).double()(x)
    torch.testing.assert_close(
        y, (x - x.mean(-1, keepdim=True)) / x.std(-1, unbiased=False, keepdim=True), rtol=1e-12, atol=1e-12
    )


def test_eps_reaches_the_norm():
    for name in ("layer", "batch"):
        x = torch.full((2, 3, 4), 1e-4) * torch.arange(4.0)[None, None] * torch.tensor([1.0, -1.0])[:, None, None]
        wide, narrow = pick_norm(name, 1.0)(4)(x), pick_norm(name, 1e-12)(4)(x)
        assert wide.abs().max() < 1e-3 < 0.5 < narrow.abs().max()
