"""Which fine-tuning is chosen, and that a run follows it."""

import dataclasses

import pytest
import torch

from residuum import load
from residuum.data import ArrayImages, open_data
from residuum.models import Description
from residuum.training import facts, new_run, train
from residuum.training.fine_tune import fine_tuning
from residuum.training.plan import make_plan
from residuum.weights import save

START = Description(model="cifar_resnet20", arguments={"in_chans": 1}, classes=["cat", "dog"])


def pictures(count):
    digits = open_data("digits")
    labels = torch.arange(count) % 10
    return dataclasses.replace(digits, train=ArrayImages(torch.zeros(count, 1, 8, 8, dtype=torch.uint8), labels))


def test_fewer_pictures_are_shown_more_often():
    chosen = [fine_tuning(pictures(count), START, 64) for count in (200, 2_000, 20_000)]
    assert [values["epochs"] for values, _ in chosen] == [30, 15, 5]
    assert {values["lr"] for values, _ in chosen} == {0.02}
    assert fine_tuning(pictures(200), START, 16)[0]["lr"] == pytest.approx(0.01)
    for count, (_, reason) in zip((200, 2_000, 20_000), chosen, strict=True):
        assert f"{count:,} images of 10 classes" in reason


def test_weights_that_know_the_classes_learn_on():
    same = dataclasses.replace(START, classes=[str(digit) for digit in range(10)])
    values, reason = fine_tuning(pictures(200), same, 128)
    assert values == {"lr": 0.01}
    assert "know these classes already" in reason


def test_what_the_user_says_goes_before(tmp_path):
    plan = make_plan(pictures(2_000), {"weights": "x", "opt": "sgd", "epochs": 1}, START)
    assert (plan.values["opt"], plan.values["epochs"], plan.values["warmup_epochs"]) == ("sgd", 1, 0)
    assert "but as you said: opt sgd, epochs 1" in plan.reasons["fine-tuning"]
    own = make_plan(pictures(2_000), {"weights": "x", "lr": 0.3}, START)
    assert (own.values["lr"], own.values["opt"]) == (0.3, "sgd")
    assert "fine-tuning" not in own.reasons
    recipe = make_plan(pictures(2_000), {"weights": "x", "recipe": "finetune", "lr": 0.01}, START)
    assert "fine-tuning" not in recipe.reasons


def test_a_run_says_what_it_chose_and_keeps_what_is_frozen(tmp_path):
    given = {"data": "digits[:700,:50]", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]},
             "epochs": 1, "precision": "fp32", "threads": 1}  # fmt: skip
    list(train(new_run(tmp_path / "first", given), report=False))
    model = load(tmp_path / "first" / "last.safetensors")
    save(model, tmp_path / "other.safetensors", classes=[f"other {n}" for n in range(10)])
    run = new_run(tmp_path / "second", {"data": "digits[:700,:50]", "weights": str(tmp_path / "other.safetensors"),
                                        "epochs": 2, "precision": "fp32", "threads": 1, "freeze": 2})  # fmt: skip
    assert facts(run)["fine-tuning"].startswith("700 images of 10 classes: the whole network learns at 0.02")
    assert not run.model.head.fc.weight.equal(model.head.fc.weight), "other classes get a new classifier"
    list(train(run, report=False))
    after = load(tmp_path / "second" / "last.safetensors").state_dict()
    for name, value in model.state_dict().items():
        assert value.equal(after[name]) == name.startswith(("stem.", "stages.0.")), name


def test_the_same_classes_keep_their_classifier(tmp_path):
    given = {"data": "digits[:200,:50]", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]},
             "epochs": 1, "precision": "fp32", "threads": 1}  # fmt: skip
    list(train(new_run(tmp_path / "first", given), report=False))
    weights = tmp_path / "first" / "last.safetensors"
    run = new_run(tmp_path / "second", {"data": "digits[:200,:50]", "weights": str(weights), "threads": 1,
                                        "precision": "fp32"})  # fmt: skip
    assert run.model.head.fc.weight.equal(load(weights).head.fc.weight)
    assert run.settings.lr == pytest.approx(0.005)
