"""Sums over steps: nothing is looked at before somebody asks, and then it is what each step said."""

import pytest
import torch

from residuum.training import meter as room
from residuum.training.loop import Step
from residuum.training.meter import Meter, is_due, read_steps
from residuum.training.state import PROGRESS, Diverged, Progress
from residuum.training.step_log import StepLog


def step(number, loss=0.1, norm=2.5, device="cpu"):
    return Step(number, 0.1, *(torch.tensor(value, device=device) for value in (loss, 3)), 8, torch.tensor(norm))


class Unlooked(torch.Tensor):
    """A number that must not be looked at."""

    def item(self):
        raise AssertionError("somebody waits for the device")

    tolist = __float__ = item


def test_the_sums_are_what_each_step_said_added_in_order():
    losses, meter, expected = [0.1, 1 / 3, 7.7, 1e-9], Meter(), 0.0
    for number, loss in enumerate(losses):
        meter.add(step(number, loss))
        expected += torch.tensor(loss).item() * 8
    assert (meter.loss_sum, meter.correct, meter.images, len(meter.waiting)) == (0.0, 0, 32, 4)
    assert [reading.step.number for reading in meter.look()] == [0, 1, 2, 3]
    assert (meter.loss_sum, meter.correct, meter.waiting) == (expected, 12, [])
    assert meter.look() == [] and meter.loss_sum == expected


def test_nothing_is_looked_at_before_somebody_asks():
    meter = Meter()
    meter.add(Step(0, 0.1, torch.tensor(1.0).as_subclass(Unlooked), torch.tensor(3), 8, torch.tensor(1.0)))
    with pytest.raises(AssertionError, match="somebody waits"):
        meter.look()


def test_on_the_processor_each_step_is_due_and_elsewhere_some_together():
    assert is_due([step(0)]) and not is_due([])
    elsewhere = [step(number, device="meta") for number in range(room.MOST_WAITING)]
    assert not is_due(elsewhere[:-1]) and is_due(elsewhere)


@pytest.mark.parametrize("broken", [{"loss": float("nan")}, {"norm": float("inf")}, {"loss": float("inf")}])
def test_the_first_step_that_is_no_number_is_named_however_late_one_looks(broken, monkeypatch):
    for due in (True, False):
        monkeypatch.setattr("residuum.training.state.is_due", lambda waiting, due=due: due)
        progress = Progress(epoch=2)
        progress.count(step(7))
        with pytest.raises(Diverged, match=r"became (nan|inf) at step 8 \(epoch 3\)"):
            progress.count(step(8, **broken))
            progress.count(step(9, **broken))
            progress.close(0.1, None, 1.0)


def test_a_checkpoint_has_the_numbers_of_the_first_version_in_their_order():
    assert tuple(vars(Progress(**dict.fromkeys(PROGRESS, 1)))) != PROGRESS  # so that they are named one by one
    assert PROGRESS == ("epoch", "step", "loss_sum", "correct", "images", "best", "history")


def test_rows_that_wait_are_written_by_sync_and_at_the_end(tmp_path, monkeypatch):
    with StepLog(tmp_path / "at-once.csv", first=0) as log:
        for number in range(4):
            log.add(step(number, 1 / (number + 1)))
    expected = (tmp_path / "at-once.csv").read_bytes()
    monkeypatch.setattr("residuum.training.step_log.is_due", lambda waiting: False)
    with StepLog(tmp_path / "late.csv", first=0) as log:
        for number in range(3):
            log.add(step(number, 1 / (number + 1)))
        assert (tmp_path / "late.csv").read_bytes().count(b"\n") == 1
        log.sync()
        assert (tmp_path / "late.csv").read_bytes().count(b"\n") == 4
        log.add(step(3, 1 / 4))
    assert (tmp_path / "late.csv").read_bytes() == expected


def test_no_steps_have_no_numbers():
    assert read_steps([]) == []
