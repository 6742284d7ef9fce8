"""From what was asked for to settings: what recipe, weights, images and machine decide, and what is refused."""

import copy
import dataclasses

import pytest
import torch
from settling import Bench, settled

from residuum.data import ArrayImages, Augmentation, Dataset, FileImages, open_data
from residuum.errors import InputError
from residuum.settings import settle


def photographs(tmp_path, count=2_000, side=400):
    files = FileImages(tmp_path, [f"{n}.jpg" for n in range(count)], torch.arange(count) % 2)
    return Dataset(
        "photos", ["cat", "dog"], files, files, (0.5,) * 3, (0.2,) * 3, (side, side), Augmentation(4, True), "all"
    )


@pytest.mark.parametrize("name", ["digits"])
def test_built_in_sets_have_their_defaults(name):
    values = settled(open_data(name), data=name).settings
    assert values.model == "cifar_resnet20"
    assert values.image_size == [8, 8]
    assert values.model_arguments == {"in_chans": 1, "num_classes": 10}
    assert values.workers == 0


def test_what_the_user_says_is_kept():
    given = {
        "data": "digits",
        "model": "cifar_resnet56",
        "epochs": 3,
        "lr": 0.7,
        "batch_size": 7,
        "opt": "adamw",
        "seed": 5,
    }
    assert given.items() <= vars(settled(open_data("digits"), **given).settings).items()
    assert settled(open_data("digits"), num_classes=12).settings.model_arguments["num_classes"] == 12
    with pytest.raises(InputError, match="opt must be one of sgd, .*, muon_sphere, got 'sdg'; did you mean sgd"):
        settled(open_data("digits"), opt="sdg")
    with pytest.raises(InputError, match="digits has 10 classes, so num_classes must be at least that, got 9"):
        settled(open_data("digits"), num_classes=9)


@pytest.mark.parametrize(
    ("macs_per_second", "count", "expected"),
    [(1e15, 2_000, ("resnet18", 224)), (1e15, 6_000, ("resnet34", 224)), (1e15, 200, ("resnet18", 128)),
     (3e10, 2_000, ("cifar_resnet32", 64)), (1e9, 2_000, ("cifar_resnet20", 48))],
)  # fmt: skip
def test_model_and_size_fit_the_pictures_and_the_machine(tmp_path, macs_per_second, count, expected):
    plan = settled(photographs(tmp_path, count), machine=Bench(macs_per_second))
    assert (plan.settings.model, plan.settings.image_size) == (expected[0], [expected[1]] * 2)
    assert f"{count:,} images" in plan.reasons["model"]


def test_small_pictures_are_not_blown_up(tmp_path):
    assert settled(photographs(tmp_path, side=100)).settings.image_size == [128, 128]
    assert settled(photographs(tmp_path, side=60)).settings.image_size == [64, 64]


def test_fewer_pictures_get_more_epochs_and_smaller_batches(tmp_path):
    few, many = (settled(photographs(tmp_path, count)).settings for count in (200, 20_000))
    assert few.epochs > many.epochs
    assert few.batch_size < many.batch_size
    assert few.lr < many.lr


@pytest.mark.parametrize(
    ("given", "message"),
    [({"epochs": 0}, "epochs must be at least 1, got 0"), ({"lr": -1.0}, "lr must not be negative, got -1"),
     ({"label_smoothing": 1.0}, "label_smoothing must be below 1 and not negative, got 1.0"),
     ({"epochs": 2, "warmup_epochs": 2}, "must be below epochs"),
     ({"loss": "hinge"}, "loss must be cross_entropy or binary, got 'hinge'"),
     ({"mixup": -0.1}, "must not be negative, got -0.1"),
     ({"auto_augment": "auto"}, "auto_augment must be"), ({"random_erasing": 2.0}, "must be 0 to 1, got 2.0"),
     ({"milestones": [0.7, 0.3]}, r"must rise between 0 and 1, got \[0.7, 0.3\]"), ({"decay": "none"}, "got 'none'"),
     ({"crop_scale": 0.0}, "crop_scale must be above 0 and at most 1"), ({"gamma": 2.0}, "gamma must be above 0"),
     ({"backbone_lr": -1.0}, "backbone_lr must be above 0"),
     ({"grad_accum": 0}, "grad_accum must be at least 1, got 0"), ({"clip_grad": -1.0}, "clip_grad must be at least 0"),
     ({"ema": 1.0}, "ema must be below 1 and not negative, got 1.0"), ({"keep": 0}, "keep must be at least 1, got 0"),
     ({"views": "six"}, "views must be one of"),
     ({"pad_mode": "edge"}, "pad_mode must be zeros or reflect, got 'edge'"),
     ({"flip_mode": "never"}, "flip_mode must be random or alternate, got 'never'"),
     ({"head_lr": 0.0}, "head_lr and lr, which it is set in relation to, must be above 0, got 0.0"),
     ({"bias_lr": 1.0, "lr": 0.0}, "bias_lr and lr, .* must be above 0"),
     ({"early_epochs": 2}, "go together, got 2 and None"), ({"early_size": [8, 8]}, "go together, got 0 and"),
     ({"validate_every": 2, "choose": "best"}, "1 where the best epoch is chosen, got 2; give --choose last"),
     ({"validate_every": 0}, "validate_every must be at least 1")],
)  # fmt: skip
def test_numbers_that_make_no_sense(given, message):
    with pytest.raises(InputError, match=message):
        settled(open_data("digits"), **given)


