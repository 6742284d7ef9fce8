"""Batches that batch norm cannot take are refused before anything is written."""

import pytest
import torch

from residuum import create_model
from residuum.errors import InputError
from residuum.settings import Settings
from residuum.settings.draft import Draft
from residuum.settings.first_step import check_first_step
from residuum.training import new_run

VALUES = {"model": "resnet18", "mean": [0.5] * 3, "image_size": [32, 32], "batch_size": 8}


def settled(**values) -> Settings:
    return Draft({**VALUES, **values}).now


@pytest.fixture(scope="module")
def resnet():
    """Return a network whose last map at 32 pixels is 1x1."""
    with torch.device("meta"):
        return create_model("resnet18", num_classes=2)


@pytest.mark.parametrize(
    ("values", "images", "processes", "message"),
    [
        ({"batch_size": 1}, 10, 1, "a batch has 1, at 32x32 pixels; take --batch-size 2 or more, or a larger"),
        ({"batch_size": 1, "grad_accum": 8}, 10, 1, "a batch has 1, at 32x32 pixels; take --batch-size 2 or more"),
        ({}, 1, 1, "a batch has 1, at 32x32 pixels; add images, 2 at the least, or a larger --image-size"),
        ({"batch_size": 3}, 10, 2, "each of 2 processes has 1 of a batch.*--batch-size 4 or more, fewer"),
        ({"batch_size": 1, "image_size": [64, 64], "early_size": [24, 24]}, 10, 1, "at 24x24 pixels; take"),
        ({"batch_size": 1, "image_size": [224, 224], "train_size": [16, 32]}, 10, 1, "at 16x32 pixels"),
    ],
    ids=["one", "accumulated", "one image", "a share", "early", "in training"],
)  # fmt: skip
def test_one_value_a_channel_is_refused_with_what_to_take(resnet, values, images, processes, message):
    with pytest.raises(InputError, match=message):
        check_first_step(resnet, settled(**values), images, processes)


@pytest.mark.parametrize(
    ("values", "processes"),
    [({"batch_size": 2}, 1), ({"batch_size": 1, "image_size": [64, 64]}, 1), ({"batch_size": 2, "sync_bn": True}, 2),
     ({"batch_size": 1, "freeze": 5}, 1)],
    ids=["two", "a larger map", "joined", "frozen"],
)  # fmt: skip
def test_what_can_train_is_let_through_and_nothing_is_touched(resnet, values, processes):
    before = torch.get_rng_state()
    check_first_step(resnet, settled(**values), 10, processes)
    assert torch.get_rng_state().equal(before)
    assert resnet.training


def test_dropped_branches_do_not_decide():
    model = create_model("cifar_resnet", depth=8, num_classes=2, stochastic_depth=0.99)
    values = {**VALUES, "model": "cifar_resnet", "image_size": [4, 4]}
    check_first_step(model, settled(**values), 10)
    with pytest.raises(InputError, match="at least two images"):
        check_first_step(model, settled(**{**values, "batch_size": 1}), 10)


def test_an_image_too_small_for_the_network_is_one_line():
    with torch.device("meta"):
        model = create_model("vit_base", num_classes=2)
    with pytest.raises(
        InputError, match=r"vit_base cannot train on a batch of 8 at 32x32 pixels \(.*\); take a larger"
    ):
        check_first_step(model, settled(model="vit_base"), 10)


def test_a_run_is_refused_before_its_folder_is_made(tmp_path):
    given = {"data": "digits", "model": "cifar_resnet20", "image_size": 4, "batch_size": 1, "epochs": 1}
    with pytest.raises(InputError, match="batch norm needs more than one value per channel"):
        new_run(tmp_path / "run", given)
    assert not (tmp_path / "run").exists()
