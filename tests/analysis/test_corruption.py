"""Corruptions do what their strength says, and the same for every model."""

import pytest
import torch

from residuum import open_data
from residuum.analysis.corruption import CORRUPTIONS, FIFTEEN, FOUR, corrupted, hits_by_strength
from residuum.analysis.sample import hits, take_sample
from residuum.analysis.weather import CONSTANTS

GREY = torch.full((40, 3, 32, 32), 100, dtype=torch.uint8)


@pytest.mark.parametrize("kind", FOUR)
def test_a_corruption_is_the_seeds_and_keeps_the_form(kind):
    pixels = open_data("digits").val.pixels[:20]
    torch.manual_seed(1)
    one = corrupted(pixels, kind, CORRUPTIONS[kind].strengths[-1], seed=2)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert torch.equal(one, corrupted(pixels, kind, CORRUPTIONS[kind].strengths[-1], seed=2))
    assert torch.equal(state, torch.get_rng_state())  # nobody else's draws are moved
    assert one.shape == pixels.shape and one.dtype == torch.uint8 and not torch.equal(one, pixels)
    assert torch.equal(corrupted(pixels, kind, 0), pixels)
    differences = [
        (corrupted(pixels, kind, strength).float() - pixels.float()).abs().mean().item()
        for strength in CORRUPTIONS[kind].strengths
    ]
    assert differences == sorted(differences) and differences[0] < differences[-1]


def test_noise_has_the_deviation_that_was_asked():
    values = corrupted(GREY, "noise", 0.05).double() / 255
    assert values.std().item() == pytest.approx(0.05, rel=0.02)
    assert values.mean().item() == pytest.approx(100 / 255, abs=0.003)
    assert not torch.equal(corrupted(GREY, "noise", 0.05, seed=1), corrupted(GREY, "noise", 0.05, seed=2))


def test_occlusion_covers_that_share_of_each_picture_at_places_of_its_own():
    covered = corrupted(GREY, "occlusion", 0.25) != 100
    assert covered.double().mean((1, 2, 3)).tolist() == pytest.approx([0.25] * 40)
    assert len({tuple(picture[0].nonzero()[0].tolist()) for picture in covered}) > 20
    assert (corrupted(GREY, "occlusion", 1) != 100).all()


def test_blur_and_contrast_do_what_they_say():
    dot = torch.zeros(1, 1, 15, 15, dtype=torch.uint8)
    dot[..., 7, 7] = 255
    spread = corrupted(dot, "blur", 1.0)[0, 0].double()
    assert spread[7, 7].item() == pytest.approx(255 / (2 * torch.pi), rel=0.02)
    stripes = torch.tensor([50, 150], dtype=torch.uint8).repeat(1, 3, 8, 4)
    assert corrupted(stripes, "contrast", 0.9).unique().tolist() == pytest.approx([95, 105], abs=1)  # grey is rounded
    assert len(corrupted(stripes, "contrast", 1).unique()) == 1


def test_hits_by_strength_are_the_models_own(residual):
    sample = take_sample(residual, "digits", count=40)
    found = hits_by_strength(residual, sample, "noise", (0.0, 0.2), seed=3)
    noisy = sample.seen_as(corrupted(sample.pixels, "noise", 0.2, seed=3))
    assert torch.equal(found, torch.stack([hits(residual, sample), hits(residual, noisy)]))
    assert hits_by_strength(residual, sample.first(5), "blur").shape == (6, 5)


def test_wrong_corruptions_are_said():
    with pytest.raises(ValueError, match="a corruption must be one of noise, blur, .*got 'noize'; did you mean noise"):
        corrupted(GREY, "noize", 0.1)
    with pytest.raises(ValueError, match="strength of occlusion must be from 0 to 1, got 1.5"):
        corrupted(GREY, "occlusion", 1.5)
    with pytest.raises(ValueError, match="strength of noise must be from 0 to inf, got -1"):
        corrupted(GREY, "noise", -1)


@pytest.fixture(scope="module")
def scenes():
    """Return smooth colour images 32x32 with an edge, uint8 [12, 3, 32, 32]."""
    at = torch.linspace(0, 1, 32)
    base = torch.stack([at.expand(32, 32), at[:, None].expand(32, 32), (at[:, None] * at).expand(32, 32)])
    edge = torch.zeros(32, 32)
    edge[8:20, 10:26] = 0.4
    images = torch.stack([(0.1 + 0.4 * base.roll(shift, 2) + edge.roll(shift, 1)) for shift in range(12)])
    return images.clamp(0, 1).mul(255).to(torch.uint8)


@pytest.mark.parametrize("kind", FIFTEEN)
def test_each_of_the_fifteen_is_the_seeds_at_every_severity(kind, scenes):
    state = torch.get_rng_state()
    found = [corrupted(scenes, kind, severity, seed=2) for severity in range(6)]
    assert torch.equal(state, torch.get_rng_state()) and torch.equal(found[0], scenes)
    assert torch.equal(found[3], corrupted(scenes, kind, 3, seed=2))
    assert all(one.shape == scenes.shape and one.dtype == torch.uint8 for one in found)
    change = [(one.float() - scenes.float()).abs().mean().item() for one in found]
    assert change[1] > 0 and change[5] > 0
    if kind not in ("elastic", "pixelate"):  # elastic shears less where it bends more; smooth images hide pixels
        assert change[5] > change[1]
    assert change[5] < 110, "the image is still there"
    digit = corrupted(open_data("digits").val.pixels[:4], kind, 5)
    assert digit.shape == (4, 1, 8, 8)


def test_the_constants_are_those_of_the_benchmark():
    assert len(FIFTEEN) == 15 and all(len(CONSTANTS[kind]) == 5 for kind in FIFTEEN)
    assert list(CORRUPTIONS)[:4] == list(FOUR) == ["noise", "blur", "contrast", "occlusion"]
    values = corrupted(GREY, "gaussian-noise", 5).double() / 255
    assert values.std().item() == pytest.approx(0.10, rel=0.02)
    assert (corrupted(GREY, "impulse-noise", 5) != 100).double().mean().item() == pytest.approx(0.07, rel=0.1)
    photons = corrupted(GREY, "shot-noise", 5).double() / 255
    assert photons.var().item() == pytest.approx(100 / 255 / 50, rel=0.05)
    assert corrupted(GREY, "brightness", 3).unique().tolist() == pytest.approx([138], abs=1)
    flat = {kind: corrupted(GREY, kind, 5) for kind in ("defocus-blur", "motion-blur", "zoom-blur", "pixelate",
                                                        "contrast-c", "glass-blur")}  # fmt: skip
    assert all((one.int() - 100).abs().max() <= 1 for one in flat.values()), "what has no edges stays"


@pytest.mark.parametrize("strength", [2.5, 6, -1])
def test_a_severity_is_a_whole_number(strength):
    with pytest.raises(ValueError, match=f"strength of fog is a severity, a whole number from 0 to 5, got {strength}"):
        corrupted(GREY, "fog", strength)
