"""The benchmark of waiting threads runs, in small; its figures are for a quiet machine."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

PATH = Path(__file__).parents[2] / "benchmarks" / "beside.py"

# In the place of a process that trains: notes its variables and its numbers, and has a rate at once.
STUB = """
import json, os, sys, time
steps, batch_size, threads = map(int, sys.argv[2:5])
variables = {name: text for name, text in os.environ.items() if name.startswith(("OMP_", "GOMP_", "KMP_"))}
with open(__file__ + ".log", "a") as log:
    print(json.dumps([steps, batch_size, threads, variables]), file=log, flush=True)
print("ready", flush=True)
if steps == 0:
    time.sleep(300)
print(7.5 if variables else 2.5)
"""


@pytest.fixture
def beside():
    spec = importlib.util.spec_from_file_location("beside", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_process_trains_and_prints_its_rate(beside, capsys, monkeypatch):
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)  # this process is the suite's
    beside.work(1, 2, 1, "fp32")
    ready, rate = capsys.readouterr().out.split()
    assert ready == "ready" and float(rate) > 0


def test_each_variant_is_measured_alone_and_beside_a_busy_process(beside, monkeypatch, tmp_path):
    stub = tmp_path / "stub.py"
    stub.write_text(STUB)
    variants = {name: beside.VARIANTS[name] for name in ("as it is", "passive")}
    monkeypatch.setattr(beside, "VARIANTS", variants)
    monkeypatch.setattr(beside, "__file__", str(stub))
    monkeypatch.setenv("GOMP_SPINCOUNT", "9")  # which no measurement may inherit
    found = beside.measure(1, 3, 2, 1, "fp32")
    assert found == {place: {"as it is": [2.5], "passive": [7.5]} for place in ("alone", "beside")}
    started = [json.loads(line) for line in Path(f"{stub}.log").read_text().splitlines()]
    each = [[3, 2, 1, variant] for variant in variants.values()]
    assert started == [*each, [0, 2, 1, {}], *each]  # the busy one has no variables


def test_ratios_are_paired_by_round(beside):
    lines = beside.describe({"alone": {"as it is": [100.0, 10.0], "passive": [50.0, 20.0]}})
    assert lines[0].endswith("100, 10 images/s; ratio 1.00 (1.00, 1.00)")
    assert lines[1].endswith("50, 20 images/s; ratio 1.25 (0.50, 2.00)")
