"""What a run ends with, and that test pictures are looked at once."""

import dataclasses

import pytest
import torch

from residuum import load
from residuum.data import ArrayImages, open_data
from residuum.errors import InputError
from residuum.evaluation import evaluate
from residuum.machine.world import ALONE
from residuum.settings import read_asked, settle
from residuum.training import ending as reporting
from residuum.training import new_run, resumed_run, train
from residuum.training.preparing import Preparation
from residuum.training.result import read_result

SMALL = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "epochs": 3,
         "batch_size": 128, "precision": "fp32", "threads": 1}  # fmt: skip


@pytest.fixture(scope="module")
def split_run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("split") / "run"
    run = new_run(directory, {**SMALL, "val_split": 0.2})
    list(train(run))
    return directory, run


def test_validation_chooses_and_the_test_set_is_measured(split_run):
    directory, run = split_run
    result = read_result(directory)
    assert (len(run.dataset.train), len(run.dataset.val), result.pictures) == (1151, 287, 359)
    best = max(run.history, key=lambda row: row["val_acc1"])
    assert result.epoch == best["epoch"]
    assert result.chosen == "the best of 3 epochs on 287 images (20 % of the training images)"
    assert result.acc1 == evaluate(load(directory / "model.safetensors"), "digits").top1
    page = (directory / "report.html").read_text()
    assert "were chosen on 20 % of the training images" in page
    assert "looked at once, at the end" in page


def test_the_test_set_is_looked_at_once(tmp_path, monkeypatch):
    seen = []

    def seeing(model, data, **how):
        seen.append(len(data.val))
        return evaluate(model, data, **how)

    monkeypatch.setattr(reporting, "evaluate", seeing)
    run = new_run(tmp_path / "run", {**SMALL, "epochs": 1, "val_split": 0.2})
    test = run.dataset.test
    for _ in train(run):
        pass
    assert seen == [len(test)]
    list(train(resumed_run(tmp_path / "run", {})))
    assert seen == [len(test)], "a finished run is not measured again"


def test_the_last_epoch_is_taken_where_it_is_asked_for(tmp_path):
    run = new_run(tmp_path / "run", {**SMALL, "choose": "last", "lr": 2.0, "sched": "constant"})
    list(train(run, report=False))
    result = read_result(tmp_path / "run")
    assert (result.epoch, result.chosen) == (3, "the last epoch")
    assert result.acc1 == run.history[-1]["val_acc1"]
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == (tmp_path / "run" / "last.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("is_test", "given", "split", "choose"),
    [(True, {}, 0.1, "best"), (True, {"val_split": 0.0}, 0.0, "last"), (True, {"choose": "last"}, 0.0, "last"),
     (True, {"recipe": "he2015-cifar"}, 0.0, "last"), (False, {}, 0.0, "best"),
     (False, {"val_split": 0.3}, 0.3, "best")],
)  # fmt: skip
def test_no_epoch_is_chosen_on_a_test_set_by_default(is_test, given, split, choose):
    dataset = dataclasses.replace(open_data("digits"), val_is_test=is_test)
    asked = read_asked({"data": "digits", "device": "cpu", "precision": "fp32", **given})
    settings, _ = settle(asked, dataset, None, Preparation(dataset, None, ALONE))
    assert (settings.val_split, settings.choose) == (split, choose)


def test_official_test_sets_are_known_as_such(monkeypatch):
    from residuum.data import cifar10

    pixels, labels = torch.zeros(10, 3, 32, 32, dtype=torch.uint8), torch.arange(10)
    arrays = {f"{side}_{what}": value for side in ("train", "test") for what, value in
              (("pixels", pixels), ("labels", labels))}  # fmt: skip
    monkeypatch.setattr(cifar10, "_cached_arrays", lambda: arrays)
    assert open_data("cifar10").val_is_test
    assert not open_data("digits").val_is_test
    assert isinstance(open_data("digits").train, ArrayImages)


def test_what_has_no_result():
    with pytest.raises(InputError, match="choose must be best or last, got 'first'"):
        read_asked({"choose": "first"})


def test_a_run_that_has_not_ended_has_no_result(tmp_path):
    with pytest.raises(InputError, match=r"has no result.json: the run has not ended; resume it with"):
        read_result(tmp_path)
