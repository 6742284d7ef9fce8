import json

import pytest
import torch

import residuum
from residuum.errors import InputError
from residuum.models import VARIANTS
from residuum.weights import read_tensors, write_safetensors
from residuum.weights.fit import shapes_of
from residuum.weights.recognise import candidates

TINY = {"depth": 8, "widths": (4, 8, 16)}
PREPROCESSING = residuum.Preprocessing((8, 8), (0.1, 0.2, 0.3), (1.0, 0.5, 0.25), resize=9)


def tiny(**arguments):
    return residuum.create_model("cifar_resnet", **TINY, **arguments).eval()


def test_a_file_gives_the_model_back_bit_for_bit(tmp_path):
    model = tiny(num_classes=3)
    for norm in (layer for layer in model.modules() if isinstance(layer, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_()
        norm.num_batches_tracked += 7
    residuum.save(
        model,
        tmp_path / "a.safetensors",
        classes=["a", "b", "ü"],
        preprocessing=PREPROCESSING,
        metrics={"top1": 91.5},
        licence="MIT",
        provenance="a test",
    )
    loaded = residuum.load(tmp_path / "a.safetensors")
    images = torch.randn(2, 3, 9, 7)
    assert not loaded.training
    assert torch.equal(loaded(images), model(images))
    assert all(
        torch.equal(a, b) for a, b in zip(loaded.state_dict().values(), model.state_dict().values(), strict=True)
    )
    told = loaded.description
    assert (told.model, told.arguments["depth"], told.classes) == ("cifar_resnet", 8, ["a", "b", "ü"])
    assert (told.preprocessing, told.metrics) == (PREPROCESSING, {"top1": 91.5})
    assert (told.licence, told.provenance) == ("MIT", "a test")


def test_the_same_content_gives_the_same_bytes(tmp_path):
    model = tiny()
    residuum.save(model, tmp_path / "one" / "a.safetensors", metrics={"b": 1.0, "a": 2.0})
    residuum.save(
        model.to(memory_format=torch.channels_last), tmp_path / "two.safetensors", metrics={"a": 2.0, "b": 1.0}
    )
    first, second = (tmp_path / "one" / "a.safetensors").read_bytes(), (tmp_path / "two.safetensors").read_bytes()
    assert first == second
    residuum.save(residuum.load(tmp_path / "two.safetensors"), tmp_path / "three.safetensors")
    assert (tmp_path / "three.safetensors").read_bytes() == first
    assert str(tmp_path).encode() not in first


def test_the_description_stands_in_the_metadata(tmp_path):
    residuum.save(tiny(), tmp_path / "a.safetensors", licence="CC0")
    tensors, metadata = read_tensors(tmp_path / "a.safetensors")
    told = json.loads(metadata["residuum"])
    assert (told["model"], told["licence"], told["version"], told["format"]) == (
        "cifar_resnet",
        "CC0",
        residuum.__version__,
        1,
    )
    assert "stages.1.0.branch.conv1.weight" in tensors


def test_a_new_last_layer_is_described(tmp_path):
    model = tiny(num_classes=4)
    model.description.classes = ["a", "b", "c", "d"]
    model.reset_classifier(2)
    residuum.save(model, tmp_path / "a.safetensors")
    loaded = residuum.load(tmp_path / "a.safetensors")
    assert (loaded.num_classes, loaded.description.classes) == (2, [])


def test_features_without_a_head_are_kept(tmp_path):
    model = tiny(num_classes=0)
    residuum.save(model, tmp_path / "a.safetensors")
    images = torch.randn(1, 3, 8, 8)
    assert torch.equal(residuum.load(tmp_path / "a.safetensors")(images), model(images))


def test_loading_draws_no_random_numbers(tmp_path):
    residuum.save(tiny(), tmp_path / "a.safetensors")
    before = torch.get_rng_state()
    residuum.load(tmp_path / "a.safetensors")
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_can_be_trained_after_loading(tmp_path):
    residuum.save(tiny(), tmp_path / "a.safetensors")
    model = residuum.create_model("cifar_resnet", weights=str(tmp_path / "a.safetensors"))
    assert model.training
    model(torch.randn(2, 3, 8, 8)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_bad_things_to_save_are_told(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(InputError, match=r"classes must name each of the 10 logits, got 2 names"):
        residuum.save(tiny(), path, classes=["a", "b"])
    with pytest.raises(InputError, match=r"expected a model made by residuum.create_model .* got a bare Linear"):
        residuum.save(torch.nn.Linear(1, 1), path)
    with torch.device("meta"):
        meta = tiny()
    with pytest.raises(InputError, match=r"must hold numbers, got 'stem.conv.weight' on the meta device"):
        residuum.save(meta, path)
    changed = tiny()
    changed.extra = torch.nn.Linear(1, 1)
    with pytest.raises(InputError, match=r"what its description builds \(cifar_resnet\).*\n.*unexpected: extra.weight"):
        residuum.save(changed, path)
    with pytest.raises(InputError, match=r"a description must hold texts, numbers, lists and dicts, got Out of range"):
        residuum.save(tiny(), path, metrics={"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_other_numbers_of_classes_are_told_how_to(tmp_path):
    path = str(tmp_path / "a.safetensors")
    residuum.save(tiny(), path)
    with pytest.raises(
        InputError, match=r"weights for 10 classes, got num_classes=5; leave num_classes out.*reset_cla"
    ):
        residuum.create_model("cifar_resnet", num_classes=5, weights=path)
    assert residuum.create_model("cifar_resnet", num_classes=10, weights=path).num_classes == 10


def test_another_model_than_the_files_is_told(tmp_path):
    path = str(tmp_path / "a.safetensors")
    residuum.save(tiny(), path)
    with pytest.raises(InputError, match=r"a.safetensors holds cifar_resnet, got 'cifar_plain'; name that"):
        residuum.create_model("cifar_plain", weights=path)
    with pytest.raises(InputError, match=r"must fit cifar_resnet20, \d+ entries do not:\n  missing: stages.0.1.branch"):
        residuum.create_model("cifar_resnet20", weights=path)
    with pytest.raises(InputError, match=r"no model is named 'resnet17'; did you mean resnet"):
        residuum.create_model("resnet17", weights=str(tmp_path / "absent"))


def test_a_run_folder_gives_its_best_weights(tmp_path):
    residuum.save(tiny(num_classes=2), tmp_path / "last.safetensors")
    assert residuum.load(tmp_path).num_classes == 2
    residuum.save(tiny(num_classes=3), tmp_path / "model.safetensors")
    assert residuum.load(tmp_path).num_classes == 3


def test_a_file_of_a_later_format_is_told(tmp_path):
    told = {"model": "cifar_resnet", "arguments": {}, "format": 99, "version": "9.1"}
    write_safetensors(tiny().state_dict(), tmp_path / "a.safetensors", {"residuum": json.dumps(told)})
    with pytest.raises(InputError, match=r"format 1 or older, got 99, written by Residuum 9.1; install a newer"):
        residuum.load(tmp_path / "a.safetensors")
    write_safetensors(tiny().state_dict(), tmp_path / "a.safetensors", {"residuum": "[]"})
    with pytest.raises(InputError, match=r"must describe its model, got metadata that does not parse"):
        residuum.load(tmp_path / "a.safetensors")


def test_what_strictness_leaves_out_is_said(tmp_path):
    model = tiny()
    state = model.state_dict()
    state["extra.weight"] = torch.ones(1)
    del state["stages.0.0.branch.norm1.bias"]
    write_safetensors(state, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=r"2 entries.*\n  missing: stages.0.0.branch.norm1.bias\n  unexpected: extra"):
        residuum.load(tmp_path / "a.safetensors")
    with pytest.warns(UserWarning, match=r"left out or left new\n  missing: stages.0.0.branch.norm1.bias\n  unexp"):
        loaded = residuum.load(tmp_path / "a.safetensors", strict=False)
    assert "2 entries left out" in loaded.description.provenance
    assert torch.equal(loaded.stem.conv.weight, model.stem.conv.weight)


# Models whose tensors another has too, name for name; the usual of the two is recognised.
TWINS = {
    "plain18": ("resnet18", {"num_classes": 7, "shortcut": "A"}),
    "plain34": ("resnet34", {"num_classes": 7, "shortcut": "A"}),
    "resnet50_v1": ("resnet50", {"num_classes": 7}),
    "resnet101_v1": ("resnet101", {"num_classes": 7}),
    "resnet152_v1": ("resnet152", {"num_classes": 7}),
    "fast_plain8": ("fast_resnet8", {"num_classes": 7}),
    "cifar_resnet110_stochastic": ("cifar_resnet110", {"num_classes": 7}),
}


# Files of sequence models and of those for one image size say themselves what they are; no other library's are guessed.
RECOGNISED = [
    name
    for name, row in VARIANTS.items()
    if "in_chans" in row.builder.__annotations__ and "image_size" not in row.builder.__annotations__
]


@pytest.mark.parametrize("name", RECOGNISED)
def test_every_image_variant_is_recognised_by_names_and_shapes_alone(name):
    with torch.device("meta"):
        state = residuum.create_model(name, num_classes=7).state_dict()
    found = next(candidates(shapes_of(state))).named()
    assert found == TWINS.get(name, (name.replace("cifar_plain", "cifar_resnet"), {"num_classes": 7}))
