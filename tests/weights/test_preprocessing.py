"""How images are shown to foreign weights: the network decides, then what stands beside the file, then its source."""

import json

import numpy as np
import pytest
import timm
import torch
import transformers
from PIL import Image
from torchvision import models as peer
from transformers import ResNetConfig, ResNetForImageClassification

import residuum
from residuum.data.pixels import Normalise
from residuum.data.streaming import fitting
from residuum.errors import InputError
from residuum.weights import convert, examine
from residuum.weights.processors import huggingface_preprocessing, huggingface_processor
from residuum.weights.timm_config import timm_preprocessing

NOISE = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)


def shown(preprocessing):
    """Return what a network receives of the noise."""
    pixels = torch.from_numpy(NOISE).permute(2, 0, 1)
    fit = fitting(preprocessing.size, preprocessing.resize, preprocessing.interpolation)
    return Normalise(preprocessing.mean, preprocessing.std)(fit(pixels)[None])


PROCESSORS = {
    "stretched": ("ViTImageProcessor", {"size": {"height": 40, "width": 48}}),
    "stretched, bicubic": ("ViTImageProcessor", {"size": 40, "resample": 3}),
    "ConvNext": ("ConvNextImageProcessor", {"size": {"shortest_edge": 48}, "crop_pct": 0.8}),
    "ConvNext of 384": ("ConvNextImageProcessor", {"size": 384, "resample": 2}),
    "Bit": ("BitImageProcessor", {"size": {"shortest_edge": 64}, "crop_size": {"height": 56, "width": 48}}),
    "CLIP": ("CLIPImageProcessor", {"size": 50, "crop_size": 40, "image_mean": [0.1, 0.2, 0.3]}),
    "Levit": ("LevitImageProcessor", {"size": {"shortest_edge": 56}, "crop_size": 48}),
    "MobileNetV2": ("MobileNetV2ImageProcessor", {"size": 64, "crop_size": 56}),
    "EfficientNet": ("EfficientNetImageProcessor", {"size": 40, "image_std": [0.5, 0.6, 0.7]}),
    "an offset": ("EfficientNetImageProcessor", {"size": 40, "rescale_offset": True, "rescale_factor": 1 / 127.5}),
    "not normalised": ("ConvNextImageProcessor", {"size": 48, "do_normalize": False}),
    "not rescaled": ("ViTImageProcessor", {"size": 40, "do_rescale": False, "image_mean": [100.0] * 3}),
    "another scale": ("ViTImageProcessor", {"size": 40, "rescale_factor": 1 / 128}),
    "-1 to 1 by the mean": ("ViTImageProcessor", {"size": 40, "rescale_factor": 1 / 127.5, "image_mean": [1.0] * 3}),
    "0 to 2": ("ViTImageProcessor", {"size": 40, "rescale_factor": 1 / 127.5, "do_normalize": False}),
    "levels": ("BitImageProcessor", {"size": 64, "crop_size": 48, "do_rescale": False, "do_normalize": False}),
    "a crop that nobody asks for": ("ViTImageProcessor", {"size": 40, "crop_size": 32}),
}


@pytest.mark.parametrize("case", PROCESSORS)
def test_a_processor_is_read_as_transformers_computes_it(case):
    kind, changes = PROCESSORS[case]
    theirs = getattr(transformers, kind)(**changes)
    expected = theirs(Image.fromarray(NOISE), return_tensors="pt")["pixel_values"]
    found, title = huggingface_preprocessing({"image_processor_type": kind, **changes})
    assert title == kind
    level = 1 / (255 * min(found.std))
    assert (shown(found) - expected).abs().max() <= 1.01 * level
    written = json.loads(json.dumps(theirs.to_dict(), default=int))
    assert huggingface_preprocessing(written)[0] == found


@pytest.mark.parametrize("suffix", ["FeatureExtractor", "ImageProcessorFast"])
def test_old_and_fast_names_are_the_same_processor(suffix):
    key = "feature_extractor_type" if suffix == "FeatureExtractor" else "image_processor_type"
    found, _ = huggingface_preprocessing({key: f"ViT{suffix}", "size": 40})
    assert found == residuum.Preprocessing((40, 40), (0.5,) * 3, (0.5,) * 3)


