"""A benchmark's rows take turns, each in a process of its own; one that fails is told and the rest go on."""

import dataclasses
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from shipped_members import ready

from residuum import create_model
from residuum.bench.engines import EngineTiming, baseline, make_rows, measure
from residuum.bench.peers import PEERS, available
from residuum.cli.benching import read_batches, show
from residuum.errors import InputError
from residuum.models import Preprocessing

SERVE = "from residuum_runtime.worker import serve; serve({run}, 3, (4, 4))"


def row(name, code, **figures):
    return EngineTiming(name, "fp32", [sys.executable, "-c", code], **figures)


@pytest.fixture(scope="module")
def measured():
    rows = [
        row("quick", SERVE.format(run="lambda images: images")),
        row("slow", "import time; " + SERVE.format(run="lambda images: time.sleep(0.01 * len(images))")),
        row("broken", "import os, sys; print('no such\\nlibrary', file=sys.stderr, flush=True); os._exit(3)"),
        row("refusing", "from residuum_runtime.worker import answer; answer({'error': 'no compiler'})"),
        row("dying", "import os; " + SERVE.format(run="lambda images: len(images) < 2 or os._exit(4)")),
    ]
    measure(rows, [1, 2], 0.2, lambda said: None)
    return {one.name: one for one in rows}


def test_figures(measured):
    quick, slow = measured["quick"], measured["slow"]
    assert quick.problem == slow.problem == ""
    assert len(quick.seconds[1]) == len(slow.seconds[1]) >= 9
    assert 10 <= slow.latency(1, 0.5) <= slow.latency(1, 0.95) <= slow.latency(1, 0.99)
    assert slow.images_per_second(2) <= 100 and slow.latency(2, 0.5) >= 20
    assert quick.cold_start > 0 and 10 < quick.memory_mb < 2000
    figures = slow.figures()
    assert figures["batches"][1]["p50_ms"] == slow.latency(1, 0.5) and figures["batches"][2]["runs"] == len(
        slow.seconds[2]
    )


def test_speeds_in_times_of_the_baseline(measured):
    quick, slow = measured["quick"], measured["slow"]
    assert quick.figures(slow)["batches"][2]["times"] == pytest.approx(slow.latency(2, 0.5) / quick.latency(2, 0.5))
    assert "times" not in quick.figures()["batches"][2]
    assert baseline(list(measured.values())) is None
    eager = dataclasses.replace(slow, name="torch eager")
    assert baseline([quick, eager]) is eager
    peer = dataclasses.replace(eager, name="torchvision eager")
    assert baseline([eager, peer]) is peer
    assert baseline([eager, dataclasses.replace(peer, seconds={}, problem="no such network")]) is eager


def test_what_is_said_of_the_fastest(measured, capsys):
    eager = dataclasses.replace(measured["slow"], name="torch eager")
    rows = [dataclasses.replace(measured["quick"], name="residuum quick").figures(eager), eager.figures(eager)]
    found = {"model": "m", "threads": 1, "processor": "p", "features": [], "batches": [2], "rows": rows}
    show(found | {"against": str(eager)})
    said = capsys.readouterr().out.splitlines()
    times = rows[0]["batches"][2]["times"]
    assert said[-1] == (
        f"fastest export: residuum quick fp32, {times:.2f} times torch eager fp32; "
        "fastest peer: torch eager fp32, 1.00 times torch eager fp32"
    )
    assert [line.split("\t")[6] for line in said[3:6]] == ["times eager", f"{times:.2f}", "1.00"]


def test_batches_share_the_time():
    rows = [row("one", "import time; " + SERVE.format(run="lambda images: time.sleep(0.001 * len(images))"))]
    measure(rows, [1, 20], 0.6, lambda said: None)
    assert len(rows[0].seconds[1]) > 3 * len(rows[0].seconds[20]) > 0


def test_what_can_not_run_is_told(measured):
    assert measured["broken"].problem == "its process ended with code 3: library"
    assert measured["refusing"].problem == "no compiler"
    assert measured["dying"].problem == "its process ended with code 4"


def test_accuracy_is_asked_of_the_processes_that_were_timed(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 3, 4, 4), dtype=np.uint8)
    labels = np.array([0, 1, 2, 0, 1, 2, 0])
    np.savez(tmp_path / "pictures.npz", pixels=pixels, labels=labels, mean=(0.1, 0.5, 0.9), std=(0.2, 0.3, 0.4))
    mean, std = (np.array(values).reshape(1, 3, 1, 1) for values in ((0.1, 0.5, 0.9), (0.2, 0.3, 0.4)))
    expected = ((pixels / 255 - mean) / std).mean((2, 3)).argmax(1)
    rows = [
        row("right", SERVE.format(run="lambda images: images.mean((2, 3))")),
        row("wrong", SERVE.format(run="lambda images: -images.mean((2, 3))")),
        row("others", SERVE.format(run="lambda images: images.mean((2, 3))"), same_weights=False),
    ]
    measure(rows, [1, 3], 0.1, lambda said: None, tmp_path / "pictures.npz")
    right, wrong, others = rows
    assert right.accuracy == pytest.approx(100 * (expected == labels).mean()) and right.pictures == 7
    assert right.accuracy != wrong.accuracy
    assert others.accuracy is None and others.problem == ""


def test_rows_of_a_model(tmp_path):
    made = make_rows(ready("highway_mlp"), tmp_path, ["onnx", "torch eager", "timm eager"], 1, None, lambda said: None)
    assert [(one.name, one.precision, one.problem) for one in made] == [
        ("residuum onnxruntime", "fp32", ""),
        ("residuum onnxruntime", "int8", ""),
        ("torch eager", "fp32", ""),
    ]
    assert made[0].size_mb == pytest.approx((tmp_path / "onnx-fp32" / "model.onnx").stat().st_size / 1e6)
    measure(made, [2], 0.1, lambda said: None)
    assert all(one.problem == "" and len(one.seconds[2]) >= 9 for one in made)
    assert made[2].memory_mb > made[0].memory_mb  # the export loads no torch


def test_networks_of_others_run_in_processes_of_their_own(tmp_path):
    model = create_model("resnet18")
    model.description.preprocessing = Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3)
    made = make_rows(model, tmp_path, ["torchvision eager", "timm eager"], 1, None, lambda said: None)
    measure(made, [1], 0.1, lambda said: None)
    assert [(one.name, one.problem) for one in made] == [("torchvision eager", ""), ("timm eager", "")]


def test_peers_that_have_the_network():
    assert available("torch eager", "anything")
    assert available("torchvision eager", "resnet50") and not available("torchvision eager", "cifar_resnet20")
    assert set(PEERS) >= {"torch.compile", "torchvision eager", "timm eager"}


def test_wrong_input(tmp_path):
    with pytest.raises(InputError, match="engines must be all, or of openvino, onnx, torch, torch eager, .*, got tvm"):
        make_rows(ready("highway_mlp"), tmp_path, ["tvm"], 1, None, print)
    for text in ("0", "1,x", ""):
        with pytest.raises(InputError, match="--batch must be comma-separated whole numbers above 0"):
            read_batches(text)
    assert read_batches("1, 16") == [1, 16]


def test_timm_runs_in_a_process_where_nothing_else_was_imported():
    if find_spec("timm") is None:
        pytest.skip("timm is not installed")
    code = (
        "from residuum.bench.peers import timm_eager; from residuum import create_model; "
        "print(type(timm_eager(create_model('resnet18'))).__module__)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.stdout.startswith("timm."), said.stderr
