"""The verbs that read, write and share weights, run in this process as the user's words would run them."""

import json
import os
import shutil
import sys

import pytest
import torch
from torchvision import models as peer

import residuum
from residuum import cli
from residuum.training import new_run
from residuum.weights import write_safetensors
from residuum.weights.metadata import to_metadata


@pytest.fixture
def state():
    return peer.resnet18(num_classes=3).state_dict()


def test_the_doctor_reports_on_a_foreign_checkpoint_and_draws_its_outline(run, state, tmp_path):
    state["layer1.0.conv1.weight"][3] = 0
    state["fc.bias"][0] = float("nan")
    wrapped = {f"module.{name}": value for name, value in state.items()}
    healthy = peer.resnet18(num_classes=3).state_dict()
    torch.save(
        {"state_dict": wrapped, "state_dict_ema": healthy, "optimizer": {"state": {0: 1}}, "epoch": 3},
        tmp_path / "w.pth",
    )
    lines = run("inspect", tmp_path / "w.pth", "--image-size", "64").splitlines()
    for line in (
        "model: resnet18, depth 18, 3 classes",
        "tensors: 122 (102 float32, 20 int64), 11,178,051 parameters",
        "names: torchvision (and timm)",
        'under: the entry "state_dict"',
        'prefix: "module." before every name',
        "averaged: a copy of the weights averaged over training (EMA)",
        'optimiser: its state, in the entry "optimizer"',
        "beside: epoch",
        "odd: module.layer1.0.conv1.weight: 1 of 64 channels are dead (all their weights are 0)",
        "odd: module.fc.bias: 1 of 3 numbers are NaN or infinite",
        "load: residuum.load('w.pth'); ema=False takes the weights that are not averaged",
        "parts at 64x64:",
    ):
        assert line in lines, line
    assert lines[-1].startswith("whole\tNetwork\t3\t11,178,051\t")


def test_the_doctor_tells_programs_too(run, state, tmp_path):
    state["fc.bias"] = state["fc.bias"][:2]
    torch.save(state, tmp_path / "w.pth")
    told = json.loads(run("inspect", tmp_path / "w.pth", "--json"))
    assert (told["file"]["model"], told["file"]["num_classes"], told["file"]["kind"]) == ("resnet18", 3, "pickle")
    assert told["file"]["differences"]["shapes"] == {"fc.bias": [[2], [3]]}
    assert "strict=False" in told["file"]["how_to_load"]
    assert told["description"]["arguments"] == {"num_classes": 3}
    assert (told["image_size"], told["parts"][-1]["parameters"]) == ([224, 224], 11_178_051)
    assert "file" not in json.loads(run("inspect", "resnet18", "--json"))


UNKNOWN = {
    "a linear layer": {"a.weight": torch.ones(2, 2), "a.bias": torch.zeros(2)},
    "numbers that are no layers": {
        "conv1.weight": torch.ones(4, 3, 3, 3),
        "layer1.0.conv1.weight": torch.tensor(1.0),
        "layer1.0.conv2.weight": torch.ones(3),
        "bn1.running_var": torch.tensor(0.0),
        "fc.weight": torch.tensor(2.0),
    },
    "empty tensors": {"conv1.weight": torch.ones(4, 3, 3, 3), "layer1.0.conv1.weight": torch.ones(0, 4, 3, 3)},
    "a classifier without a size": {
        "conv1.weight": torch.ones(4, 3, 7, 7),
        **{
            f"layer{n}.{b}.conv{c}.weight": torch.ones(4, 4, 3, 3) for n in (1, 2, 3, 4) for b in (0, 1) for c in (1, 2)
        },
        "fc.weight": torch.tensor(2.0),
    },
    "endless numbers": {
        f"layer1.{'9' * 5000}.conv1.weight": torch.ones(4, 4, 3, 3),
        "conv1.weight": torch.ones(4, 3, 7, 7),
    },
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_an_unknown_architecture_still_gets_its_report(case, run, tmp_path):
    torch.save(UNKNOWN[case], tmp_path / "w.pth")
    printed = run("inspect", tmp_path / "w.pth")
    assert "model: not recognised" in printed
    assert f"tensors: {len(UNKNOWN[case])} " in printed
    assert "load: not with this library" in printed
    assert "parts at" not in printed
    told = json.loads(run("inspect", tmp_path / "w.pth", "--json"))
    assert (told["description"], told["parts"], told["file"]["model"]) == (None, [], "")


def test_a_description_that_builds_nothing_is_a_finding(run, tmp_path):
    tensors = residuum.create_model("cifar_resnet", depth=8).state_dict()
    metadata = to_metadata(residuum.Description("cifar_resnet", {"depth": "eight"}), "0")
    write_safetensors(tensors, tmp_path / "w.safetensors", metadata)
    assert "odd: cifar_resnet must be given arguments that it can be built with" in run(
        "inspect", tmp_path / "w.safetensors"
    )
    with pytest.raises(residuum.errors.InputError, match=r"cifar_resnet must be given arguments .* 'eight'"):
        residuum.load(tmp_path / "w.safetensors")


class Evil:
    def __reduce__(self):
        return os.system, ("touch owned",)


def test_a_hostile_or_broken_file_is_one_clear_error(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Evil()}, tmp_path / "evil.pth")
    (tmp_path / "long.safetensors").write_bytes((100 * 2**30).to_bytes(8, "little") + b"{}")
    (tmp_path / "empty.pth").write_bytes(b"")
    for name in ("evil.pth", "long.safetensors", "empty.pth", "absent.pth"):
        message = run("inspect", tmp_path / name, code=2)
        assert message.startswith("error: ")
        assert name in message
        assert "Traceback" not in message
    assert "system" in run("inspect", tmp_path / "evil.pth", code=2)
    assert "did you mean torchvision:" in run("inspect", "tochvision:resnet18", code=2)
    assert not (tmp_path / "owned").exists()


