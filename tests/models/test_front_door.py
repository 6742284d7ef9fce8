"""create_model, list_models, the tables: what they accept, what they say when they do not."""

import pytest
from model_peers import on_meta

from residuum.errors import InputError
from residuum.models import BUILDERS, VARIANTS, create_model, describe, list_models


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
    with pytest.raises(InputError, match="depth must be one of 18, 34, 50, 101, 152, 200, got 19"):
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
