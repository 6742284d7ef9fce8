"""Which kernels a run trains with, and that they are what it says."""

from dataclasses import replace

import pytest
import torch

from residuum.errors import InputError
from residuum.kernels import is_fused
from residuum.kernels import tail as room
from residuum.kernels.winograd import by_winograd
from residuum.machine import kernel_choice as kernels_room
from residuum.machine.kernel_choice import choose_kernels, convolutions_told, kernels_told
from residuum.training import new_run, resumed_run, train
from residuum.training.facts import facts
from residuum.training.state import begin

SMALL = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 16]},
         "epochs": 1, "batch_size": 256, "precision": "fp32", "threads": 1}  # fmt: skip


def test_the_kernel_is_taken_where_it_is(monkeypatch):
    monkeypatch.setattr(kernels_room, "vectors", lambda: "AVX2")
    assert [choose_kernels("cpu"), choose_kernels("cuda"), choose_kernels("cpu", "plain")] == [
        "fused",
        "plain",
        "plain",
    ]
    assert "fused (AVX2)" in kernels_told("fused", "cpu")
    monkeypatch.setattr(kernels_room, "vectors", lambda: None)
    assert choose_kernels("cpu") == "plain"
    assert "with a C compiler" in kernels_told("plain", "cpu")
    assert "last bits may part" in kernels_told("fused", "cpu")


def test_kernels_that_cannot_be_had_are_refused(monkeypatch):
    with pytest.raises(InputError, match="kernels must be auto, plain or fused, got 'fast'"):
        choose_kernels("cpu", "fast")
    with pytest.raises(InputError, match="serves the cpu, not cuda; leave --kernels out"):
        choose_kernels("cuda", "fused")
    monkeypatch.setattr(kernels_room, "vectors", lambda: None)
    with pytest.raises(InputError, match="the compiled kernel is not there"):
        choose_kernels("cpu", "fused")


@pytest.mark.skipif(room.kernel() is None, reason="the package was installed without a compiler")
def test_a_run_keeps_its_kernels_and_both_train_alike(tmp_path):
    rows = {}
    for kernels in ("plain", "fused"):
        run = new_run(tmp_path / kernels, {**SMALL, "kernels": kernels})
        rows[kernels] = [event.loss.item() for event in train(run, report=False) if hasattr(event, "loss")]
        resumed = resumed_run(tmp_path / kernels, {})
        assert resumed.settings.kernels == kernels
        state = begin(resumed.model, resumed.settings)
        assert any(is_fused(module) for module in state.model.modules()) == (kernels == "fused")
    torch.testing.assert_close(torch.tensor(rows["fused"]), torch.tensor(rows["plain"]), atol=1e-3, rtol=1e-3)
    assert rows["fused"] != rows["plain"]


def test_the_first_lines_say_how_convolutions_are_computed(monkeypatch):
    monkeypatch.setattr(kernels_room, "winograd_pays", lambda: True)
    assert convolutions_told("fused", "bf16") == "Winograd's F(4x4, 3x3) where it is faster"
    assert convolutions_told("fused", "fp32").startswith("direct")
    assert convolutions_told("plain", "bf16").startswith("direct")
    monkeypatch.setattr(kernels_room, "winograd_pays", lambda: False)
    assert "a processor with AVX-512 BF16" in convolutions_told("fused", "bf16")


def test_a_run_keeps_its_convolutions(tmp_path):
    small = {**SMALL, "model_arguments": {"depth": 8, "widths": [64, 64, 64]}, "precision": "bf16", "winograd": True}
    run = new_run(tmp_path / "run", small)
    assert "convolutions" in facts(run)
    state = begin(run.model, resumed_run(tmp_path / "run", {}).settings)
    changed = [name for name, module in state.model.named_modules() if by_winograd(module)]
    assert ("stages.0.0.branch.conv1" in changed) == (run.settings.kernels == "fused")
    assert "stages.1.0.branch.conv1" not in changed  # of stride 2
    plain = begin(resumed_run(tmp_path / "run", {}).model, replace(run.settings, kernels="plain"))
    assert not any(by_winograd(module) for module in plain.model.modules())
