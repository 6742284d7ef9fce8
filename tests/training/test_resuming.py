"""What may change when a run is resumed, and the signals that stop one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from residuum import files, interrupt, train_model
from residuum.data import fingerprint
from residuum.errors import InputError
from residuum.machine.environment import record
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


CHANGES = {
    "changed": (lambda folder: Image.new("L", (8, 8), 9).save(folder / "digit-1" / "004.png"),
                r"digit-1/004\.png has another content"),
    "added": (lambda folder: Image.new("L", (8, 8), 9).save(folder / "digit-2" / "new.png"),
              r"digit-2/new\.png was not among them"),
    "removed": (lambda folder: (folder / "digit-1" / "007.png").unlink(), r"digit-1/007\.png is not among them"),
    "renamed": (lambda folder: (folder / "digit-0" / "003.png").rename(folder / "digit-0" / "xyz.png"),
                r"digit-0/003\.png is named digit-0/xyz\.png now"),
    "swapped": (lambda folder: swap(folder / "digit-0" / "001.png", folder / "digit-2" / "001.png"),
                r"digit-0/001\.png has another content, and 1 more differs"),
}  # fmt: skip


def swap(first, second):
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


@pytest.mark.parametrize("name", CHANGES)
def test_a_folder_with_another_image_is_refused_by_name_moved_or_not(tmp_path, photographs, name):
    change, told = CHANGES[name]
    new_run_of(tmp_path / "run", photographs)
    elsewhere = shutil.copytree(photographs, tmp_path / "elsewhere")
    change(elsewhere)
    with pytest.raises(InputError, match=rf"begun with, but {told}; name the folder that holds them"):
        resumed_run(tmp_path / "run", {"data": str(elsewhere)})
    change(photographs)
    with pytest.raises(InputError, match=rf"begun with, but {told}; put it back, or start another run with --weights"):
        resumed_run(tmp_path / "run", {})


def new_run_of(directory, folder, **more):
    """Begin a run and note its data, as its first step does."""
    run = new_run(directory, {**SMALL, "data": str(folder), **more})
    record(directory / "environment.json", run.dataset, 0)
    return run


@pytest.mark.parametrize(("name", "told"), [
    ("changed", r"digit-\d/\d+\.png has another content|their files had [\d,]+ bytes in all"),
    ("removed", r"47 to train on|\d+ to train on.*then, .*now"),
    ("renamed", r"is not among them|of other names, labels or pixels|then, .*now"),
])  # fmt: skip
def test_of_a_large_folder_a_part_is_looked_at(tmp_path, photographs, monkeypatch, name, told):
    monkeypatch.setattr(fingerprint, "LISTED", 10)
    new_run_of(tmp_path / "run", photographs)
    assert "images" not in json.loads((tmp_path / "run" / "environment.json").read_text())["data"]
    elsewhere = shutil.copytree(photographs, tmp_path / "elsewhere")
    CHANGES[name][0](elsewhere)
    with pytest.raises(InputError, match=told):
        resumed_run(tmp_path / "run", {"data": str(elsewhere)})


def test_a_folder_that_has_moved_is_taken(tmp_path, photographs):
    stop(new_run(tmp_path / "run", {**SMALL, "data": str(photographs)}))
    moved = shutil.move(photographs, tmp_path / "elsewhere")
    with pytest.raises(
        InputError, match=rf"no data set or folder is named .* here; .* --resume {tmp_path}/run --data F"
    ):
        resumed_run(tmp_path / "run", {})
    before = (tmp_path / "run" / "config.yaml").read_bytes()
    run = resumed_run(tmp_path / "run", {"data": moved})
    assert (tmp_path / "run" / "config.yaml").read_bytes() == before  # nothing is written before it trains
    finish(run)
    assert read_settings(tmp_path / "run" / "config.yaml").data == str(moved)


def test_a_link_and_a_relative_path_to_the_folder_are_the_folder(tmp_path, photographs, monkeypatch):
    new_run_of(tmp_path / "run", photographs)
    (tmp_path / "link").symlink_to(photographs, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    for data in ("link", f"{photographs.name}/", f"./{photographs.name}", tmp_path / "link"):
        run = resumed_run("run", {"data": data})
        assert list(run.dataset.train.names) and run.notes == [f"data was {photographs}, is {data}"]


def test_from_another_working_directory_the_error_names_the_folder(tmp_path, photographs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    new_run_of(Path("runs/one"), photographs.name)
    monkeypatch.chdir("/")
    command = rf"residuum train --resume {tmp_path}/runs/one --data {photographs}"
    with pytest.raises(InputError, match=rf"'{photographs.name}' here \(the run was begun in another .*{command}$"):
        resumed_run(tmp_path / "runs" / "one", {})
    assert resumed_run(tmp_path / "runs" / "one", {"data": str(photographs)}).dataset.name == str(photographs)
    new_run_of(tmp_path / "builtin", "digits[:64,:64]", image_size=8)
    assert len(resumed_run(tmp_path / "builtin", {}).dataset.train) == 64


def test_two_processes_that_resume_one_run_do_not_both_train(tmp_path, digit_folder):
    stop(new_run(tmp_path / "run", {**SMALL, "data": str(digit_folder)}))
    first, second = (resumed_run(tmp_path / "run", {}) for _ in range(2))
    events = train(first, report=False)
    next(events)
    with pytest.raises(InputError, match="run is in use by another process; wait for it"):
        next(train(second, report=False))
    for _ in events:
        pass
    assert len((tmp_path / "run" / "summary.csv").read_text().splitlines()) == 3


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
    number = signal.Signals[name]
    signal.signal(
        number, before := signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
    )  # nohup's differ
    stopped = stop(new_run(tmp_path / "run", {**SMALL, "data": str(digit_folder)}), number=number)
    assert stopped.exit_code == 128 + number
    assert signal.getsignal(number) == before
    assert resumed_run(tmp_path / "run", {}).state["progress"]["step"] == 4


def test_a_second_signal_stops_the_saving_and_leaves_no_half_file(tmp_path, digit_folder, monkeypatch):
    given = {**SMALL, "data": str(digit_folder)}
    finish(new_run(tmp_path / "whole", given))
    monkeypatch.setattr(interrupt, "ONE_REQUEST", -1.0)  # the second counts at once
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run = new_run(tmp_path / "run", given)
        with pytest.raises(KeyboardInterrupt):
            for event in train(run, report=False):
                if isinstance(event, Step) and event.number == 3:
                    os.kill(os.getpid(), signal.SIGTERM)
                    monkeypatch.setattr(files, "sync", lambda path: os.kill(os.getpid(), signal.SIGTERM))
    finally:
        signal.signal(signal.SIGTERM, before)
    monkeypatch.undo()
    assert not [path.name for path in (tmp_path / "run").rglob("*") if path.name.startswith(".")]
    finish(resumed_run(tmp_path / "run", {}))
    for name in EXACT:
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_train_model_gives_the_programs_own_handlers_back(tmp_path, digit_folder):
    own = {number: (lambda *_: None) for number in (signal.SIGTERM, signal.SIGHUP)}
    before = {number: signal.signal(number, handler) for number, handler in own.items()}

    def tell(line):
        if line.startswith("epoch 1"):
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        with pytest.raises(Interrupted) as stopped:
            train_model(digit_folder, output=tmp_path / "run", tell=tell, **SMALL)
        assert stopped.value.exit_code == 143
        assert {number: signal.getsignal(number) for number in own} == own
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert resumed_run(tmp_path / "run", {}).state["progress"]["epoch"] == 1


def test_a_handler_that_is_not_pythons_is_left_alone(monkeypatch):
    usual = signal.getsignal
    monkeypatch.setattr(signal, "getsignal", lambda number: None if number == signal.SIGHUP else usual(number))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupt.catching_interrupt():
            assert usual(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


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
    assert f"saved. Resume with: residuum train --resume {tmp_path / 'run'}" in errors
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to send")
def test_the_command_ends_on_sigterm_before_it_trains(tmp_path):
    code = "import signal; from residuum import cli; cli.models.models; "
    code += "cli.app.registered_commands[2].callback = lambda: signal.raise_signal(signal.SIGTERM); cli.main()"
    verb = "from residuum.cli import app; print(app.registered_commands[2].name)"
    name = subprocess.run([sys.executable, "-c", verb], capture_output=True, text=True).stdout.strip()
    done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (143, False), done.stderr
