"""The benchmark of waiting threads runs, in small; its figures are for a quiet machine."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "beside.py"


@pytest.fixture
def beside(monkeypatch):
    spec = importlib.util.spec_from_file_location("beside", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VARIANTS", {name: module.VARIANTS[name] for name in ("as it is", "passive")})
    return module


def test_each_variant_is_measured_alone_and_beside_a_busy_process(beside):
    found = beside.measure(1, 1, 2, 1)
    assert list(found) == ["alone", "beside"]
    for rates in found.values():
        assert list(rates) == ["as it is", "passive"]
        assert all(len(speeds) == 1 and speeds[0] > 0 for speeds in rates.values())


def test_ratios_are_paired_by_round(beside):
    lines = beside.told({"alone": {"as it is": [100.0, 10.0], "passive": [50.0, 20.0]}})
    assert lines[0].endswith("100, 10 images/s; ratio 1.00 (1.00, 1.00)")
    assert lines[1].endswith("50, 20 images/s; ratio 1.25 (0.50, 2.00)")
