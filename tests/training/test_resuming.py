"""What may change when a run is resumed, and the signals that stop one."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from residuum.errors import InputError
from residuum.settings.file import read_settings
from residuum.training import Interrupted, Step, new_run, resumed_run, train

SMALL = {"model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "epochs": 2, "batch_size": 8,
         "image_size": 8, "precision": "fp32", "threads": 1, "workers": 0, "lr": 0.05}  # fmt: skip
EXACT = ("summary.csv", "steps.csv", "last.safetensors")


def finish(run):
    return list(train(run, report=False))


def stop(run, at=3, number=signal.SIGINT):
    with pytest.raises(Interrupted, match="stopped at epoch") as stopped:
        for event in train(run, report=False):
            if isinstance(event, Step) and event.number == at:
                os.kill(os.getpid(), number)
    return stopped.value


@pytest.fixture
def photographs(digit_folder):
    """Return a folder whose images are read as they are needed."""
    image = digit_folder / "digit-0" / "000.png"
    Image.open(image).resize((12, 12)).save(image)
    return digit_folder


def test_another_number_of_workers_changes_no_bit_and_is_recorded(tmp_path, photographs):
    given = {**SMALL, "data": str(photographs)}
    finish(new_run(tmp_path / "whole", given))
    stop(new_run(tmp_path / "run", given))
    run = resumed_run(tmp_path / "run", {"workers": 1, "threads": 1})
    assert run.notes == ["workers was 0, is 1"]
    finish(run)
    assert read_settings(tmp_path / "run" / "config.yaml").workers == 1
    for name in EXACT:
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert resumed_run(tmp_path / "run", {}).notes == []


def test_a_folder_that_has_moved_is_taken_and_another_refused_by_its_first_difference(tmp_path, photographs):
    stop(new_run(tmp_path / "run", {**SMALL, "data": str(photographs)}))
    moved = shutil.move(photographs, tmp_path / "elsewhere")
    with pytest.raises(InputError, match="no data set or folder is named"):
        resumed_run(tmp_path / "run", {})
    changed = shutil.copytree(moved, tmp_path / "changed")
    Image.new("L", (8, 8), 9).save(changed / "digit-1" / "004.png")
    with pytest.raises(InputError, match=r"digit-1/\d+.png has another content|their files had [\d,]+ bytes in all"):
        resumed_run(tmp_path / "run", {"data": str(changed)})
    renamed = shutil.copytree(moved, tmp_path / "renamed")
    (renamed / "digit-0" / "000.png").rename(renamed / "digit-0" / "xyz.png")
    with pytest.raises(InputError, match=r"digit-0/000\.png is not among them|pictures that it was begun with"):
        resumed_run(tmp_path / "run", {"data": str(renamed)})
    before = (tmp_path / "run" / "config.yaml").read_bytes()
    run = resumed_run(tmp_path / "run", {"data": moved})
    assert (tmp_path / "run" / "config.yaml").read_bytes() == before  # nothing is written before it trains
    finish(run)
    assert read_settings(tmp_path / "run" / "config.yaml").data == str(moved)


@pytest.mark.parametrize(("epochs", "further"), [(5, "--epochs 3"), (1, "--epochs 1")])
def test_other_epochs_offer_the_command_that_trains_further(tmp_path, digit_folder, epochs, further):
    new_run(tmp_path / "run", {**SMALL, "data": str(digit_folder)})
    command = rf"residuum train --data \S+ --weights \S+/run/model.safetensors {further} --output \S+/run-more"
    with pytest.raises(InputError, match=rf"epochs: saved 2, asked {epochs}\. Leave them out.*{command}"):
        resumed_run(tmp_path / "run", {"epochs": epochs})


@pytest.mark.parametrize("asked", [{"workers": -1}, {"threads": 0}, {"workers": 1.5}, {"optimizer": "sgd"}], ids=str)
def test_what_no_machine_has_is_refused_on_resuming(tmp_path, digit_folder, asked):
    new_run(tmp_path / "run", {**SMALL, "data": str(digit_folder)})
    with pytest.raises(InputError, match="must be at least|must be a whole number|did you mean opt"):
        resumed_run(tmp_path / "run", asked)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_each_signal_saves_the_run_and_keeps_its_exit_code(tmp_path, digit_folder, name):
    number, before = signal.Signals[name], signal.getsignal(signal.Signals[name])
    stopped = stop(new_run(tmp_path / "run", {**SMALL, "data": str(digit_folder)}), number=number)
    assert stopped.exit_code == 128 + number
    assert signal.getsignal(number) == before
    assert resumed_run(tmp_path / "run", {}).state["progress"]["step"] == 4


def begun(*flags):
    command = [sys.executable, "-m", "residuum", *map(str, flags)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path, process):
    while not path.exists() and process.poll() is None:
        time.sleep(0.02)


LONG = ("train", "--data", "digits", "--model", "cifar_resnet", "--depth", "8", "--epochs", "500", "-b", "64",
        "--precision", "fp32", "--threads", "1")  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to send")
def test_the_command_saves_on_sigterm_and_says_how_to_resume(tmp_path):
    process = begun(*LONG, "-o", tmp_path / "run")
    wait_for(tmp_path / "run" / "summary.csv", process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert f"saved. Go on with: residuum train --resume {tmp_path / 'run'}" in errors
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to send")
def test_the_command_ends_on_sigterm_before_it_trains(tmp_path):
    code = "import signal; from residuum import cli; cli.models.models; "
    code += "cli.app.registered_commands[2].callback = lambda: signal.raise_signal(signal.SIGTERM); cli.main()"
    verb = "from residuum.cli import app; print(app.registered_commands[2].name)"
    name = subprocess.run([sys.executable, "-c", verb], capture_output=True, text=True).stdout.strip()
    done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (143, False), done.stderr
