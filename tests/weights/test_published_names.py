"""Published names of networks: each is the recognised one, or it is refused."""

import json

import pytest
import torch

import residuum
from residuum.errors import InputError
from residuum.models import Description
from residuum.weights import convert
from residuum.weights.architectures import Named, check_named
from residuum.weights.recognise_transformers import transformers
from residuum.weights.transformer_facts import Facts

OWN = {
    "gluon_resnet50_v1b": ("resnet50", {}),
    "gluon_resnet101_v1d": ("resnet101d", {}),
    "timm/ssl_resnext101_32x8d": ("resnext101_32x8d", {}),
    "swsl_resnet18": ("resnet18", {}),
    "gluon_seresnext50_32x4d": ("seresnext50_32x4d", {}),
    "ecaresnet50t.ra2_in1k": ("ecaresnet50t", {}),
    "seresnet50.a1_in1k": ("seresnet50", {}),
    "resnet14t.c3_in1k": ("resnet14t", {"num_classes": 7}),
    "tv_densenet121": ("densenet121", {}),
    "resnetv2_50": ("preact_resnet50", {}),
    "vit_tiny_patch16_224.augreg_in21k": ("vit_tiny", {}),
    "vit_base_patch32_384": ("vit_base", {"patch_size": 32, "image_size": 384}),
    "vit_base_patch8_224_in21k": ("vit_base", {"patch_size": 8, "num_classes": 21843}),
    "vit_b_16": ("vit_base", {}),
    "vit_h_14": ("vit", {"depth": 32, "width": 1280, "heads": 16, "patch_size": 14}),
    "ViT-L/16": ("vit_large", {}),
    "ViT-B_16": ("vit_base", {}),
    "google/vit-large-patch32-384": ("vit_large", {"patch_size": 32, "image_size": 384}),
    "facebook/deit-small-patch16-224": ("vit_small", {}),
    "facebook/dino-vitb8": ("vit_base", {"patch_size": 8}),
    "dino_deits16": ("vit_small", {}),
}


@pytest.mark.parametrize("name", OWN)
def test_a_published_name_is_the_network_that_is_built_here(name):
    assert check_named(Named(name, "config.json", exact=True), Description(*OWN[name])) == ""


@pytest.mark.parametrize(
    ("name", "model", "message"),
    [
        ("resnetaa50d", ("resnet50d", {}), "names 'resnetaa50d', which is not built here: .* load as resnet50d"),
        ("seresnetaa50d", ("seresnet50", {}), "which is not built here"),
        ("ecaresnet50d_pruned", ("ecaresnet50d", {}), "which is not built here"),
        ("gluon_resnet50_v1s", ("resnet50d", {}), "which is not built here"),
        ("gluon_resnet50_v1c", ("resnet50", {}), "which is not built here"),
        ("resnet50d", ("resnet50", {}), "names 'resnet50d', but its tensors are of resnet50"),
        ("vit_base_patch16_clip_224", ("vit_base", {}), "which is not built here"),
        ("deit3_base_patch16_224", ("vit_base", {}), "which is not built here"),
        ("vit_base_patch32_224", ("vit_base", {}), "but its tensors are of vit_base"),
        ("deit_tiny_patch16_224", ("vit_small", {}), "but its tensors are of vit_small"),
        ("vit_h_14", ("vit", {"depth": 32, "width": 1280, "heads": 20, "patch_size": 14}), "its tensors are of vit"),
    ],
)
def test_another_networks_name_is_refused(name, model, message):
    with pytest.raises(InputError, match=message):
        check_named(Named(name, "config.json", exact=True), Description(*model))


def test_the_largest_transformer_has_wider_heads():
    shapes = {
        "stem.conv.weight": (1280, 3, 14, 14),
        "stem.places": (1, 257, 1280),
        "stages.0.0.branch.layer.qkv.weight": (3840, 1280),
    }
    ((builder, arguments),) = transformers(shapes, Facts())
    assert (builder, arguments["heads"], arguments["image_size"]) == ("vit", 16, 224)
    ((_, arguments),) = transformers(shapes, Facts(heads=20))
    assert arguments["heads"] == 20


@pytest.mark.parametrize(
    ("key", "value"), [("patch_size", 8), ("num_hidden_layers", 12), ("image_size", 224), ("hidden_act", "relu")]
)
def test_a_transformers_configuration_of_another_network_is_refused(key, value, tmp_path):
    model = residuum.create_model("vit", depth=1, width=64, heads=1, image_size=32, num_classes=3)
    residuum.save(model, tmp_path / "own.safetensors")
    convert(tmp_path / "own.safetensors", "huggingface", tmp_path / "folder")
    file = tmp_path / "folder" / "config.json"
    written = json.loads(file.read_text())
    file.write_text(json.dumps(written | {"image_size": [32, 32]}))  # height and width
    assert residuum.load(tmp_path / "folder").description.arguments["image_size"] == 32
    file.write_text(json.dumps(written | {key: value}))
    with pytest.raises(InputError, match=rf"{key}.*(but vit of these tensors has|got)"):
        residuum.load(tmp_path / "folder")


def test_masks_of_integers_beside_a_network_are_no_weights(tmp_path):
    residuum.save(
        residuum.create_model("gpt", depth=1, width=64, heads=1, vocabulary=11, length=8), tmp_path / "own.safetensors"
    )
    convert(tmp_path / "own.safetensors", "huggingface", tmp_path / "w.pth")
    state = torch.load(tmp_path / "w.pth", weights_only=True)
    mask = {"transformer.h.0.attn.bias": torch.ones(1, 1, 8, 8, dtype=torch.uint8)}  # as transformers wrote it
    torch.save(state | mask, tmp_path / "w.pth")
    assert residuum.load(tmp_path / "w.pth").description.arguments["vocabulary"] == 11
    torch.save(state | {"transformer.ln_f.weight": torch.ones(64, dtype=torch.int8)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"dense tensors of floats, got int8: transformer.ln_f.weight"):
        residuum.load(tmp_path / "w.pth")
