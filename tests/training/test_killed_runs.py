"""Runs killed again and again end with the very bytes of the run that nobody disturbed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from residuum.data import FileImages, open_data
from residuum.training import new_run, train

HELPER = Path(__file__).with_name("killing.py")
NETWORK = {"model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "precision": "fp32",
           "threads": 1}  # fmt: skip
DIGITS = {**NETWORK, "data": "digits", "epochs": 3, "batch_size": 128}  # 11 batches an epoch
FOLDER = {**NETWORK, "epochs": 3, "batch_size": 8, "image_size": [8, 8], "lr": 0.05}  # 6 batches an epoch
DROPPING = {**NETWORK["model_arguments"], "stochastic_depth": 0.4}

# Each with the number of its steps.
RUNS = {
    "plain": ({**DIGITS, "keep": 1}, 33),
    "average-accumulation-depth": (
        {**DIGITS, "ema": 0.95, "grad_accum": 2, "clip_grad": 1.0, "model_arguments": DROPPING, "checkpoint_every": 4},
        18,
    ),
    "bf16-adamw-mixing": ({**DIGITS, "precision": "bf16", "opt": "adamw", "lr": 1e-3, "momentum": 0.9, "mixup": 0.2,
                           "cutmix": 1.0, "label_smoothing": 0.1, "checkpoint_every": 3, "threads": 2}, 33),
    "files-no-worker": ({**FOLDER, "workers": 0, "ema": 0.9, "checkpoint_every": 1, "opt": "nesterov"}, 18),
    "files-two-workers": ({**FOLDER, "workers": 2, "grad_accum": 4, "checkpoint_every": 1, "keep": 3,
                           "auto_augment": "randaugment", "random_erasing": 0.5, "model_arguments": DROPPING}, 6),
}  # fmt: skip


def train_twice(given, whole, killed, ends):
    """Return how the processes of both runs ended."""
    plan = json.dumps({"given": given, "whole": str(whole), "killed": str(killed), "ends": ends})
    done = subprocess.run(
        [sys.executable, str(HELPER), plan],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def contents(directory):
    """Return every file of a run by name, but for what holds clock time."""
    files = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in sorted(files.items()) if name != "timing.csv"}


def streamed(folder):
    """Make one picture larger, so that the folder is read from as its pictures are needed."""
    picture = folder / "digit-0" / "000.png"
    Image.open(picture).resize((12, 12)).save(picture)
    assert isinstance(open_data(folder).train, FileImages)
    return folder


@pytest.mark.parametrize("name", RUNS)
def test_a_run_killed_at_least_five_times_ends_with_the_same_bytes(name, tmp_path, digit_folder):
    given, steps = RUNS[name]
    if "data" not in given:
        given = {"data": str(streamed(digit_folder)), **given}
    draw = random.Random(name)
    ends = [
        {"write": draw.randint(1, 2)},  # of the settings
        *({"step": number} for number in sorted(draw.sample(range(steps), 3))),
        {"write": draw.randint(1, 8)},  # as many follow in any case
        {"share": draw.uniform(0.05, 0.4)},  # may come too late
    ]
    fates = train_twice(given, tmp_path / "whole", tmp_path / "killed", ends)
    assert fates["whole"] == [0]
    assert fates["killed"][:5] == 5 * [signal.SIGKILL]
    whole, found = contents(tmp_path / "whole"), contents(tmp_path / "killed")
    assert {"model.safetensors", "last.safetensors", "summary.csv", "steps.csv"} <= set(whole)
    assert whole["steps.csv"].count(b"\n") == steps + 1
    assert list(found) == list(whole)
    assert [file for file in whole if found[file] != whole[file]] == []


@pytest.mark.timeout(600)  # a quarter of a minute on a machine of one's own
def test_the_command_killed_from_outside_ends_with_the_same_bytes(tmp_path):
    """Processes of the real command, each with hashes of its own, against a run made in this one."""
    given = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8}, "epochs": 2, "batch_size": 64,
             "ema": 0.9, "checkpoint_every": 5, "precision": "fp32", "threads": 1}  # fmt: skip
    for _ in train(new_run(tmp_path / "whole", given), report=False):
        pass
    run, draw = tmp_path / "run", random.Random("outside")
    flags = ["--data", "digits", "--model", "cifar_resnet", "--depth", "8", "--epochs", "2", "-b", "64", "--ema", "0.9",
             "--checkpoint-every", "5", "--precision", "fp32", "--threads", "1", "--output", str(run)]  # fmt: skip
    for words, steps in ((flags, draw.randint(1, 15)), (["--resume", str(run)], draw.randint(16, 40))):
        command = subprocess.Popen([sys.executable, "-m", "residuum", "train", *words], stdout=subprocess.DEVNULL)
        while command.poll() is None and rows(run / "steps.csv") < steps:
            time.sleep(0.01)
        command.kill()
        assert command.wait() == -signal.SIGKILL, "it ended before it could be killed"
    subprocess.run(
        [sys.executable, "-m", "residuum", "train", "--resume", str(run)], check=True, stdout=subprocess.DEVNULL
    )
    whole, found = contents(tmp_path / "whole"), contents(run)
    del whole["result.json"]  # where a report is written, as the command does, the chosen weights are measured anew
    assert [file for file in whole if found[file] != whole[file]] == []


def rows(path):
    return path.read_bytes().count(b"\n") - 1 if path.exists() else 0
