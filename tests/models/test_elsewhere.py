"""What users of timm, torchvision and Hugging Face type: it works, or one line says what to type."""

import warnings

import pytest
import torch
from model_peers import on_meta
from torch import nn

import residuum
from residuum import create_model, list_models, load
from residuum.errors import InputError
from residuum.models import build, describe
from residuum.nn import DropPath
from residuum.weights.opening import names_weights


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ResNet-50", "no model is named 'ResNet-50'; it is resnet50 here"),
        ("resnet_50", "it is resnet50 here"),
        ("Wide-ResNet50-2", "it is wide_resnet50_2 here"),
        ("resnet56", "it is cifar_resnet56 here"),
        ("vit_b_16", "it is vit_base here"),
        ("vit_tiny_patch16_224", "it is vit_tiny here"),
        ("bert-base-uncased", "it is bert_base here"),
        (
            "resnet50.a1_in1k",
            r"published weights: --weights timm:resnet50.a1_in1k, .*; new weights: resnet50",
        ),
        ("timm/resnet50.a1_in1k", r"residuum.load\('timm:resnet50.a1_in1k'\)"),
        ("microsoft/resnet-50", r"residuum.load\('hf://microsoft/resnet-50'\); new weights: resnet50"),
        ("hf-hub:nobody/something", r"residuum.load\('hf://nobody/something'\)"),
        ("hf_hub:timm/vgg16.tv_in1k", r"residuum.load\('timm:vgg16.tv_in1k'\)"),
        ("https://huggingface.co/microsoft/resnet-18", r"residuum.load\('hf://microsoft/resnet-18'\)"),
        (
            "torchvision:resnet50",
            r"it names weights: --weights .*, in Python residuum.load\('torchvision:resnet50'\)",
        ),
        ("resnett50", "did you mean .*resnet50"),
    ],
)
def test_a_name_in_another_spelling(name, says):
    with pytest.raises(InputError, match=says):
        create_model(name)


def test_a_name_that_is_no_text():
    with pytest.raises(InputError, match="a model's name must be text, got int"):
        create_model(50)


def test_a_run_in_a_names_place(tmp_path):
    with pytest.raises(InputError, match=r"it is a file or folder: --weights .*, in Python residuum.load\('"):
        create_model(str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"pretrained": True}, "say whose weights: weights='torchvision:resnet18' or 'timm:resnet18'"),
        ({"drop_rate": 0.2}, "these networks have no dropout before the classifier"),
        ({"in_channels": 1}, "in_channels is in_chans here"),
        ({"num_labels": 3}, "num_labels is num_classes here"),
        ({"zero_init_residual": True}, "zero_init_residual is zero_gamma here"),
        ({"stochastic_depth_prob": 0.1}, "stochastic_depth_prob is stochastic_depth here"),
        ({"global_pool": "max"}, r"global_pool must be 'avg', .* got 'max'; .* model.forward_features\(images\)"),
        ({"num_clases": 3}, "got num_clases; did you mean num_classes"),
        ({"drop_path_rate": 0.1, "stochastic_depth": 0.1}, "one method in two conventions; give one of them"),
        ({"checkpoint_path": "a.pth", "weights": "b.pth"}, "checkpoint_path is weights, as timm calls it; give one"),
        ({"weights": "IMAGENET1K_V2"}, "torchvision's weights are named torchvision:resnet18.IMAGENET1K_V2"),
        ({"weights": "DEFAULT"}, "torchvision's weights are named torchvision:resnet18, or "),
        ({"weights": "ResNet18_Weights.IMAGENET1K_V1"}, "torchvision:resnet18.IMAGENET1K_V1"),
        ({"weights": "a.pth", "pretrained": True}, "pretrained=True and weights='a.pth' exclude each other"),
    ],
)
def test_an_argument_of_another_library(arguments, says):
    with pytest.raises(InputError, match=says):
        create_model("resnet18", **arguments)


def test_a_drop_path_rate_that_leaves_nothing():
    with pytest.raises(InputError, match="a drop probability must be at least 0 and below 1, got 1.0"):
        create_model("cifar_resnet", depth=8, drop_path_rate=1.0)


def test_dropout_is_named_where_the_family_has_it():
    with pytest.raises(InputError, match="got drop_rate; write dropout="):
        create_model("vgg11", drop_rate=0.3)


def test_a_pool_that_the_family_does_not_have():
    with pytest.raises(InputError, match="vgg11 has no mean over positions before its classifier"):
        on_meta(create_model, "vgg11", global_pool="avg")