REFUSED = {
    "an unknown processor": ({"image_processor_type": "OwlViTImageProcessor"}, r"one of ConvNext, .*'OwlViTImage"),
    "not resized": ({"do_resize": False}, r'"do_resize" must be true, got false'),
    "lanczos": ({"size": 224, "resample": 1}, r'"resample" must be 2 \(bilinear\), .*, got 1 \(lanczos\)'),
    "nearest": ({"size": 224, "resample": 0}, r'"resample" must be 2 \(bilinear\), .*, got 0 \(nearest\)'),
    "box": ({"size": 224, "resample": 4}, r'"resample" must be .*, got 4 \(box\)'),
    "hamming": ({"size": 224, "resample": 5}, r'"resample" must be .*, got 5 \(hamming\)'),
    "a word": ({"size": 224, "resample": "cubic"}, r'"resample" must be .*, got \'cubic\' \(unknown\)'),
    "flipped channels": ({"do_flip_channel_order": True}, r'"do_flip_channel_order" must be absent or false, got True'),
    "padding": ({"size": 224, "do_pad": True}, r'"do_pad" must be absent or false, got True'),
    "another key": ({"size": 224, "do_sharpen": 3}, r'"do_sharpen" must be absent or false, got 3'),
    "a longest edge": ({"size": {"longest_edge": 224}}, r"shortest_edge, or height and width, got longest_edge"),
    "a crop of a stretched image": (
        {"image_processor_type": "DeiTImageProcessor"},
        r'"crop_size" must be "size" where that stretches, got \(224, 224\) of \(256, 256\)',
    ),
    "a crop with a margin": (
        {"image_processor_type": "BitImageProcessor", "size": 200, "crop_size": 224},
        r'"crop_size" must be at most the shorter side 200, got 224 x 224',
    ),
    "no crop": (
        {"image_processor_type": "BitImageProcessor", "do_center_crop": False},
        r'"size" of a shorter side \(224\) needs "do_center_crop", got False',
    ),
    "a mean of words": ({"size": 224, "image_mean": "bright"}, r'"image_mean" must be a number for each channel'),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_key_that_is_not_understood_is_refused_by_name(case):
    content, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        huggingface_preprocessing(content)


def test_what_is_written_for_transformers_is_read_back():
    for given in (
        residuum.Preprocessing((40, 48), (0.1, 0.2, 0.3), (0.5,) * 3),
        residuum.Preprocessing((224, 224), (0.5,) * 3, (0.5,) * 3, 235, "bicubic"),
        residuum.Preprocessing((384, 384), (0.5,) * 3, (0.5,) * 3, 440),
    ):
        assert huggingface_preprocessing(huggingface_processor(given))[0] == given


@pytest.mark.parametrize(
    "changes",
    [{}, {"crop_pct": 0.95}, {"interpolation": "bilinear"}, {"crop_mode": "squash", "crop_pct": 1.0}, {"mean": None}],
)
def test_timms_configuration_is_read_as_timm_computes_it(changes):
    cfg = {"input_size": (3, 48, 48), "std": [0.3, 0.4, 0.5], "test_input_size": (3, 64, 64), **changes}
    config = timm.data.resolve_data_config(pretrained_cfg=cfg)
    expected = timm.data.create_transform(**config)(Image.fromarray(NOISE))
    found = timm_preprocessing(cfg)
    assert (shown(found) - expected).abs().max() <= 1.01 / (255 * min(found.std))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"interpolation": "random"}, r'"interpolation" must be one of bilinear, bicubic, got \'random\''),
        ({"crop_mode": "border"}, r'"crop_mode" must be center, or squash of crop_pct 1, got \'border\''),
        ({"crop_mode": "squash"}, r"got 'squash' of crop_pct 0.875"),
        ({"input_size": [3, 224]}, r'"input_size" must be channels, height and width, got'),
        ({"input_size": [3, 224, 192]}, r'"input_size" must be square for a centre crop'),
        ({"input_size": [1, 224, 224]}, r'"mean" and "std" must have 1 numbers, got 3 and 3'),
    ],
)
def test_timms_keys_that_are_not_understood_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        timm_preprocessing({"input_size": [3, 224, 224], **changes})


@pytest.fixture
def folder(tmp_path):
    config = ResNetConfig(
        depths=[2, 2, 2, 2], layer_type="basic", hidden_sizes=[64, 128, 256, 512], embedding_size=64, num_labels=3
    )
    ResNetForImageClassification(config).save_pretrained(tmp_path)
    return tmp_path


def edit(path, **changes):
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | changes))


def test_a_refused_processor_is_named_reported_and_overridden(folder):
    edit(folder / "preprocessor_config.json", size=224, resample=1)
    with pytest.raises(InputError, match=r'preprocessor_config.json: "resample" must be .*`residuum convert'):
        residuum.load(folder)
    found = examine(folder)
    assert (found.model, found.description.preprocessing) == ("resnet18", None)
    assert any('"resample" must be' in line for line in found.odd)
    given = residuum.Preprocessing((64, 64), (0.5,) * 3, (0.5,) * 3, 72, "bicubic")
    assert residuum.load(folder, preprocessing=given).description.preprocessing == given
    convert(folder, "safetensors", folder / "own.safetensors", given)
    assert residuum.load(folder / "own.safetensors").description.preprocessing == given


