"""The whitened stem against the covariance that it promises."""

import pytest
import torch
import torch.nn.functional as F

from residuum import create_model
from residuum.errors import InputError
from residuum.nn.whitening import keep_whitened, whiten


def smooth_images(count=60, channels=3):
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(count, channels, 14, 14, generator=draw)
    return F.avg_pool2d(noise, 3, 1) + 0.3 * noise[:, :1, 1:-1, 1:-1]  # neighbours and channels go together


@pytest.mark.parametrize("channels", [1, 3])
def test_patches_come_out_uncorrelated_and_of_equal_size(channels):
    images = smooth_images(channels=channels)
    model = create_model("fast_resnet", widths=[4, 4, 4], in_chans=channels)
    whiten(model, images, eps=0.0)
    seen = model.stem.whiten(images).detach().movedim(1, -1).flatten(0, -2).double()
    half = seen.shape[1] // 2
    assert half == 4 * channels
    torch.testing.assert_close(
        seen[:, :half].T @ seen[:, :half] / len(seen), torch.eye(half, dtype=torch.float64), rtol=0, atol=1e-4
    )
    assert seen[:, half:].equal(-seen[:, :half])
    before = F.unfold(images, 2).transpose(1, 2).flatten(0, 1).double()
    covariance = before.T @ before / len(before)
    assert (covariance - covariance.diag().diag()).abs().max() > 0.1, "the images are correlated to begin with"


def test_directions_without_variance_stay_small():
    images = smooth_images()
    images[:, 1] = images[:, 0]
    model = create_model("fast_resnet", widths=[4, 4, 4])
    whiten(model, images, eps=0.01)
    largest = torch.linalg.matrix_norm(model.stem.whiten.weight.detach().flatten(1), 2)
    assert largest < 2**0.5 / 0.01**0.5 + 1e-3


def test_other_stems_are_refused():
    with pytest.raises(InputError, match=r"named stem.whiten, and Network has none; give --no-whiten, or take a model"):
        whiten(create_model("cifar_resnet", depth=8), smooth_images())


def test_what_was_computed_stays_and_the_shift_learns():
    model = create_model("fast_resnet", widths=[4, 8, 8])
    keep_whitened(model)
    assert [name for name, p in model.stem.named_parameters() if p.requires_grad] == ["whiten.bias"]
    assert not model.stem.whiten.bias.any()
