"""Which fine-tuning is chosen, and that a run follows it."""

import pytest

from residuum import load
from residuum.training import facts, new_run, train
from residuum.weights import save


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
