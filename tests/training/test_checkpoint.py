"""Checkpoints, the log of steps, and the record of where a run was made."""

import copy
import errno
import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from residuum.data import ArrayImages, FileImages, fingerprint, open_data
from residuum.data.folder import in_validation
from residuum.errors import DiskError, InputError
from residuum.files import sweep
from residuum.machine import environment as environments
from residuum.machine.environment import check_data, moved, read_record, record
from residuum.training import new_run, resumed_run, train
from residuum.training.checkpoint import (
    checkpoints,
    discard_after,
    load_checkpoint,
    newest_checkpoint,
    save_checkpoint,
)
from residuum.training.loop import Step
from residuum.training.step_log import StepLog

SMALL = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "epochs": 2,
         "batch_size": 512, "precision": "fp32", "threads": 1}  # fmt: skip


def state(value=1.0):
    words = ["momentum", "lr"]
    return {
        "model": {"weight": torch.full((3, 2), value)},
        "optimiser": {"groups": [{words[0]: 0.9, words[1]: 0.1, "betas": (0.9, 0.999)}, {"name": "momentum", "lr": 1}]},
    }


def flip_a_bit(path: Path, needle: bytes):
    content = bytearray(path.read_bytes())
    content[content.index(needle)] ^= 1
    path.write_bytes(content)


def test_a_state_that_was_read_is_written_in_the_same_bytes(tmp_path):
    save_checkpoint(tmp_path / "a", 7, state())
    (path,) = checkpoints(tmp_path / "a")
    read = load_checkpoint(path)
    assert read["model"]["weight"].equal(torch.ones(3, 2))
    assert read["optimiser"]["groups"][0]["betas"] == (0.9, 0.999)
    save_checkpoint(tmp_path / "b", 7, read)
    apart = copy.deepcopy(state())  # equal strings that are other objects
    apart["optimiser"]["groups"][1] = {"".join(["na", "me"]): "".join(["moment", "um"]), "".join(["l", "r"]): 1}
    save_checkpoint(tmp_path / "c", 7, apart)
    for other in "bc":
        assert checkpoints(tmp_path / other)[0].read_bytes() == path.read_bytes(), other


def test_the_newest_are_kept(tmp_path):
    for steps in (5, 10, 15, 1000):
        save_checkpoint(tmp_path, steps, state(), keep=2)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000001000.pt", "step-000000015.pt"]


def test_the_one_checkpoint_of_old_counts_as_the_oldest(tmp_path):
    torch.save(state(3.0), tmp_path / "checkpoint.pt")
    assert newest_checkpoint(tmp_path).state["model"]["weight"][0, 0] == 3
    save_checkpoint(tmp_path, 5, state(5.0), keep=2)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000000005.pt", "checkpoint.pt"]
    save_checkpoint(tmp_path, 6, state(6.0), keep=2)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000000006.pt", "step-000000005.pt"]


@pytest.mark.parametrize("damage", ["torn", "a bit", "empty"])
def test_a_damaged_checkpoint_is_told_and_the_one_before_is_used(tmp_path, damage):
    for steps in (1, 2, 3):
        save_checkpoint(tmp_path, steps, state(float(steps)), keep=3)
    newest = checkpoints(tmp_path)[0]
    if damage == "a bit":
        flip_a_bit(newest, torch.full((3, 2), 3.0).numpy().tobytes())
    else:
        newest.write_bytes(newest.read_bytes()[: 400 if damage == "torn" else 0])
    found = newest_checkpoint(tmp_path)
    assert found.path.name == "step-000000002.pt"
    assert found.state["model"]["weight"][0, 0] == 2
    (note,) = found.notes
    assert "step-000000003.pt cannot be read as a checkpoint" in note
    assert note.endswith("; the one before it is used")
    discard_after(tmp_path, 2)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000000002.pt", "step-000000001.pt"]


def test_where_no_checkpoint_can_be_read_nothing_is_begun_again_unasked(tmp_path):
    assert newest_checkpoint(tmp_path) is None
    save_checkpoint(tmp_path, 1, state())
    flip_a_bit(checkpoints(tmp_path)[0], torch.ones(3, 2).numpy().tobytes())
    with pytest.raises(InputError, match=r"no checkpoint of .* can be read: .*part archive/data/0 is damaged.* Remove"):
        newest_checkpoint(tmp_path)


