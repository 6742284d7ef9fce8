"""What holds for every image model: a new line in the table of families adds its tests here."""

import copy
import io

import pytest
import torch
from model_peers import on_meta
from test_golden_counts import ROWS
from torch import nn

from residuum import create_model
from residuum.errors import InputError
from residuum.models import BUILDERS, VARIANTS, describe

IMAGE_BUILDERS = [
    name
    for name, builder in BUILDERS.items()
    if "in_chans" in builder.__annotations__ and "image_size" not in builder.__annotations__
]
IMAGE_VARIANTS = [name for name, row in VARIANTS.items() if "in_chans" in row.builder.__annotations__]

# the smallest member of each family that has all its parts; a builder that is absent is tested as it comes
TINY = {
    "cifar_resnet": {"depth": 8, "shortcut": "B"},
    "cifar_plain": {"depth": 8},
    "resnet": {"depth": 18},
    "plain": {"depth": 18},
    "cifar_preact_resnet": {"depth": 20},
    "preact_resnet": {"depth": 18},
    "preact_resnet_cifar": {"depth": 18},
    "resnext": {"depth": 50, "groups": 4, "base_width": 8},
    "wide_resnet": {"depth": 50, "widen": 1},
    "cifar_wide_resnet": {"depth": 10, "widen": 2},
    "seresnet": {"depth": 18},
    "seresnext": {"depth": 50, "groups": 4, "base_width": 8},
    "resnet_cifar": {"depth": 18},
    "ecaresnet": {"depth": 10},
    "resnet_gn": {"depth": 10},
    "bit_resnet": {"depth": 14},
    "resnet_d": {"depth": 18},
    "cifar_highway": {"depth": 8},
    "densenet": {"depth": 121},
    "cifar_densenet": {"depth": 10},
    "cifar_densenet_bc": {"depth": 16},
    "vgg": {"depth": 11, "hidden": 16},
    "vgg_bn": {"depth": 11, "hidden": 16},
    "alexnet": {"hidden": 16},
    "highway_mlp": {"depth": 4, "in_chans": 3, "image_size": 64},
    "skip_mlp": {"depth": 6, "in_chans": 3, "image_size": 64, "wiring": "dense"},
    "skip_mlp_bn": {"depth": 6, "in_chans": 3, "image_size": 64, "wiring": "learnt"},
    "lstm_classifier": {"in_chans": 3, "image_size": 64, "width": 8},
    "efficientnet": {"stochastic_depth": 0.0},
    "efficientnet_lite": {"stochastic_depth": 0.0},
    "mobilenet_v2": {"width": 0.35},
    "regnet_x": {"size": "200mf"},
    "regnet_y": {"size": "200mf"},
    "convnext": {"stochastic_depth": 0.0, "scale": 0.1},
    "vit": {"depth": 2, "image_size": 64},
}
SIZE = 64
COUNTED = {row["model"] for row in ROWS}


def tiny(name, **arguments):
    return create_model(name, **{**TINY.get(name, {}), "num_classes": 5, **arguments})


@pytest.fixture(params=IMAGE_BUILDERS, scope="module")
def built(request):
    """A builder's name and its tiny model in evaluation mode; tests must not change it."""
    torch.manual_seed(0)
    return request.param, tiny(request.param).eval()


@pytest.mark.parametrize("name", IMAGE_VARIANTS)
def test_every_variant_on_the_meta_device(name):
    model = on_meta(create_model, name, num_classes=7, in_chans=2)
    size = VARIANTS[name].image_size
    assert all(parameter.is_meta for parameter in model.parameters())
    assert model.num_classes == 7
    if name not in COUNTED:  # what the golden table names passes an image there
        assert model(torch.empty(3, 2, size, size, device="meta")).shape == (3, 7)


def test_forward_and_backward_reach_every_parameter(built):
    model = copy.deepcopy(built[1]).train()
    images = torch.randn(2, 3, SIZE, SIZE, requires_grad=True)
    logits = model(images)
    assert logits.shape == (2, 5)
    nn.functional.cross_entropy(logits, torch.tensor([0, 1])).backward()
    assert images.grad is not None and images.grad.abs().sum() > 0
    learning = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    missing = [name for name, p in learning if p.grad is None or not p.grad.isfinite().all()]
    assert not missing


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (2, 3, 71, 97), (3, 3, 65, 64)])
def test_any_size_and_a_batch_of_one(built, shape):
    with torch.no_grad():
        logits = built[1](torch.randn(shape))
    assert logits.shape == (shape[0], 5) and logits.isfinite().all()


