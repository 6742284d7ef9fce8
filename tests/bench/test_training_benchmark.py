"""The training benchmark: what a step must do, what the machine can do, and loops that take turns."""

import dataclasses
import json
import os

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from residuum import create_model
from residuum.bench import training_loops as benchmark
from residuum.bench import training_peers as peers
from residuum.bench.training_loops import NAMES, WINOGRAD, Task, measure, open_pictures
from residuum.cli import app
from residuum.data import open_data
from residuum.errors import InputError
from residuum.machine.ceiling import Rates, Work, measure_rates, work_of

SMALL = Task("cifar_resnet20", None, 8, 4, 1)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path / "cache"))


def test_the_work_of_a_step_by_hand():
    """One stage of two blocks, each with two norms and a sum, behind a stem with a norm: 5 x 8 + 2 x 3 passes."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
    work = work_of(net, (3, 8, 8))
    assert work == Work(flops=6 * 4 * 3 * 9 * 64, values=8 * 4 * 64)
    whole = work_of(create_model("cifar_resnet20"), (3, 32, 32))
    stage = 16 * 32 * 32  # values of a feature map; each later stage has half as many
    norms = 7 * stage + 6 * stage // 2 + 6 * stage // 4
    sums = 3 * stage + 3 * stage // 2 + 3 * stage // 4
    assert whole.values == 8 * norms + 3 * sums
    assert whole.bytes("bf16") == 2 * whole.values
    assert whole.bytes("fp32") == 4 * whole.values


def test_the_ceiling_adds_arithmetic_and_memory():
    rates = Rates({"fp32": 100.0, "bf16": 200.0}, 50.0)
    work = Work(flops=10.0, values=5.0)
    assert rates.images_per_second(work, "fp32") == pytest.approx(1 / (10 / 100 + 20 / 50))
    assert rates.images_per_second(work, "bf16") == pytest.approx(1 / (10 / 200 + 10 / 50))


def test_the_rates_of_this_machine_are_of_its_kind():
    rates = measure_rates()
    assert set(rates.flops_per_second) == {"fp32", "bf16"}
    assert all(1e8 < rate < 1e15 for rate in rates.flops_per_second.values())
    assert 1e8 < rates.bytes_per_second < 1e13


@pytest.mark.parametrize("loop", ["ordinary", "torchs_best", "residuums"])
def test_every_loop_really_trains(loop):
    torch.manual_seed(0)
    dataset = open_data("digits[:64,:10]")
    dataset = dataclasses.replace(dataset, augmentation=dataclasses.replace(dataset.augmentation, pad=0))
    model = create_model("cifar_resnet20", in_chans=1)
    last = 0 if loop == "ordinary" else "fp32"
    before = loss_of(model, dataset)
    steps = getattr(peers, loop)(model, dataset, 16, last)
    for _ in range(24):
        next(steps)
    assert loss_of(model, dataset) < 0.7 * before


def loss_of(model, dataset):
    images = (dataset.train.pixels.float() / 255 - dataset.mean[0]) / dataset.std[0]
    with torch.no_grad():
        loss = nn.functional.cross_entropy(model.train()(images), dataset.train.labels).item()
    return loss


def test_loops_take_turns_in_processes_of_their_own():
    told = []
    rows = measure(SMALL, 2, 1, told.append)
    assert tuple(row.name for row in rows) == NAMES
    assert all(len(row.seconds) == 2 and min(row.seconds) > 0 for row in rows)
    assert rows[0].precision == "fp32"
    assert told == ["round 1 of 2", "round 2 of 2"]


def test_a_process_that_dies_is_named(monkeypatch):
    monkeypatch.setattr(benchmark, "_serve", _die)
    with pytest.raises(InputError, match="the process of 'ordinary' ended; is there memory"):
        measure(SMALL, 1, 1)


def _die(pipe, name, task):
    os._exit(7)


def test_pictures_that_cannot_be_had(tmp_path):
    with pytest.raises(InputError, match="has 10 images to train on, fewer than --batch-size"):
        open_pictures(dataclasses.replace(SMALL, data="digits[:10,:10]", batch_size=16))


def test_the_command_prints_a_table_and_writes_json_and_a_picture(tmp_path):
    command = "bench training cifar_resnet20 --data digits -b 8 --threads 1 --rounds 1 --steps 1 --winograd --output"
    done = CliRunner().invoke(app, [*command.split(), str(tmp_path)])
    assert done.exit_code == 0, done.output
    for word in (*NAMES, WINOGRAD, "3x3 convolutions", "of the ceiling", "GFLOP/s"):
        assert word in done.output
    found = json.loads((tmp_path / "training.json").read_text())
    assert [row["name"] for row in found["rows"]] == [*NAMES, WINOGRAD]
    assert found["rows"][2]["residuum_is_faster"] == 1
    assert all(row["share"] > 0 for row in found["rows"])
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_network_is_named():
    done = CliRunner().invoke(app, ["bench", "training", "resnet5000", "--json"])
    assert isinstance(done.exception, InputError)
    assert "no model is named 'resnet5000'" in str(done.exception)
