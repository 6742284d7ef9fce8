"""The network: its errors, its classifier, its feature maps, its initial weights."""

import pytest
import torch
from torch import nn

from residuum.errors import InputError
from residuum.nn import (
    SHORTCUT_KINDS,
    Block,
    FeatureMaps,
    Network,
    SqueezeExcite,
    basic_branch,
    cifar_stem,
    deep_stem,
    imagenet_stem,
    kaiming,
    option_b,
    pooled_head,
    squeezed,
    zero_gamma,
)
from residuum.nn.joints import pick_joint


def block(before, after, stride):
    return Block(basic_branch(before, after, stride), shortcut=option_b(before, after, stride), activation=nn.ReLU())


def network(stem=cifar_stem, min_size=1):
    stages = [nn.Sequential(block(4, 4, 1)), nn.Sequential(block(4, 6, 2))]
    return Network(stem(3, 4), stages, pooled_head(6, 5), num_features=6, min_size=min_size).eval()


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 1, 8, 8), (2, 8, 8, 3)])
def test_images_of_another_shape(shape):
    with pytest.raises(InputError, match=r"images must have the shape \[N, 3, H, W\], got \[.*\]; add the batch"):
        network()(torch.randn(shape))


@pytest.mark.parametrize("size", [(15, 16), (16, 15), (0, 16)])
def test_images_too_small(size):
    model = network(min_size=16)
    assert model(torch.randn(1, 3, 16, 16)).shape == (1, 5)
    with pytest.raises(InputError, match=rf"at least 16 x 16 pixels, got {size[0]} x {size[1]}; enlarge them"):
        model(torch.randn(1, 3, *size))


def test_negative_number_of_classes():
    with pytest.raises(InputError, match=r"num_classes must be 0 \(features\) or more, got -1"):
        network().reset_classifier(-1)


def test_reset_classifier_keeps_type_and_device():
    model = network().double()
    model.reset_classifier(3)
    assert model.head.fc.weight.dtype == torch.float64
    assert model(torch.randn(1, 3, 8, 8, dtype=torch.float64)).shape == (1, 3)


def test_feature_maps_are_what_the_stages_return():
    model = network(imagenet_stem)
    maps = FeatureMaps(model).eval()
    images = torch.randn(2, 3, 32, 32)
    stem = model.stem.act(model.stem.norm(model.stem.conv(images)))
    first = model.stages[0](model.stem(images))
    expected = [stem, first, model.stages[1](first)]
    got = maps(images)
    assert len(got) == 3 and all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))
    assert maps.feature_info.channels() == [4, 4, 6]
    assert maps.feature_info.reduction() == [2, 4, 8]
    assert maps.feature_info.module_name() == ["stem.act", "stages.0", "stages.1"]
    assert maps.feature_info[2] == maps.feature_info.get_dicts()[-1]
    assert maps.state_dict().keys() == {key for key in model.state_dict() if not key.startswith("head.")}


@pytest.mark.parametrize("training", [False, True])
def test_measuring_the_maps_touches_neither_statistics_nor_mode(training):
    model = network().train(training)
    maps = FeatureMaps(model)
    assert {module.training for module in [*model.modules(), *maps.modules()]} == {training}
    assert model.stem.norm.num_batches_tracked == 0
    assert not next(maps.parameters()).is_meta


@pytest.mark.parametrize(
    ("indices", "names"), [([-1], ["stages.1"]), ((2, 0), ["stem.act", "stages.1"]), ([0], ["stem.act"])]
)
def test_chosen_maps(indices, names):
    maps = FeatureMaps(network(imagenet_stem), indices)
    assert maps.feature_info.module_name() == names
    assert len(maps(torch.randn(1, 3, 16, 16))) == len(names)
    assert len(maps.stages) == (0 if names == ["stem.act"] else 2)


@pytest.mark.parametrize("indices", [[3], [-4], []])
def test_maps_that_are_not_there(indices):
    with pytest.raises(InputError, match=r"out_indices must name maps 0 to 2 \(or -1 to -3\), got"):
        FeatureMaps(network(imagenet_stem), indices)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_kaiming_draws_two_over_the_fan(mode):
    conv = nn.Conv2d(64, 256, 3)
    fan = 9 * (64 if mode == "fan_in" else 256)
    assert kaiming(conv, mode).weight.std().item() == pytest.approx((2 / fan) ** 0.5, rel=0.02)


def test_zero_gamma_touches_only_the_last_norm_of_each_branch():
    model = zero_gamma(network())
    zeroed = {
        name for name, value in model.named_parameters() if value.ndim == 1 and "weight" in name and not value.any()
    }
    assert zeroed == {"stages.0.0.branch.norm2.weight", "stages.1.0.branch.norm2.weight"}


def test_squeeze_excite_scales_each_channel_by_one_number():
    part, x = SqueezeExcite(16), torch.rand(2, 16, 5, 5) + 0.1
    ratio = part(x) / x
    torch.testing.assert_close(ratio, ratio[:, :, :1, :1].expand_as(ratio))
    assert ((ratio > 0) & (ratio < 1)).all()
    assert list(dict(squeezed(basic_branch)(3, 8, 1).named_children()))[-1] == "se"


@pytest.mark.parametrize(("channels", "hidden"), [(64, 8), (256, 16), (512, 32), (2048, 128), (192, 16)])
def test_squeeze_excite_is_as_wide_as_timms(channels, hidden):
    assert SqueezeExcite(channels).fc1.out_channels == hidden


@pytest.mark.parametrize("stem", [imagenet_stem, deep_stem])
def test_imagenet_stems_divide_by_four(stem):
    assert stem(3, 8)(torch.randn(2, 3, 33, 64)).shape == (2, 8, 9, 16)


@pytest.mark.parametrize("name", SHORTCUT_KINDS)
@pytest.mark.parametrize("stride", [1, 2])
def test_the_six_kinds_of_shortcut(name, stride):
    joint, after = pick_joint(name), 4 * stride
    x = torch.randn(2, 4, 6, 6)
    whole = Block(basic_branch(4, after, stride), shortcut=joint.shortcut(4, after, stride),
                  merge=joint.merge(4, after, stride))  # fmt: skip
    assert whole(x).shape == (2, after, 6 // stride, 6 // stride)


def test_unknown_kind_of_shortcut():
    with pytest.raises(InputError, match=r"shortcut must be one of A, B, .*; did you mean exclusive_gating"):
        pick_joint("exclusive_gate")
