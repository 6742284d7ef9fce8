"""A sample shows the model what ``evaluate`` shows it."""

import pytest
import torch

from residuum import evaluate, open_data
from residuum.analysis.sample import hits, scores, take_sample


def test_the_whole_sample_gives_the_scores_of_evaluate(residual):
    sample = take_sample(residual, "digits")
    found, whole = scores(residual, sample), evaluate(residual, "digits", batch_size=250)
    assert torch.equal(found.ranked, whole.ranked) and torch.equal(found.labels, whole.labels)
    assert torch.allclose(found.losses, whole.losses, atol=1e-5)  # evaluate averages probabilities, also of one view
    assert 100 * hits(residual, sample).double().mean().item() == pytest.approx(evaluate(residual, "digits").top1)


def test_a_larger_sample_begins_with_the_smaller_one(residual):
    large, small = (take_sample(residual, "digits", count=count, seed=3) for count in (50, 20))
    assert torch.equal(large.pixels[:20], small.pixels) and torch.equal(large.first(20).labels, small.labels)
    assert not torch.equal(take_sample(residual, "digits", count=20, seed=4).pixels, small.pixels)


def test_pictures_keep_their_labels(residual):
    images = open_data("digits").train
    sample = take_sample(residual, "digits", count=30, split="train")
    rows = [(pixels == images.pixels).flatten(1).all(1).nonzero()[0, 0] for pixels in sample.pixels]
    assert torch.equal(images.labels[torch.stack(rows)], sample.labels)


def test_a_folder_can_be_sampled(digit_folder):
    from residuum import create_model

    model = create_model("cifar_resnet", depth=8, num_classes=3)
    sample = take_sample(model, digit_folder, count=4, split="train")
    assert sample.pixels.shape[:2] == (4, 3) and sample.labels.shape == (4,)


def test_what_cannot_be_sampled_is_said(residual):
    with pytest.raises(ValueError, match="split must be train or val, got 'test'"):
        take_sample(residual, "digits", split="test")
    with pytest.raises(ValueError, match="count must be a number of images, or 0 for all, got -1"):
        take_sample(residual, "digits", count=-1)
