"""--entry on every verb that takes a weights file, and backbones taught without labels as the start of training."""

import json

import pytest
import torch

import residuum
from residuum.training import new_run

SIZES = {"depth": 8, "widths": (4, 8, 16)}


def akamaster(state):
    """Rename as the published CIFAR ResNets do."""
    renamed = {}
    for name, value in state.items():
        name = name.replace("stem.conv", "conv1").replace("stem.norm", "bn1").replace("head.fc", "linear")
        if name.startswith("stages."):
            _, stage, block, *rest = name.split(".")
            name = ".".join([f"layer{int(stage) + 1}", block, *rest]).replace("branch.", "").replace("norm", "bn")
        renamed[name] = value
    return renamed


@pytest.fixture
def two(tmp_path):
    """Write a checkpoint of two networks that differ in their logits; return it and both."""
    torch.manual_seed(0)
    nets = {name: residuum.create_model("cifar_resnet", num_classes=10, **SIZES).eval() for name in ("left", "right")}
    torch.save({name: akamaster(net.state_dict()) for name, net in nets.items()}, tmp_path / "two.pth")
    return tmp_path / "two.pth", nets


@pytest.fixture
def image(digit_folder):
    return sorted(digit_folder.glob("*/*.png"))[0]


def test_a_verb_asks_for_the_entry(run, two, image):
    for verb in (("predict", two[0], image), ("draw", two[0]), ("laws", two[0])):
        assert "say which: --entry NAME" in run(*verb, code=2)
    assert "entry must name one of left, right, got 'rigth'" in run("draw", two[0], "--entry", "rigth", code=2)


