"""The recognised network decides what size it is shown: small-image ResNets, and transformers by their positions."""

import json

import pytest
import timm
import torch
from timm.models import save_for_hf

import residuum
from residuum.errors import InputError
from residuum.weights import convert
from residuum.weights.sources import usual
from residuum.weights.timm_config import pretrained_cfg, timm_preprocessing

HALF, IMAGENET = 0.5, 0.485


def test_a_resnet_with_a_small_stem_by_its_authors_names_is_shown_cifars_images(tmp_path):
    model = residuum.create_model("resnet18_cifar")
    residuum.save(model, tmp_path / "own.safetensors")
    convert(tmp_path / "own.safetensors", "torchvision", tmp_path / "w.pth")
    state = torch.load(tmp_path / "w.pth", weights_only=True)
    renamed = {name.replace("downsample", "shortcut").replace("fc.", "linear."): state[name] for name in state}
    torch.save({"net": renamed, "acc": 95.1, "epoch": 199}, tmp_path / "ckpt.pth")
    found = residuum.load(tmp_path / "ckpt.pth").description
    assert found.preprocessing == residuum.Preprocessing(
        (32, 32), (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010), 0, "bilinear"
    )
    assert "a network for small images (resnet18_cifar) takes it: 32 pixels" in found.provenance
    assert found.classes[0] == "airplane"


@pytest.mark.parametrize(
    ("dialect", "model", "classes", "mean"),
    [
        ("cifar", "resnet34_cifar", 10, 0.4914),
        ("torchvision", "resnet50_cifar", 100, 0.5070),
        ("weiaicunzai2", "resnet18_cifar", 100, 0.5070),
        ("weiaicunzai3", "resnet101_cifar", 100, 0.5070),
        ("children", "resnet18_cifar", 10, 0.4914),
        ("mm", "resnet18_cifar", 10, 0.4914),
    ],
)
def test_a_small_stem_is_shown_32_pixels_whoever_names_it(dialect, model, classes, mean):
    known = usual(dialect, model, {"num_classes": classes})
    assert (known.size, known.resize, known.mean[0]) == (32, 0, mean)


def test_numbered_layers_are_torchvisions_and_our_own_names_leave_nothing_to_assume():
    assert usual("children", "resnet50", {}).why.startswith("torchvision's")
    assert usual("residuum", "resnet50", {}) is None
    assert usual("weiaicunzai2", "resnet18", {}) is None


@pytest.mark.parametrize(
    ("to", "side", "resize", "mean", "way"),
    [
        ("torchvision", 224, 256, IMAGENET, "bilinear"),
        ("torchvision", 384, 384, IMAGENET, "bicubic"),
        ("timm", 224, 248, HALF, "bicubic"),
        ("timm", 48, 48, HALF, "bicubic"),
        ("huggingface", 64, 0, HALF, "bilinear"),
    ],
)
def test_a_transformers_positions_decide(to, side, resize, mean, way, tmp_path):
    model = residuum.create_model("vit", depth=1, width=64, heads=1, image_size=side, num_classes=3)
    residuum.save(model, tmp_path / "own.safetensors")
    convert(tmp_path / "own.safetensors", to, tmp_path / "w.pth")
    found = residuum.load(tmp_path / "w.pth").description.preprocessing
    assert found == residuum.Preprocessing((side, side), (mean, *found.mean[1:]), found.std, resize, way)


def test_a_processor_of_another_size_than_the_positions_is_refused(tmp_path):
    model = residuum.create_model("vit", depth=1, width=64, heads=1, image_size=48, num_classes=3)
    residuum.save(model, tmp_path / "own.safetensors")
    convert(tmp_path / "own.safetensors", "huggingface", tmp_path / "folder")
    processor = tmp_path / "folder" / "preprocessor_config.json"
    processor.write_text(json.dumps({"image_processor_type": "ViTImageProcessor", "size": 224}))
    with pytest.raises(
        InputError, match=r"takes images of 48 x 48 pixels, but the configuration beside them says 224 x 224"
    ):
        residuum.load(tmp_path / "folder")
    processor.write_text(json.dumps({"feature_extractor_type": "ViTFeatureExtractor", "size": 48, "resample": 3}))
    assert residuum.load(tmp_path / "folder").description.preprocessing == residuum.Preprocessing(
        (48, 48), (HALF,) * 3, (HALF,) * 3, 0, "bicubic"
    )


def test_timms_transformer_made_for_another_size_is_shown_that_size(tmp_path):
    torch.manual_seed(0)
    theirs = timm.create_model("vit_tiny_patch16_224", img_size=32, num_classes=3).eval()
    save_for_hf(theirs, tmp_path, model_args={"img_size": 32})
    ours = residuum.load(tmp_path)
    assert ours.description.model == "vit_tiny"
    assert ours.description.preprocessing == residuum.Preprocessing((32, 32), (HALF,) * 3, (HALF,) * 3, 35, "bicubic")
    images = torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        ({"pretrained_cfg": {"input_size": [3, 224, 224]}, "model_args": {"img_size": 64}}, [3, 64, 64]),
        ({"pretrained_cfg": {"input_size": [3, 224, 224]}, "model_args": {"img_size": [48, 64]}}, [3, 48, 64]),
        ({"architecture": "resnet18", "input_size": [3, 96, 96]}, [3, 96, 96]),
        (
            {"architecture": "resnet18", "pretrained_cfg": {"input_size": [3, 96, 96], "test_input_size": 7}},
            [3, 96, 96],
        ),
    ],
)
def test_the_size_that_a_network_was_made_for_counts(config, shape):
    assert list(pretrained_cfg(config)["input_size"]) == shape


def test_a_fixed_crop_of_one_and_a_gray_image_are_read():
    cfg = {"input_size": [1, 28, 28], "mean": [0.13], "std": [0.31], "crop_pct": 1, "interpolation": "bilinear"}
    found = timm_preprocessing(cfg)
    assert found == residuum.Preprocessing((28, 28), (0.13,), (0.31,), 28, "bilinear")