def test_files_are_refused_what_only_pictures_in_memory_can_have(tmp_path):
    for key, value in {"pad_mode": "reflect", "flip_mode": "alternate", "whiten": True}.items():
        with pytest.raises(InputError, match=f"{key} is for images in memory, and these are files"):
            settled(photographs(tmp_path / key), **{key: value})


def test_pictures_in_memory_go_to_the_cifar_networks():
    digits = open_data("digits")
    assert isinstance(digits.train, ArrayImages)
    plan = settled(dataclasses.replace(digits, name="mine"))
    assert plan.settings.model == "cifar_resnet20"
    assert "8x8" in plan.reasons["model"]


def test_the_cache_is_at_least_what_evaluation_resizes_to(tmp_path):
    photos, given = photographs(tmp_path), {"model": "cifar_resnet20", "image_size": [32, 32], "epochs": 1}
    assert settled(photos, **given).settings.cache == 0
    plan = settled(photos, **{**given, "cache": "auto"})
    assert (plan.settings.cache, plan.settings.resize, plan.settings.workers) == (37, 37, 0)
    assert plan.reasons["cache"].startswith("what evaluation resizes to")
    assert settled(photos, **{**given, "cache": 64}).settings.cache == 64
    with pytest.raises(InputError, match="at least 37 pixels, which evaluation resizes .*, got 36; leave --cache-size"):
        settled(photos, **{**given, "cache": 36})


def test_the_machine_decides_last_and_says_why():
    settings, reasons = settled(open_data("digits"), machine=Bench(threads=3, processes=2))
    assert (settings.threads, settings.processes, settings.workers) == (3, 2, 0)
    assert (settings.device, settings.kernels, settings.precision) == ("cpu", "plain", "bf16")
    assert settings.val_precision == "bf16", "validation follows training"
    assert reasons == {"precision": "it is a bench"}
    asked = settled(open_data("digits"), precision="fp32", val_precision="bf16", threads=1).settings
    assert (asked.precision, asked.val_precision, asked.threads) == ("fp32", "bf16", 1)


def test_files_are_decoded_by_workers_unless_they_are_cached(tmp_path):
    photos, given = photographs(tmp_path), {"model": "cifar_resnet20", "image_size": 32, "epochs": 1}
    assert settled(photos, machine=Bench(cores=3), **given).settings.workers == 3
    assert settled(photos, machine=Bench(cores=64), **given).settings.workers == 4
    assert settled(photos, cache=True, **given).settings.workers == 0


def test_settling_changes_nothing_that_was_asked():
    asked = {"data": "digits", "precision": "auto", "model_arguments": {"widths": [4, 8, 8]}, "recipe": "finetune"}
    before = copy.deepcopy(asked)
    settings, _ = settle(asked, open_data("digits"), None, Bench())
    assert asked == before
    assert settings.model_arguments == {"in_chans": 1, "widths": [4, 8, 8], "num_classes": 10}
    assert (settings.opt, settings.recipe) == ("nesterov", "finetune")


def test_a_run_has_the_processes_that_were_started():
    with pytest.raises(InputError, match="4 processes were asked for, but 1 were started, by torchrun, srun or a scri"):
        settled(open_data("digits"), processes=4)


def test_more_logits_than_classes_are_asked_for_in_two_ways():
    for given in ({"num_classes": 12}, {"model_arguments": {"num_classes": 12}}):
        assert settled(open_data("digits"), **given).settings.model_arguments["num_classes"] == 12