def test_names_keep_their_outline(run):
    lines = run("inspect", "cifar_resnet20").splitlines()
    assert lines[0] == "cifar_resnet20  at 32x32"
    assert lines[1].split("\t")[1] == "shortcut | branch | merge | activation"
    assert lines[2].startswith("stem\tconv 3×3, 16; batch norm; ReLU\t")
    row = "x | conv 3×3, 16; batch norm; ReLU; conv 3×3, 16; batch norm | s + F | ReLU"
    assert lines[4].split("\t")[:2] == ["stages.0.0", row]
    plain = run("inspect", "cifar_plain20").splitlines()[4].split("\t")[1]
    assert plain == row.replace("x | ", "– | ").replace("s + F", "F"), "the plain twin carries nothing"
    assert "at 28x28" in run("inspect", "highway_mlp")
    assert run("inspect", "bert_tiny").startswith("bert_tiny  at 128\n")


def test_convert_and_back_keeps_every_bit(run, state, tmp_path):
    torch.save({"state_dict": state}, tmp_path / "w.pth")
    first, second, folder = tmp_path / "ours.safetensors", tmp_path / "theirs.pth", tmp_path / "hub"
    assert run("convert", tmp_path / "w.pth", "--to", "safetensors", "--output", first) == f"wrote {first}\n"
    assert "stages.0.0.branch.conv1.weight" in residuum.weights.read_tensors(first)[0]
    run("convert", first, "--to", "huggingface", "--output", folder)
    run("convert", folder, "--to", "torchvision", "-o", second)
    again = torch.load(second, weights_only=True)
    assert again.keys() == state.keys()
    assert all(torch.equal(again[name], value) for name, value in state.items())


def test_convert_refuses_by_a_clear_error(run, state, tmp_path):
    torch.save(state, tmp_path / "w.pth")
    message = run("convert", tmp_path / "w.pth", "--to", "torchvison", "--output", tmp_path / "x.pth", code=2)
    assert "to must be one of torchvision, timm, huggingface, transformers, safetensors" in message
    message = run("convert", tmp_path / "w.pth", "--to", "timm", "--output", tmp_path / "w.pth", code=2)
    assert "the output must differ from the input" in message
    assert run("convert", tmp_path / "w.pth", code=2)
    assert not (tmp_path / "x.pth").exists()


def tiny(folder):
    """Write a small model's weights into a folder as a run does."""
    model = residuum.create_model("cifar_resnet", depth=8, widths=(4, 8, 16), in_chans=1)
    preprocessing = residuum.Preprocessing((8, 8), (0.5,), (0.25,))
    residuum.save(model, folder / "model.safetensors", preprocessing=preprocessing, licence="MIT")
    return model


def test_push_takes_a_run_and_pull_only_the_hub(run, tmp_path):
    tiny(tmp_path / "run")
    assert run("push", tmp_path / "run", tmp_path / "shared") == f"pushed to {tmp_path / 'shared'}\n"
    assert "license: MIT" in (tmp_path / "shared" / "README.md").read_text()
    assert "model: cifar_resnet, depth 8, 10 classes, in_chans=1, widths=[4, 8, 16]" in run(
        "inspect", tmp_path / "shared"
    )
    assert "has no model.safetensors" in run("push", tmp_path, tmp_path / "other", code=2)
    assert "pull takes hf://OWNER/NAME, got 'me/tiny'" in run("pull", "me/tiny", code=2)
    assert "must be a new or empty folder" in run("pull", "hf://me/tiny", "--output", tmp_path / "run", code=2)


