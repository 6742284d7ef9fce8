"""In which precision a run validates, and that its result is float32's."""

import pytest

from residuum import load
from residuum.errors import InputError
from residuum.evaluation import evaluate
from residuum.training import new_run, resumed_run, train
from residuum.training.facts import facts
from residuum.training.result import read_result

SMALL = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "epochs": 1,
         "batch_size": 128, "threads": 1, "choose": "last"}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"precision": "bf16"}, "bf16"),
        ({"precision": "fp32"}, "fp32"),
        ({"precision": "bf16", "val_precision": "fp32"}, "fp32"),
        ({"precision": "fp32", "val_precision": "bf16"}, "bf16"),
        ({"precision": "bf16", "ema": 0.9}, "bf16"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value,
)
def test_it_is_trainings_unless_another_is_asked_for(given, expected, tmp_path):
    run = new_run(tmp_path / "run", {**SMALL, **given})
    assert run.settings.val_precision == resumed_run(tmp_path / "run", {}).settings.val_precision == expected
    assert facts(run).get("validation") == ("in bf16, norms folded" if expected == "bf16" else None)
    list(train(run, report=False))
    saved = load(tmp_path / "run" / "model.safetensors")
    losses = {name: evaluate(saved, run.dataset, precision=name).loss for name in ("fp32", "bf16")}
    assert abs(losses["fp32"] - losses["bf16"]) > 1e-6
    assert run.history[-1]["val_loss"] == pytest.approx(losses[expected], abs=1e-7)
    result = read_result(tmp_path / "run")
    assert result.loss == pytest.approx(losses["fp32"], abs=1e-7)
    assert result.measured_on.endswith(", in float32") == (expected == "bf16")


def test_runs_of_earlier_versions_go_on_in_float32(tmp_path):
    new_run(tmp_path / "run", {**SMALL, "precision": "bf16"})
    config = tmp_path / "run" / "config.yaml"
    config.write_text(config.read_text().replace("  val_precision: bf16\n", ""))
    assert resumed_run(tmp_path / "run", {}).settings.val_precision == "fp32"


def test_others_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="val_precision must be auto, fp32 or bf16, got 'fp8'"):
        new_run(tmp_path / "run", {**SMALL, "precision": "fp32", "val_precision": "fp8"})
    assert not (tmp_path / "run").exists()