def test_each_image_is_judged_alone(built):
    images = torch.randn(3, 3, SIZE, SIZE)
    with torch.no_grad():
        together = built[1](images)
        alone = torch.cat([built[1](image[None]) for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_channels_last_gives_the_same_logits(built):
    images = torch.randn(2, 3, SIZE, SIZE)
    model = copy.deepcopy(built[1]).to(memory_format=torch.channels_last)
    with torch.no_grad():
        got = model(images.to(memory_format=torch.channels_last))
        torch.testing.assert_close(got, built[1](images), rtol=1e-3, atol=1e-4)


def test_bfloat16(built):
    images = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        exact = built[1](images)
        half = copy.deepcopy(built[1]).bfloat16()(images.bfloat16())
        with torch.autocast("cpu", torch.bfloat16):
            mixed = built[1](images)
    assert half.dtype == torch.bfloat16
    for logits in (half.float(), mixed.float()):
        assert (logits - exact).norm() < 0.1 * exact.norm() + 0.02


def test_deepcopy_and_pickled_state_give_the_same_bits(built):
    name, model = built
    images = torch.randn(1, 3, SIZE, SIZE)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    fresh = tiny(name).eval()
    fresh.load_state_dict(torch.load(buffer, weights_only=True))
    with torch.no_grad():
        expected = model(images)
        assert torch.equal(copy.deepcopy(model)(images), expected)
        assert torch.equal(fresh(images), expected)
    assert describe(copy.deepcopy(model)) == describe(model)


def test_functional_call_uses_the_parameters_it_is_given(built):
    model, images = built[1], torch.randn(1, 3, SIZE, SIZE)
    zeros = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    with torch.no_grad():
        assert torch.func.functional_call(model, zeros, (images,)).abs().max() == 0
        assert model(images).abs().max() > 0


def test_hooks_on_every_module_that_runs(built):
    model = copy.deepcopy(built[1])
    forward, backward = set(), set()
    for name, module in model.named_modules():
        module.register_forward_hook(lambda *_, name=name: forward.add(name))
        module.register_full_backward_hook(lambda *_, name=name: backward.add(name))
    model(torch.randn(1, 3, SIZE, SIZE, requires_grad=True)).sum().backward()
    containers = (nn.ModuleList, nn.ModuleDict)  # they hold, and never run
    runs = {name for name, module in model.named_modules() if not isinstance(module, containers)}
    assert forward == backward == runs


def test_captum_attributes_the_difference_of_two_logits(built):
    attr = pytest.importorskip("captum.attr")
    model = copy.deepcopy(built[1])
    images = torch.randn(1, 3, SIZE, SIZE)
    saliency = attr.Saliency(model).attribute(images, target=1)
    assert saliency.shape == images.shape and saliency.sum() > 0
    convolution = [module for module in model.modules() if isinstance(module, nn.Conv2d)][-1]
    assert attr.LayerGradCam(model, convolution).attribute(images, target=1).shape[0] == 1


def test_export_computes_the_same(built):
    model, images = built[1], torch.randn(2, 3, SIZE, SIZE)
    program = torch.export.export(model, (images,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    for batch in (images, torch.randn(3, 3, SIZE, SIZE)):
        with torch.no_grad():
            torch.testing.assert_close(program.module()(batch), model(batch), rtol=1e-4, atol=1e-5)


def test_reset_classifier_changes_only_the_last_layer(built):
    name, model = built
    fresh = copy.deepcopy(model)
    fresh.reset_classifier(0)
    images = torch.randn(1, 3, SIZE, SIZE)
    with torch.no_grad():
        features = fresh(images)
        assert features.shape == (1, model.num_features) and fresh.num_classes == 0
        fresh.reset_classifier(9)
        assert fresh(images).shape == (1, 9) and fresh.num_classes == 9
    kept = {key: value for key, value in model.state_dict().items() if not key.startswith("head.fc.")}
    assert all(torch.equal(fresh.state_dict()[key], value) for key, value in kept.items())
    without = on_meta(tiny, name, num_classes=0)
    assert without.state_dict().keys() == kept.keys()


@pytest.mark.parametrize("in_chans", [1, 5])
def test_any_number_of_input_channels(built, in_chans):
    model = on_meta(tiny, built[0], in_chans=in_chans).eval()
    assert model(torch.empty(1, in_chans, SIZE, SIZE, device="meta")).shape == (1, 5)


def test_modules_are_named_by_the_grammar(built):
    names = [name for name, _ in built[1].named_parameters()]
    assert {name.split(".")[0] for name in names} <= {"stem", "stages", "head"}
    slots = {name.split(".")[3] for name in names if name.startswith("stages.")}
    assert "branch" in slots and slots <= {"shortcut", "branch", "merge", "activation"}


def test_feature_maps_agree_with_the_network(built):
    name, model = built
    maps = tiny(name, features_only=True).eval()
    kept = {key: value for key, value in model.state_dict().items() if not key.startswith("head.")}
    maps.load_state_dict(kept)
    images = torch.randn(2, 3, 128, 128)
    with torch.no_grad():
        features = maps(images)
        assert torch.equal(features[-1], model.forward_features(images))
    info = maps.feature_info
    assert [value.shape[1] for value in features] == info.channels()
    for value, reduction in zip(features, info.reduction(), strict=True):
        assert abs(value.shape[-1] - 128 / reduction) <= 1.5  # layers without padding lose a border
    assert info.reduction() == sorted(info.reduction())
    assert describe(maps).arguments["features_only"] is True
    last = tiny(name, features_only=True, out_indices=[-1])
    assert last.feature_info.get_dicts() == [info[-1]]


def test_the_smallest_image_that_the_strides_allow(built):
    model, smallest = on_meta(tiny, built[0]).eval(), built[1].min_size
    assert model(torch.empty(2, 3, smallest, smallest, device="meta")).shape == (2, 5)
    with pytest.raises(InputError, match=rf"at least {smallest} x {smallest} pixels, got {smallest} x {smallest - 1}"):
        model(torch.empty(2, 3, smallest, smallest - 1, device="meta"))
    model.min_size = 0
    with pytest.raises(RuntimeError):
        model(torch.empty(2, 3, smallest - 1, smallest - 1, device="meta"))


def test_channels_that_the_model_was_not_built_for(built):
    with pytest.raises(InputError, match=r"images must have the shape \[N, 3, H, W\], got \[1, 4, 64, 64\]"):
        built[1](torch.randn(1, 4, SIZE, SIZE))
