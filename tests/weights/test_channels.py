"""Weights of colour images for grey ones and for other numbers of channels, as timm fits them."""

import pytest
import torch
from torchvision import models as peer

import residuum
from residuum.errors import InputError


@pytest.fixture
def path(tmp_path):
    torch.save(peer.resnet18(num_classes=3).state_dict(), tmp_path / "w.pth")
    return tmp_path / "w.pth"


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_filters_are_fitted_as_timm_does(channels, path):
    from timm.models._manipulate import adapt_input_conv

    ours = residuum.load(path, in_chans=channels)
    expected = adapt_input_conv(channels, torch.load(path, weights_only=True)["conv1.weight"])
    torch.testing.assert_close(ours.stem.conv.weight.detach(), expected)
    assert "first layer's filters are" in ours.description.provenance
    assert ours(torch.randn(1, channels, 40, 40)).shape == (1, 3)
    told = ours.description.preprocessing
    assert told is None if channels != 1 else len(told.mean) == len(told.std) == 1


def test_a_grey_image_gives_what_it_gives_in_all_three_colours(path):
    grey = torch.randn(2, 1, 40, 40)
    torch.testing.assert_close(
        residuum.load(path, in_chans=1)(grey), residuum.load(path)(grey.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-5
    )


def test_filters_of_grey_images_are_refused_for_colour(path, tmp_path):
    residuum.save(residuum.load(path, in_chans=1), tmp_path / "grey.safetensors")
    with pytest.raises(InputError, match=r"must have filters for 3 channels to take in_chans=3, got filters for 1; le"):
        residuum.load(tmp_path / "grey.safetensors", in_chans=3)