def test_predict(run, two, image):
    for name in two[1]:
        found = json.loads(run("predict", two[0], image, "--entry", name, "--json"))
        (expected,) = residuum.predict(residuum.load(two[0], entry=name), [image])
        assert found[0]["classes"] == expected.classes
        assert found[0]["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)


def test_draw_inspect_and_convert(run, two, tmp_path):
    path, nets = two
    run("draw", path, "--entry", "right", "--output", tmp_path / "net.svg")
    assert "<svg" in (tmp_path / "net.svg").read_text()
    assert run("draw", f"{path}::right", "--output", "-") == (tmp_path / "net.svg").read_text()
    assert "entry='right'" in run("inspect", path, "--entry", "right")
    for name, net in nets.items():
        run("convert", path, "--entry", name, "--to", "safetensors", "--output", tmp_path / f"{name}.safetensors")
        kept = residuum.load(tmp_path / f"{name}.safetensors")
        assert torch.equal(kept.head.fc.weight, net.head.fc.weight)


def test_evaluate_export_saliency_and_push(run, two, image, digit_folder, tmp_path):
    path, nets = two
    answer = json.loads(run("evaluate", path, "--entry", "left", "--data", "digits", "--match", "order",
                            "--workers", "0", "--json"))  # fmt: skip
    assert answer
    run("saliency", path, image, "--entry", "left", "--output", tmp_path / "seen")
    run("push", path, tmp_path / "shared", "--entry", "right")
    assert torch.equal(residuum.load(tmp_path / "shared").stem.conv.weight, nets["right"].stem.conv.weight)
    run("export", path, "--entry", "right", "--to", "onnx", "--output", tmp_path / "out")
    assert any((tmp_path / "out").rglob("*.onnx"))


def test_laws(run, two):
    told = json.loads(run("laws", two[0], "--entry", "left", "--json"))
    assert all(row["holds"] for row in told if row["applies"])


def test_training_starts_from_an_entry(run, two, digit_folder, tmp_path):
    path, nets = two
    given = {"data": str(digit_folder), "epochs": 1, "precision": "fp32", "weights": f"{path}::right"}
    ready = new_run(tmp_path / "run", given)
    assert torch.equal(ready.model.stem.conv.weight, nets["right"].stem.conv.weight)
    assert ready.model.num_classes == 3


# how training without labels names the encoder that is kept, and what stands beside it
WITHOUT_LABELS = {
    "MoCo v1": ("module.encoder_q.", {"module.encoder_q.fc.weight": (8, 16), "module.queue": (8, 32)}),
    "MoCo v2": (
        "module.encoder_q.",
        {"module.encoder_q.fc.0.weight": (16, 16), "module.queue": (8, 9)},
    ),
    "MoCo v3": ("module.base_encoder.", {"module.predictor.0.weight": (16, 8), "module.predictor.3.weight": (8, 16)}),
    "SimCLR": ("backbone.", {"projection_head.0.weight": (16, 16), "projection_head.2.weight": (8, 16)}),
    "BYOL": (
        "online_encoder.net.",
        {"online_predictor.net.0.weight": (16, 8), "target.bias": (4,)},
    ),
    "Barlow Twins": ("module.backbone.", {"module.projector.0.weight": (16, 16), "module.bn.running_mean": (16,)}),
    "SwAV": ("module.", {"module.projection_head.0.weight": (16, 16), "module.prototypes.weight": (30, 8)}),
    "VICReg": ("module.backbone.", {"module.projector.0.weight": (32, 16), "module.projector.3.weight": (8, 32)}),
}


@pytest.mark.parametrize("method", WITHOUT_LABELS)
@pytest.mark.filterwarnings("ignore:.*left out")
def test_training_starts_from_a_backbone_taught_without_labels(method, digit_folder, tmp_path):
    prefix, beside = WITHOUT_LABELS[method]
    torch.manual_seed(0)
    net = residuum.create_model("cifar_resnet", num_classes=0, **SIZES)
    content = {prefix + name: value for name, value in akamaster(net.state_dict()).items()}
    others = {name: torch.ones(size) for name, size in beside.items()}
    torch.save({"state_dict": {**content, **others}, "epoch": 800}, tmp_path / "ssl.pth.tar")
    given = {"data": str(digit_folder), "epochs": 1, "precision": "fp32", "weights": str(tmp_path / "ssl.pth.tar")}
    ready = new_run(tmp_path / "run", given)
    assert torch.equal(ready.model.stem.conv.weight, net.stem.conv.weight)
    assert ready.model.head.fc.weight.shape == (3, 16)  # new, for the folder's classes


def test_dinos_teacher_starts_training(run, digit_folder, tmp_path):
    torch.manual_seed(0)
    net = residuum.create_model("cifar_resnet", num_classes=0, **SIZES)
    state = akamaster(net.state_dict())
    content = {"teacher": {f"backbone.{name}": value for name, value in state.items()},
               "student": {f"module.backbone.{name}": value * 0 for name, value in state.items()}}  # fmt: skip
    torch.save(content, tmp_path / "dino.pth")
    run("train", "--data", digit_folder, "--weights", tmp_path / "dino.pth", "--entry", "teacher", "--epochs", "1",
        "--precision", "fp32", "--output", tmp_path / "run", "--lr", "1e-30", "--workers", "0")  # fmt: skip
    trained = residuum.load(tmp_path / "run")
    torch.testing.assert_close(trained.stem.conv.weight, net.stem.conv.weight)
    assert trained.num_classes == 3


def test_grey_images_from_colour_filters(digit_folder, tmp_path):
    torch.manual_seed(0)
    net = residuum.create_model("cifar_resnet", num_classes=3, **SIZES).eval()
    torch.save(akamaster(net.state_dict()), tmp_path / "rgb.pth")
    grey = residuum.load(tmp_path / "rgb.pth", in_chans=1)
    image = torch.rand(2, 1, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(grey(image), net(image.expand(-1, 3, -1, -1)), rtol=1e-5, atol=1e-5)
    four = residuum.load(tmp_path / "rgb.pth", in_chans=4)
    assert "repeated for 4 channels" in four.description.provenance
    assert four.description.preprocessing is None
    residuum.save(grey, tmp_path / "grey.safetensors")
    given = {"data": str(digit_folder), "epochs": 1, "precision": "fp32", "weights": str(tmp_path / "grey.safetensors")}
    assert torch.equal(new_run(tmp_path / "run", given).model.stem.conv.weight, grey.stem.conv.weight)