def test_a_torn_checkpoint_changes_nothing_of_the_result(tmp_path):
    """Even with one kept: the torn file does not count as the newest, which would throw away each sound one."""
    given = {**SMALL, "checkpoint_every": 1, "keep": 2}
    list(train(new_run(tmp_path / "whole", given), report=False))
    steps = train(new_run(tmp_path / "torn", given), report=False)
    for event in steps:
        if isinstance(event, Step) and event.number == 2:
            break
    steps.close()
    newest = checkpoints(tmp_path / "torn")[0]
    newest.write_bytes(newest.read_bytes()[:2000])
    run = resumed_run(tmp_path / "torn", {})
    assert "step-000000003.pt cannot be read" in run.notes[0]
    resumed = [event.number for event in train(run, report=False) if isinstance(event, Step)]
    assert resumed == [2, 3]
    for name in ("steps.csv", "summary.csv", "last.safetensors", "checkpoints/step-000000003.pt"):
        assert (tmp_path / "torn" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def step(number, loss=1 / 3):
    return Step(number, 0.1, torch.tensor(loss), torch.tensor(3), 8, torch.tensor(2.5))


def test_the_log_of_steps_is_exact_and_begins_again_where_the_run_does(tmp_path):
    path = tmp_path / "steps.csv"
    with StepLog(path, first=0) as log:
        for number in range(4):
            log.add(step(number))
        log.sync()
    whole = path.read_bytes()
    header, row, *_ = whole.decode().splitlines()
    assert header == "step,lr,loss,grad_norm"
    assert torch.tensor(float(row.split(",")[2])).equal(torch.tensor(1 / 3))
    path.write_bytes(whole[:-5])  # the machine died within the last row
    with StepLog(path, first=4) as log:  # steps 0, 1 and 2 are there; the state is later than the torn row
        log.add(step(4))
    assert [line.split(b",")[0] for line in path.read_bytes().splitlines()[1:]] == [b"0", b"1", b"2", b"4"]
    with StepLog(path, first=2) as log:
        log.add(step(2))
        log.add(step(3))
    assert path.read_bytes() == whole


def test_a_full_disk_is_told_by_the_log(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with StepLog(tmp_path / "steps.csv", first=0) as log, Path("/dev/full").open("ab", buffering=0) as full:
        log.file.close()
        log.file = full
        with pytest.raises(DiskError, match=r"could not write .*steps\.csv: No space left"):
            log.add(step(0))


def test_other_errors_of_the_log_are_left_as_they_are(tmp_path, monkeypatch):
    def interrupted(descriptor):
        raise OSError(errno.EIO, "broken")

    with StepLog(tmp_path / "steps.csv", first=0) as log:
        monkeypatch.setattr(os, "fsync", interrupted)
        with pytest.raises(OSError, match="broken") as caught:
            log.sync()
    assert not isinstance(caught.value, DiskError)


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path):
    left = [".config.yaml.a1b2c3_4.yaml", ".step-000000003.pt.zzzzzzzz.pt"]
    stay = [".config.yaml", ".hidden.yaml.short.yaml", "config.yaml", ".model.pt.a1b2c3d4.yaml"]
    for name in (*left, *stay):
        (tmp_path / name).write_text("x")
    sweep(tmp_path)
    sweep(tmp_path / "nowhere")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(stay)


def test_a_run_says_where_it_was_made(tmp_path):
    path, digits = tmp_path / "environment.json", open_data("digits")
    record(path, digits, 0)
    (part,) = read_record(path)["parts"]
    assert part["torch"] == torch.__version__.split("+")[0] or part["torch"] == torch.__version__
    assert part["from_step"] == 0
    assert part["threads"] == torch.get_num_threads()
    assert part["processor"]
    before = path.read_bytes()
    record(path, digits, 100)
    assert path.read_bytes() == before  # the same environment is not noted twice
    assert moved(path) == []
    assert str(tmp_path) not in before.decode()


def test_a_run_that_goes_on_elsewhere_says_so(tmp_path, monkeypatch):
    path, digits = tmp_path / "environment.json", open_data("digits")
    record(path, digits, 0)
    here = environments.environment()
    monkeypatch.setattr(environments, "environment", lambda: {**here, "kernels": "NEON"})
    (note,) = moved(path)
    assert "goes on in another environment" in note
    assert f"kernels was {here['kernels']}, is NEON" in note
    record(path, digits, 40)
    record(path, digits, 60)
    assert [part["from_step"] for part in read_record(path)["parts"]] == [0, 40]
    monkeypatch.undo()
    record(path, digits, 20)  # gone on with from an earlier state: what came after it has not been
    assert [part["from_step"] for part in read_record(path)["parts"]] == [0]


def test_a_resume_needs_the_pictures_that_the_run_was_begun_with(tmp_path, digit_folder, monkeypatch):
    """Of images held in memory the pixels count, of files the names, and in a small set the content."""
    monkeypatch.setattr(fingerprint, "LISTED", 0)
    path = tmp_path / "environment.json"
    first, second, third, *_ = (
        picture
        for picture in sorted((digit_folder / "digit-0").iterdir())
        if not in_validation(f"digit-0/{picture.name}")
    )
    record(path, held := open_data(digit_folder), 0)
    check_data(path, held)
    Image.open(first).rotate(180).save(first)
    with pytest.raises(InputError, match=r"3 classes now, but of other names, labels or pixels\. Put them back"):
        check_data(path, open_data(digit_folder))
    Image.open(first).resize((9, 9)).save(first)  # of two sizes, they are read as they are needed
    path.unlink()
    record(path, streamed := open_data(digit_folder), 0)
    assert isinstance(held.train, ArrayImages)
    assert isinstance(streamed.train, FileImages)
    check_data(path, open_data(digit_folder))
    second.unlink()
    with pytest.raises(
        InputError, match=r"48 to train on.* then, 47 to train on.* classes now\. Put them back, or start"
    ):
        check_data(path, open_data(digit_folder))
    third.rename(second)
    shutil.copy(second, third.with_name("another.png"))
    with pytest.raises(InputError, match="but of other names, labels or pixels"):
        check_data(path, open_data(digit_folder))
    monkeypatch.undo()
    path.unlink()
    record(path, open_data(digit_folder), 0)
    second.unlink()
    with pytest.raises(InputError, match=rf"begun with, but digit-0/{second.name} is not among them; put it back, or"):
        check_data(path, open_data(digit_folder))


def test_a_damaged_record_is_told(tmp_path):
    path = tmp_path / "environment.json"
    path.write_text(json.dumps({"parts": []})[:-3])
    with pytest.raises(InputError, match=r"environment\.json is not JSON .*; remove it"):
        read_record(path)
