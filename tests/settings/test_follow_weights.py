"""Which fine-tuning is chosen for weights that a run starts from."""

import dataclasses

import pytest
import torch
from settling import settled

from residuum.data import ArrayImages, open_data
from residuum.models import Description
from residuum.settings.follow_weights import fine_tuning

START = Description(model="cifar_resnet20", arguments={"in_chans": 1}, classes=["cat", "dog"])


def images(count):
    digits = open_data("digits")
    labels = torch.arange(count) % 10
    return dataclasses.replace(digits, train=ArrayImages(torch.zeros(count, 1, 8, 8, dtype=torch.uint8), labels))


def test_fewer_pictures_are_shown_more_often():
    chosen = [fine_tuning(images(count), START, 64) for count in (200, 2_000, 20_000)]
    assert [values["epochs"] for values, _ in chosen] == [30, 15, 5]
    assert {values["lr"] for values, _ in chosen} == {0.02}
    assert fine_tuning(images(200), START, 16)[0]["lr"] == pytest.approx(0.01)
    for count, (_, reason) in zip((200, 2_000, 20_000), chosen, strict=True):
        assert f"{count:,} images of 10 classes" in reason


def test_weights_that_know_the_classes_learn_on():
    same = dataclasses.replace(START, classes=[str(digit) for digit in range(10)])
    values, reason = fine_tuning(images(200), same, 128)
    assert values == {"lr": 0.01}
    assert "know these classes already" in reason


def test_what_the_user_says_goes_before():
    plan = settled(images(2_000), START, weights="x", opt="sgd", epochs=1)
    assert (plan.settings.opt, plan.settings.epochs, plan.settings.warmup_epochs) == ("sgd", 1, 0)
    assert "but as you said: opt sgd, epochs 1" in plan.reasons["fine-tuning"]
    own = settled(images(2_000), START, weights="x", lr=0.3)
    assert (own.settings.lr, own.settings.opt) == (0.3, "sgd")
    assert "fine-tuning" not in own.reasons
    recipe = settled(images(2_000), START, weights="x", recipe="finetune", lr=0.01)
    assert "fine-tuning" not in recipe.reasons
