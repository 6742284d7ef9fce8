import pytest
import torch
from torchvision import models as peer
from transformers import ResNetForImageClassification

import residuum
from residuum.errors import InputError
from residuum.weights import convert, read_tensors


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def torchvision_file(tmp_path):
    model = peer.resnet18(num_classes=3).eval()
    torch.save(model.state_dict(), tmp_path / "w.pth")
    return tmp_path / "w.pth", model


@pytest.mark.parametrize("via", ["safetensors", "huggingface", "timm", "torchvision"])
@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_a_round_trip_is_bitwise(via, ending, torchvision_file, tmp_path):
    path, model = torchvision_file
    if via == "safetensors" and ending == ".pth":
        with pytest.raises(InputError, match=r"output must end in .safetensors for safetensors, got 'a.pth'"):
            convert(path, via, tmp_path / "a.pth")
        return
    there = convert(path, via, tmp_path / f"there{ending}")
    back = convert(there, "torchvision", tmp_path / "back.pth")
    assert same(torch.load(back, weights_only=True), model.state_dict())
    images = torch.randn(1, 3, 40, 40)
    assert torch.equal(residuum.load(there)(images), model(images))


def test_half_precision_keeps_its_bits(torchvision_file, tmp_path):
    path, model = torchvision_file
    torch.save(model.half().state_dict(), path)
    there = convert(path, "safetensors", tmp_path / "a.safetensors")
    back = convert(there, "torchvision", tmp_path / "back.pth")
    assert same(torch.load(back, weights_only=True), model.state_dict())


def test_our_description_travels_in_safetensors_of_any_names(tmp_path):
    model = residuum.create_model("resnet18", num_classes=2)
    residuum.save(model, tmp_path / "a.safetensors", classes=["cat", "dog"], licence="MIT", metrics={"top1": 99.0})
    there = convert(tmp_path / "a.safetensors", "huggingface", tmp_path / "b.safetensors")
    assert "resnet.embedder.embedder.convolution.weight" in read_tensors(there)[0]
    told = residuum.load(there).description
    assert (told.classes, told.licence, told.metrics) == (["cat", "dog"], "MIT", {"top1": 99.0})
    back = convert(there, "safetensors", tmp_path / "c.safetensors")
    assert back.read_bytes() == (tmp_path / "a.safetensors").read_bytes()


def test_the_same_content_gives_the_same_bytes(torchvision_file, tmp_path):
    for ending in (".pth", ".safetensors"):
        first = convert(torchvision_file[0], "timm", tmp_path / f"one{ending}")
        second = convert(torchvision_file[0], "timm", tmp_path / f"two{ending}")
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_transformers_reads_the_folder(name, tmp_path):
    model = residuum.create_model(name, num_classes=2).eval()
    preprocessing = residuum.Preprocessing((96, 96), (0.5,) * 3, (0.25,) * 3, 120)
    residuum.save(model, tmp_path / "a.safetensors", classes=["cat", "dog"], preprocessing=preprocessing)
    convert(tmp_path / "a.safetensors", "huggingface", tmp_path / "folder")
    theirs = ResNetForImageClassification.from_pretrained(tmp_path / "folder").eval()
    images = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(theirs(images).logits, model(images), rtol=1e-5, atol=1e-5)
    assert theirs.config.id2label == {0: "cat", 1: "dog"}
    told = residuum.load(tmp_path / "folder").description
    assert (told.model, told.classes, told.preprocessing) == (name, ["cat", "dog"], preprocessing)


def test_what_cannot_be_converted_is_told(torchvision_file, tmp_path):
    path, _ = torchvision_file
    with pytest.raises(InputError, match=r"to must be one of torchvision, .*, got 'torchvison'; did you mean torchvi"):
        convert(path, "torchvison", tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"output must end in .safetensors, .pth, .pt or .bin for timm, got 'a.onnx'"):
        convert(path, "timm", tmp_path / "a.onnx")
    tiny = residuum.create_model("cifar_resnet", depth=8)
    residuum.save(tiny, tmp_path / "tiny.safetensors")
    with pytest.raises(InputError, match=r"ResNetConfig describes resnet18 to resnet152 only, got cifar_resnet"):
        convert(tmp_path / "tiny.safetensors", "huggingface", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