def test_what_changes_nothing_is_taken():
    model = on_meta(
        create_model, "cifar_resnet20", pretrained=False, drop_rate=0.0, drop_path_rate=None, checkpoint_path="",
        weights=None, global_pool="avg",
    )  # fmt: skip
    assert describe(model).arguments == {}


def test_drop_path_rate_is_stochastic_depth_image_by_image():
    model = create_model("cifar_resnet", depth=8, drop_path_rate=0.4)
    drops = [module.drop for module in model.modules() if isinstance(module, DropPath)]
    assert drops == pytest.approx([0.0, 0.2, 0.4])
    again = build(describe(model).model, **describe(model).arguments)
    assert again.state_dict().keys() == model.state_dict().keys() == build("cifar_resnet", depth=8).state_dict().keys()


def test_checkpoint_path_loads_the_file(tmp_path):
    model = create_model("cifar_resnet", depth=8)
    residuum.save(model, tmp_path / "a.safetensors")
    again = create_model("cifar_resnet", depth=8, checkpoint_path=tmp_path / "a.safetensors")
    assert torch.equal(again.head.fc.weight, model.head.fc.weight)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("resnet50", "resnet50 names a model without weights: say 'torchvision:resnet50' or 'timm:resnet50'"),
        (
            "cifar_resnet20",
            r"say FILE, 'timm:NAME' or 'hf://OWNER/NAME'; residuum.create_model\('cifar_resnet20'\) gives new ones",
        ),
        ("ResNet-50", "resnet50 names a model without weights"),
        ("microsoft/resnet-50", "published weights are named hf://microsoft/resnet-50"),
        ("hf-hub:nobody/something", "published weights are named hf://nobody/something"),
        ("resnet50.a1_in1k", "published weights are named timm:resnet50.a1_in1k"),
        ("ResNet50_Weights.IMAGENET1K_V2", "torchvision's weights are named torchvision:resnet50.IMAGENET1K_V2"),
        ("resnet50.pth", "no weights file resnet50.pth; this folder has no name like it"),
        ("nobody/something", "no weights file nobody/something; this folder has no folder nobody"),
        ("../resnet50", r"no weights file \.\./resnet50; \.\. has"),
        ("here/resnet-50", "no weights file here/resnet-50; here is empty"),  # a folder of that name is here
    ],
)
def test_weights_in_another_spelling(name, says, tmp_path, monkeypatch):
    (tmp_path / "empty" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(InputError, match=says):
        load(name)


def test_a_file_of_a_models_name_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    residuum.save(create_model("cifar_resnet", depth=8), "resnet50")
    assert names_weights("resnet50") and describe(load("resnet50")).model == "cifar_resnet"


def test_list_models_as_timm_has_it():
    assert list_models(filter="resnet1?") == list_models("resnet1?") == ["resnet18"]
    assert list_models(["resnet1?", "vgg16*"]) == ["resnet18", "vgg16", "vgg16_bn"]
    assert list_models(pretrained=False) == list_models()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"pretrained": True}, r"got pretrained=True; it lists what can be built; .*timm.list_pretrained\(\)"),
        ({"exclude_filters": "*_bn"}, "leave names out of the list it returns"),
        ({"colour": 3}, "list_models takes a pattern, got colour"),
        ({"pattern": "vgg", "filter": "resnet"}, "filter is the pattern, as timm calls it; give one"),
    ],
)
def test_what_list_models_does_not_have(arguments, says):
    with pytest.raises(InputError, match=says):
        list_models(**arguments)


def test_the_name_that_build_had_still_works():
    import residuum.models

    with pytest.warns(DeprecationWarning, match="residuum.models.create_model is residuum.models.build"):
        assert residuum.models.create_model is build
    with warnings.catch_warnings(), pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        residuum.models.nonsense  # noqa: B018


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("from_pretrained", r"residuum.load\('hf://OWNER/NAME'\)"),
        ("Trainer", "residuum.train_model"),
        ("get_model", "residuum.create_model"),
    ],
)
def test_a_function_of_another_library(name, says):
    with pytest.raises(AttributeError, match=says):
        getattr(residuum, name)


def test_the_classifier_of_fast_resnet_keeps_its_form(tmp_path):
    model = create_model("fast_resnet8")
    model.reset_classifier(3)
    assert isinstance(model.get_classifier(), nn.Linear) and model.get_classifier().bias is None
    residuum.save(model, tmp_path / "a.safetensors")
    assert load(tmp_path / "a.safetensors").num_classes == 3
