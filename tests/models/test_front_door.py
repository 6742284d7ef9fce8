"""create_model, list_models, the tables: what they accept, what they say when they do not."""

import pytest
from model_peers import on_meta

from residuum import create_model
from residuum.compat import import_torchvision
from residuum.errors import InputError
from residuum.models import BUILDERS, VARIANTS, describe, list_models


def test_every_variant_belongs_to_a_builder_in_the_table_and_names_its_source():
    assert set(BUILDERS).isdisjoint(VARIANTS) or all(
        VARIANTS[n].builder is BUILDERS[n] for n in set(BUILDERS) & set(VARIANTS)
    )
    for name, row in VARIANTS.items():
        assert row.builder in BUILDERS.values(), name
        assert row.source, name


def test_unknown_names_get_the_nearest():
    with pytest.raises(InputError, match=r"no model is named 'resnet51'; did you mean .*resnet50"):
        create_model("resnet51")


def test_arguments_that_the_family_does_not_take():
    with pytest.raises(InputError, match=r"resnet18 takes depth, num_classes, .*; got colour"):
        create_model("resnet18", colour=3)


def test_a_variant_fixes_its_arguments():
    with pytest.raises(InputError, match=r"resnet18 fixes depth; build another with create_model\('resnet', ...\)"):
        create_model("resnet18", depth=34)
    assert describe(on_meta(create_model, "resnet18", depth=18)).arguments == {"depth": 18}


@pytest.mark.parametrize("arguments", [{"num_classes": -1}, {"in_chans": 0}])
def test_impossible_sizes(arguments):
    with pytest.raises(InputError, match=r"num_classes must be 0 \(features\) or more and in_chans 1 or more"):
        create_model("cifar_resnet20", **arguments)


@pytest.mark.parametrize("name", ["resnet", "plain"])
def test_imagenet_depths(name):
    with pytest.raises(InputError, match="depth must be one of 10, 14, 18, 26, 34, 50, 101, 152, 200, got 19"):
        create_model(name, depth=19)


def test_unknown_shortcut():
    with pytest.raises(InputError, match=r"shortcut must be one of A, B, C.* got 'Z'"):
        create_model("cifar_resnet20", shortcut="Z")


def test_list_models_by_pattern_and_by_word():
    assert list_models("resnet1?") == ["resnet18"]
    assert {"cifar_resnet20", "resnet50"} <= set(list_models("resnet"))
    assert list_models() == list(VARIANTS)


def test_description_builds_the_model_again():
    model = on_meta(create_model, "cifar_resnet20", num_classes=7, shortcut="B")
    again = on_meta(create_model, describe(model).model, **describe(model).arguments)
    assert again.state_dict().keys() == model.state_dict().keys()
    assert again.num_classes == 7


def test_out_indices_without_features_only():
    with pytest.raises(InputError, match=r"out_indices needs features_only=True, got out_indices=\[1\] without"):
        create_model("cifar_resnet20", out_indices=[1])


def test_feature_maps_are_described_so_that_they_can_be_built_again():
    maps = on_meta(create_model, "resnet18", features_only=True, out_indices=(1, 2))
    again = on_meta(create_model, describe(maps).model, **describe(maps).arguments)
    assert again.feature_info.get_dicts() == maps.feature_info.get_dicts()
    assert maps.feature_info.reduction() == [4, 8]


def test_resnet50_has_the_maps_that_timm_has():
    import_torchvision()
    timm = pytest.importorskip("timm")
    ours = on_meta(create_model, "resnet50", features_only=True).feature_info
    theirs = on_meta(timm.create_model, "resnet50", features_only=True).feature_info
    assert (ours.channels(), ours.reduction()) == (theirs.channels(), theirs.reduction())


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("cifar_preact_resnet", {"depth": 165}, r"depth must be 9n \+ 2 with this branch, got 165; try 164 or 173"),
        ("cifar_preact_resnet", {"branch": "wide"}, "branch must be one of basic, bottleneck, got 'wide'"),
        ("cifar_preact_resnet", {"shortcut": "C"}, "shortcut must be one of A, B, got 'C'"),
        ("cifar_preact_resnet", {"order": "none"}, "order must be one of original, .* got 'none'"),
        ("preact_resnet", {"stem": "fb"}, "stem must be one of timm, He16, got 'fb'"),
        ("preact_resnet", {"depth": 20}, "depth must be one of 10, 14, 18, 26, 34, 50, 101, 152, 200, got 20"),
        ("resnet", {"stride_on": "conv3"}, r"stride_on must be conv1 \(v1, He15\) or conv2 .* got 'conv3'"),
        ("resnext", {"depth": 18}, r"depth must be one of 14, 26, 50, 101, 152, 200 \(bottlenecks\), got 18"),
        ("wide_resnet", {"depth": 34}, r"depth must be one of 14, 26, 50, 101, 152, 200 \(bottlenecks\), got 34"),
        ("cifar_wide_resnet", {"depth": 20}, r"depth must be 6n \+ 4 .* got 20; try 16 or 22"),
        ("cifar_highway", {"depth": 21}, r"depth must be 3n \+ 2 .* got 21; try 20 or 23"),
        ("cifar_highway", {"gates": "open"}, "gates must be one of coupled, uncoupled, got 'open'"),
        ("cifar_highway", {"gate_bias": 0.0}, "gate_bias must be below 0, .* got 0.0; try -2"),
        ("densenet", {"depth": 100}, "depth must be one of 121, 161, 169, 201, got 100"),
        ("cifar_densenet", {"depth": 41}, r"depth must be 3n \+ 4 .* got 41; try 40 or 43"),
        ("cifar_densenet_bc", {"depth": 41}, r"depth must be 6n \+ 4 .* got 41; try 40 or 46"),
        ("vgg", {"depth": 12}, "depth must be one of 11, 13, 16, 19, got 12"),
        ("cifar_resnet", {"stochastic_depth": 1.5}, "a drop probability must be at least 0 and below 1, got 1.5"),
        ("cifar_resnet", {"norm": "group"}, "norm must be one of batch, layer, none, got 'group'"),
    ],
)
def test_arguments_that_do_not_fit(name, arguments, message):
    with pytest.raises(InputError, match=message):
        create_model(name, **arguments)
