"""One member of each family as torchvision or timm writes it, without flags; and back again, bit for bit."""

import pytest
import timm
import torch
from model_peers import computed_widths
from torchvision import models as peer

import residuum
from residuum.weights import convert

TORCHVISION = {
    "resnext50_32x4d": "resnext50_32x4d",
    "wide_resnet50_2": "wide_resnet50_2",
    "densenet121": "densenet121",
    "alexnet": "alexnet",
    "vgg13_bn": "vgg13_bn",
    "efficientnet_b0": "efficientnet_b0",
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3_small": "mobilenet_v3_small",
    "mobilenet_v3_large": "mobilenet_v3_large",
    "regnet_x_400mf": "regnet_x_400mf",
    "regnet_y_400mf": "regnet_y_400mf",
    "convnext_tiny": "convnext_tiny",
}

TIMM = {
    "seresnet50": "seresnet50",
    "seresnext50_32x4d": "seresnext50_32x4d",
    "resnet50d": "resnet50d",
    "resnetv2_18": "preact_resnet18",
    "resnetv2_50": "preact_resnet50",
    "densenet121": "densenet121",
    "vgg11": "vgg11",
    "efficientnet_b0": "efficientnet_b0",
    "tf_efficientnet_lite1": "efficientnet_lite1",
    "mobilenetv2_100": "mobilenet_v2",
    "mobilenetv3_small_100": "mobilenet_v3_small",
    "regnetx_004": "regnet_x_400mf_paper",
    "regnety_002": "regnet_y_200mf",
    "convnext_tiny": "convnext_tiny",
}


@torch.no_grad()
def drawn(model):
    """Give every number a value of its own, of a size that keeps activations finite."""
    for name, value in model.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.0)
        elif value.is_floating_point() and value.ndim > 1:
            value.normal_(0, (2 / value[0].numel()) ** 0.5)
        elif value.is_floating_point():
            value.uniform_(0.5, 1.0) if name.endswith("weight") else value.normal_(0, 0.1)
    return model.eval()


def slim(model, first, second, last):
    """Make the hidden layers of AlexNet and VGG 16 wide; they hold most of the weights."""
    for layer, inside, outside in ((first, None, 16), (second, 16, 16), (last, 16, 5)):
        shape = (outside, inside or layer.weight.shape[1], *layer.weight.shape[2:])
        layer.weight = torch.nn.Parameter(torch.empty(shape, device="meta"))
        layer.bias = torch.nn.Parameter(torch.empty(outside, device="meta"))
    return model


# where the three fully connected layers stand
HIDDEN = {
    "vgg13_bn": ("classifier.0", "classifier.3", "classifier.6"),
    "alexnet": ("classifier.1", "classifier.4", "classifier.6"),
    "vgg11": ("pre_logits.fc1", "pre_logits.fc2", "head.fc"),
}


def assert_same_and_back(theirs, name, to, tmp_path, tolerance):
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    ours = residuum.load(tmp_path / "w.pth")
    told = {key: value for key, value in ours.description.arguments.items() if key not in ("hidden", "norm_eps")}
    assert (ours.description.model, told) == (name, {"num_classes": 5})
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=tolerance, atol=tolerance)
    there = convert(tmp_path / "w.pth", "safetensors", tmp_path / "there.safetensors")
    back = torch.load(convert(there, to, tmp_path / "back.pth"), weights_only=True)
    assert back.keys() == theirs.state_dict().keys()
    assert all(torch.equal(back[key], value) for key, value in theirs.state_dict().items())


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision_bit_for_bit(name, tmp_path):
    with torch.device("meta"), computed_widths():
        theirs = getattr(peer, name)(num_classes=5)
    theirs = slim(theirs, *map(theirs.get_submodule, HIDDEN[name])) if name in HIDDEN else theirs
    assert_same_and_back(drawn(theirs.to_empty(device="cpu")), TORCHVISION[name], "torchvision", tmp_path, 0)


@pytest.mark.parametrize("name", TIMM)
def test_timm(name, tmp_path):
    with torch.device("meta"):
        theirs = timm.create_model(name, num_classes=5)
    theirs = slim(theirs, *map(theirs.get_submodule, HIDDEN[name])) if name in HIDDEN else theirs
    assert_same_and_back(drawn(theirs.to_empty(device="cpu")), TIMM[name], "timm", tmp_path, 1e-5)


def test_torchvisions_first_densenet_files(tmp_path):
    theirs = drawn(peer.densenet121(num_classes=5))
    dotted = {}
    for name, value in theirs.state_dict().items():
        for kind in ("norm", "conv"):
            for number in "12":
                if "denselayer" in name:
                    name = name.replace(f".{kind}{number}.", f".{kind}.{number}.")
        dotted[name] = value
    torch.save(dotted, tmp_path / "w.pth")
    images = torch.randn(1, 3, 64, 64)
    assert torch.equal(residuum.load(tmp_path / "w.pth")(images), theirs(images))


def test_hugging_faces_stride_on_the_first_convolution(tmp_path):
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(downsample_in_bottleneck=True, num_labels=5)
    theirs = drawn(ResNetForImageClassification(config))
    theirs.save_pretrained(tmp_path)
    ours = residuum.load(tmp_path)
    assert ours.description.arguments["stride_on"] == "conv1"
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images).logits, rtol=1e-5, atol=1e-5)


def test_the_stride_that_tensors_cannot_show_is_said_and_overridable(tmp_path):
    torch.save(drawn(peer.resnet50(num_classes=5)).state_dict(), tmp_path / "w.pth")
    usual = residuum.load(tmp_path / "w.pth")
    first = residuum.load(tmp_path / "w.pth", stride_on="conv1")
    assert "assumed" in usual.description.provenance and "v1.5" in usual.description.provenance
    images = torch.randn(1, 3, 64, 64)
    assert not torch.equal(usual(images), first(images))
    assert torch.equal(
        residuum.create_model("resnet50_v1", weights=str(tmp_path / "w.pth")).eval()(images), first(images)
    )


def test_feature_maps_take_weights_without_the_head(tmp_path):
    theirs = drawn(peer.resnet18(num_classes=5))
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    maps = residuum.create_model("resnet18", weights=str(tmp_path / "w.pth"), features_only=True).eval()
    whole = residuum.load(tmp_path / "w.pth")
    images = torch.randn(1, 3, 64, 64)
    assert torch.equal(maps(images)[-1], whole.forward_features(images))