@pytest.fixture
def published(monkeypatch, tmp_path):
    """Put weights of resnet18 where torchvision keeps those that it has fetched."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    file = peer.ResNet18_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(peer.resnet18().state_dict(), tmp_path / "hub" / "checkpoints" / file)
    return "torchvision:resnet18"


def test_published_weights_stand_wherever_a_model_is_named(run, published, digit_folder, tmp_path):
    picture = next(digit_folder.glob("*/*.png"))
    found = json.loads(run("predict", published, picture, "--top", "1", "--json"))
    model = residuum.load(published)
    assert found[0]["classes"][0] in model.description.classes
    told = json.loads(run("inspect", published, "--json"))
    assert told["file"]["how_to_load"] == "residuum.load('torchvision:resnet18')"
    assert told["description"]["licence"] == "BSD-3-Clause (torchvision)"
    run("convert", published, "--to", "safetensors", "--output", tmp_path / "w.safetensors")
    assert torch.equal(residuum.load(tmp_path / "w.safetensors").head.fc.weight, model.head.fc.weight)
    assert "torchvision has no model 'resnet19'" in run("evaluate", "torchvision:resnet19", "--data", "digits", code=2)


def test_training_starts_from_published_weights_and_carries_their_licence(published, digit_folder, tmp_path):
    given = {"data": str(digit_folder), "weights": published, "epochs": 1, "image_size": [32, 32], "precision": "fp32"}
    ready = new_run(tmp_path / "run", given)
    assert (ready.settings.model, ready.settings.weights) == ("resnet18", published)
    assert ready.settings.licence == "BSD-3-Clause (torchvision)"
    assert ready.settings.mean == [0.485, 0.456, 0.406]
    assert ready.model.num_classes == 3
    start = residuum.load(published)
    assert torch.equal(ready.model.stem.conv.weight, start.stem.conv.weight)
    named = new_run(tmp_path / "named", {**given, "licence": "MIT"})
    assert named.settings.licence == "MIT"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Let a folder stand in for the hub; the protocol itself is tested with the room of the weights."""
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError

    class Api:
        def create_repo(self, name, *, private, exist_ok):
            (tmp_path / "hub" / name).mkdir(parents=True, exist_ok=exist_ok)

        def upload_folder(self, *, repo_id, folder_path, commit_message):
            shutil.copytree(folder_path, tmp_path / "hub" / repo_id, dirs_exist_ok=True)

    def download(name, file, *, revision):
        path = tmp_path / "hub" / name / file
        if not path.exists():
            raise EntryNotFoundError(file)
        return str(path)

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return tmp_path / "hub"


def test_what_is_pushed_is_pulled(run, hub, tmp_path):
    model = tiny(tmp_path / "run")
    assert run("push", tmp_path / "run", "hf://me/tiny") == "pushed to hf://me/tiny\n"
    assert run("pull", "hf://me/tiny") == f"{hub / 'me' / 'tiny' / 'model.safetensors'}\n"
    (hub / "me" / "tiny" / "config.json").write_text("{}")
    copied = tmp_path / "copy"
    assert run("pull", "hf://me/tiny", "--output", copied) == f"{copied / 'model.safetensors'}\n"
    assert {path.name for path in copied.iterdir()} == {"model.safetensors", "README.md", "config.json"}
    assert torch.equal(residuum.load(copied).head.fc.weight, model.head.fc.weight)
    assert "load: residuum.load('hf://me/tiny')" in run("inspect", "hf://me/tiny")
    (hub / "me" / "none").mkdir()
    assert "must hold model.safetensors or pytorch_model.bin" in run("pull", "hf://me/none", code=2)


def test_what_is_assumed_is_printed_and_a_preprocessing_given(run, state, tmp_path, capsys, monkeypatch):
    from PIL import Image

    torch.save(state, tmp_path / "w.pth")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "red.png")
    monkeypatch.setattr(sys, "argv", ["residuum", "predict", str(tmp_path / "w.pth"), str(tmp_path / "red.png")])
    with pytest.raises(SystemExit):
        cli.main()
    assert "assumed: plain resnet18, as nothing names an architecture" in capsys.readouterr().err
    text = "size=64:48,mean=0.5,std=0.5:0.25:0.5,interpolation=bicubic"
    run("convert", tmp_path / "w.pth", "--to", "safetensors", "-o", tmp_path / "a.safetensors", "--preprocessing", text)
    assert residuum.load(tmp_path / "a.safetensors").description.preprocessing == residuum.Preprocessing(
        (64, 48), (0.5, 0.5, 0.5), (0.5, 0.25, 0.5), 0, "bicubic"
    )
    assert "64x48, bicubic, mean" in run("inspect", tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size=64", "must have size, mean and std, got no mean"),
        ("size=64,mean=0.5,std=0.5,crop=3", "takes size, resize, mean, std, interpolation, got 'crop'"),
        ("size=64,mean=a,std=0.5", "must have numbers, got 'size=64,mean=a,std=0.5'"),
        ("size=64,resize=32,mean=0.5,std=0.5", "a resize of at least that"),
        ("size=64,mean=0.5,std=0", "a std above 0 for each mean"),
        ("size=64,mean=0.5,std=0.5,interpolation=box", "interpolation must be one of bilinear, bicubic, got 'box'"),
    ],
)
def test_a_preprocessing_that_is_none_is_told(run, text, message, state, tmp_path):
    torch.save(state, tmp_path / "w.pth")
    output = tmp_path / "a.safetensors"
    told = run("convert", tmp_path / "w.pth", "--to", "safetensors", "-o", output, "--preprocessing", text, code=2)
    assert message in told
    assert not output.exists()