def test_class_names_follow_their_numbers(folder):
    edit(folder / "config.json", id2label={"2": "c", "0": "a", "1": "b"}, label2id={"a": 0, "b": 1, "c": 2})
    assert residuum.load(folder).description.classes == ["a", "b", "c"]
    edit(folder / "config.json", id2label=None, label2id={"b": 1, "c": "2", "a": 0})
    assert residuum.load(folder).description.classes == ["a", "b", "c"]
    edit(folder / "config.json", id2label={"0": "a", "1": "b", "2": "c"}, label2id={"a": 1, "b": 0, "c": 2})
    with pytest.raises(
        InputError, match=r'config.json: "id2label" and "label2id" must have the same order, got two orders'
    ):
        residuum.load(folder)
    edit(folder / "config.json", id2label={"1": "a", "2": "b", "3": "c"}, label2id={})
    with pytest.raises(InputError, match=r'"id2label" must number the classes from 0 on, got \[1, 2, 3\]'):
        residuum.load(folder)


@pytest.mark.parametrize(
    ("key", "value"), [("hidden_act", "gelu"), ("downsample_in_first_stage", True), ("depths", [3, 4, 6, 3])]
)
def test_a_configuration_of_another_network_is_refused(key, value, folder):
    edit(folder / "config.json", **{key: value})
    with pytest.raises(InputError, match=rf'config.json says "{key}" is .*, but resnet18 of these tensors has'):
        residuum.load(folder)


def cifar_under_torchvisions_names(path, shortcut, classes):
    network = residuum.create_model("cifar_resnet", depth=8, shortcut=shortcut, num_classes=classes)
    residuum.save(network, path / "own.safetensors")
    convert(path / "own.safetensors", "torchvision", path / "w.pth")
    return residuum.load(path / "w.pth").description


@pytest.mark.parametrize(
    ("shortcut", "classes", "size", "mean", "why"),
    [
        ("A", 10, 32, 0.485, "the published CIFAR ResNets': 32 pixels, ImageNet mean and std"),
        ("B", 10, 32, 0.4914, "no resize and crop, CIFAR-10's mean and std"),
        ("B", 100, 32, 0.5070, "no resize and crop, CIFAR-100's mean and std"),
        ("C", 200, 64, 0.485, "64 pixels, no resize and crop, ImageNet's, as for Tiny ImageNet: mean and std"),
    ],
)
def test_a_network_for_small_images_is_shown_its_own_size(shortcut, classes, size, mean, why, tmp_path):
    told = cifar_under_torchvisions_names(tmp_path, shortcut, classes)
    assert (told.preprocessing.size, told.preprocessing.resize) == ((size, size), 0)
    assert told.preprocessing.mean[0] == mean
    assert f"assumed: preprocessing as {why}" in told.provenance or why in told.provenance
    assert (told.classes[:1] == ["airplane"]) == (classes == 10)


def test_images_in_memory_are_resized_and_cropped_as_files_are():
    from residuum.data.dataset import ArrayImages
    from residuum.data.loaders import EvaluationLoader

    pixels = torch.from_numpy(NOISE).permute(2, 0, 1)[None].contiguous()
    loader = EvaluationLoader(ArrayImages(pixels, torch.zeros(1, dtype=torch.long)), 4, (32, 32), 40)
    ((batch, _),) = loader
    assert torch.equal(batch[0], fitting((32, 32), 40)(pixels[0]))


def test_an_interpolation_is_kept_in_files_and_refused_where_unknown(tmp_path):
    model = residuum.create_model("cifar_resnet", depth=8)
    model.description.preprocessing = residuum.Preprocessing((32, 32), (0.5,) * 3, (0.5,) * 3, 36, "bicubic")
    residuum.save(model, tmp_path / "a.safetensors")
    assert residuum.load(tmp_path / "a.safetensors").description.preprocessing.interpolation == "bicubic"
    with pytest.raises(InputError, match=r"interpolation must be one of bilinear, bicubic, got 'bicubi'; did you mean"):
        residuum.Preprocessing((32, 32), (0.5,), (0.5,), 0, "bicubi")


def test_float64_beyond_float32_is_refused(tmp_path):
    state = {name: value.double() for name, value in peer.resnet18(num_classes=2).state_dict().items()}
    state["fc.bias"][0] = 1e300
    state = {name: value.long() if "num_batches" in name else value for name, value in state.items()}
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"head.fc.bias must hold numbers of float32's range, got 1e\+300"):
        residuum.load(tmp_path / "w.pth")
