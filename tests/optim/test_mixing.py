"""Mixed pictures and the losses that take their targets."""

import pytest
import torch
import torch.nn.functional as F

from residuum.errors import InputError
from residuum.optim.losses import build_loss
from residuum.optim.mixing import build_mix, unmixed
from residuum.seeds import seed_of

IMAGES, LABELS = torch.rand(8, 3, 6, 6), torch.arange(8) % 5


def test_mixup_is_its_formula():
    """x = s x_i + (1 - s) x_j and y likewise, with j the neighbour; s is read off the targets."""
    images, targets = build_mix(0.4, 0, 5)(IMAGES, LABELS, 7)
    hot = F.one_hot(LABELS, 5).float()
    share = targets[0, LABELS[0]]
    torch.testing.assert_close(targets, share * hot + (1 - share) * hot.roll(1, 0))
    torch.testing.assert_close(images, share * IMAGES + (1 - share) * IMAGES.roll(1, 0))
    assert 0 < share < 1


def test_cutmix_pastes_a_rectangle_and_its_area_is_the_share():
    for seed in range(10):
        images, targets = build_mix(0, 1.0, 5)(IMAGES, LABELS, seed)
        own = (images == IMAGES).all(1)
        assert (own | (images == IMAGES.roll(1, 0)).all(1)).all()
        assert targets[0, LABELS[0]].item() == pytest.approx(own[0].float().mean().item(), abs=1e-6)


def test_the_draw_belongs_to_the_seed_and_to_nothing_else():
    mix = build_mix(0.2, 1.0, 5)
    torch.manual_seed(1)
    first, state = mix(IMAGES, LABELS, 3), torch.get_rng_state()
    torch.rand(5)
    again, other = mix(IMAGES, LABELS, 3), mix(IMAGES, LABELS, 4)
    assert first[0].equal(again[0]) and first[1].equal(again[1])
    assert not first[0].equal(other[0])
    torch.manual_seed(1)
    assert state.equal(torch.get_rng_state())


def test_both_kinds_come_when_both_are_asked_for():
    mix = build_mix(1.0, 1.0, 5)
    pasted = 0
    for step in range(20):
        images, _ = mix(IMAGES, LABELS, seed_of(0, "mix", step))
        pasted += bool(((images == IMAGES) | (images == IMAGES.roll(1, 0))).all())
    assert 4 <= pasted <= 16
    assert build_mix(0, 0, 5) is unmixed
    assert unmixed(IMAGES, LABELS, 0)[1] is LABELS
    with pytest.raises(InputError, match="must not be negative, got -1, 0"):
        build_mix(-1, 0, 5)


def test_losses_of_labels_and_of_shares():
    logits = torch.randn(8, 5)
    hot = F.one_hot(LABELS, 5).float()
    smooth = build_loss("cross_entropy", 0.1)
    torch.testing.assert_close(smooth(logits, LABELS), -((0.9 * hot + 0.02) * logits.log_softmax(1)).sum(1).mean())
    torch.testing.assert_close(smooth(logits, hot), smooth(logits, LABELS))
    binary = build_loss("binary")
    p = logits.sigmoid()
    torch.testing.assert_close(binary(logits, LABELS), -(hot * p.log() + (1 - hot) * (1 - p).log()).mean())
    torch.testing.assert_close(binary(logits, hot), binary(logits, LABELS))
    mixed = 0.7 * hot + 0.3 * hot.roll(1, 0)
    torch.testing.assert_close(binary(logits, mixed), binary(logits, ((hot + hot.roll(1, 0)) > 0).float()))
    torch.testing.assert_close(binary(logits, 0.9 * hot + 0.1 * hot.roll(1, 0)), binary(logits, LABELS))
    torch.testing.assert_close(
        smooth(logits.bfloat16(), hot), smooth(logits, hot), rtol=0.02, atol=0, check_dtype=False
    )


def test_losses_by_name():
    with pytest.raises(InputError, match="no loss is named 'binari'; did you mean binary"):
        build_loss("binari")
    with pytest.raises(InputError, match="loss binary goes without label_smoothing, got 0.1"):
        build_loss("binary", 0.1)
