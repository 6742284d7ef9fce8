import sys

import pytest

from residuum.errors import InputError
from residuum.training import Epoch, Interrupted, Step, new_run, resumed_run, train
from residuum.training.tensorboard import FOLDER, to_tensorboard, writer_class

pytest.importorskip("tensorboard")
SMALL = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "epochs": 2,
         "batch_size": 256, "precision": "fp32", "threads": 1, "kernels": "plain"}  # fmt: skip


def read(directory):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(directory / FOLDER), size_guidance={"scalars": 0}).Reload()
    return {name: [(one.step, one.value) for one in found.Scalars(name)] for name in found.Tags()["scalars"]}


def test_every_step_and_epoch_is_written_and_passed_on(tmp_path):
    events = list(to_tensorboard(train(new_run(tmp_path, SMALL), report=False), tmp_path))
    steps = [event for event in events if isinstance(event, Step)]
    epochs = [event for event in events if isinstance(event, Epoch)]
    assert (len(steps), len(epochs)) == (10, 2)
    written = read(tmp_path)
    assert set(written) == {"step/loss", "step/acc1", "step/lr", "step/grad_norm", "epoch/lr", "epoch/train_loss",
                            "epoch/train_acc1", "epoch/val_loss", "epoch/val_acc1", "epoch/val_acc5",
                            "epoch/weight_norm"}  # fmt: skip
    for name, values in {
        "step/loss": [step.loss.item() for step in steps],
        "step/grad_norm": [step.grad_norm.item() for step in steps],
        "step/lr": [step.lr for step in steps],
        "step/acc1": [100 * step.correct.item() / 256 for step in steps],
    }.items():
        assert [step for step, _ in written[name]] == list(range(1, 11))
        assert [value for _, value in written[name]] == pytest.approx(values)
    assert written["epoch/val_acc1"] == [
        (5 * n, pytest.approx(epoch.row["val_acc1"])) for n, epoch in enumerate(epochs, 1)
    ]


def test_a_resumed_run_goes_on_in_the_same_curves(tmp_path):
    with pytest.raises(Interrupted):
        for event in to_tensorboard(train(new_run(tmp_path, SMALL), report=False), tmp_path):
            if isinstance(event, Step) and event.number == 6:
                import os
                import signal

                os.kill(os.getpid(), signal.SIGINT)
    list(to_tensorboard(train(resumed_run(tmp_path, {}), report=False), tmp_path))
    written = read(tmp_path)
    assert sorted(step for step, _ in written["step/loss"]) == list(range(1, 11))


def test_without_the_package_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(InputError, match=r"--tensorboard needs the package tensorboard.*pip install 'residuum\[tensor"):
        writer_class()


@pytest.mark.parametrize("other", [("--seeds", "2"), ("--lr-find",)])
def test_it_watches_one_run(other, tmp_path):
    from typer.testing import CliRunner

    from residuum.cli import app

    with pytest.raises(InputError, match="--tensorboard watches one run; leave it out, or leave out --seeds"):
        arguments = ["train", "--data", "digits", "--output", str(tmp_path / "run"), "--tensorboard", *other]
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert not (tmp_path / "run").exists()
