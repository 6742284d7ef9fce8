"""The runtime prepares pictures as torch does: numpy and Pillow on one side, torch on the other."""

import numpy as np
import pytest
import torch

from residuum.data.pixels import Normalise
from residuum.data.pixels import match_channels as torch_match_channels
from residuum.data.streaming import fitting
from residuum.deploy.probes import photographs
from residuum_runtime import InputError
from residuum_runtime.pictures import fit, match_channels, normalise


@pytest.mark.parametrize(
    ("size", "resize"), [((32, 32), 0), ((24, 40), 0), ((32, 32), 37), ((28, 20), 41), ((64, 64), 64)]
)
def test_fitting_differs_by_a_level_in_few_places(size, resize):
    for photo in photographs(3):
        expected = fitting(size, resize)(photo).numpy()
        got = fit(photo.numpy(), size, resize)
        assert got.shape == expected.shape and got.dtype == np.uint8
        difference = np.abs(got.astype(int) - expected)
        assert difference.max() <= 1 and (difference > 0).mean() < 0.02


def test_normalising_and_channels_are_those_of_training():
    pixels = torch.randint(0, 256, (2, 3, 5, 4), dtype=torch.uint8)
    mean, std = (0.1, 0.5, 0.9), (0.2, 0.3, 0.4)
    np.testing.assert_allclose(normalise(pixels.numpy(), mean, std), Normalise(mean, std)(pixels), atol=2e-6)
    grey = pixels[:, :1]
    for batch, channels in ((pixels, 1), (grey, 3), (pixels, 3)):
        np.testing.assert_array_equal(match_channels(batch.numpy(), channels), torch_match_channels(batch, channels))
    with pytest.raises(InputError, match="takes 2 channels and the images have 3"):
        match_channels(pixels.numpy(), 2)
    with pytest.raises(InputError, match="resize must be at least the size 32 x 32, got 20"):
        fit(pixels[0].numpy(), (32, 32), 20)
