from itertools import takewhile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import residuum
from residuum.models import VARIANTS
from residuum.weights.dialects import DIALECTS, TARGETS, spell, translate, unwrap
from residuum.weights.names import to_grammar, to_source

ROWS = [("stages.{s}.{b}.branch.conv{i}", "layer{s+1}.{b}.conv{i}"), ("head.{i+2}", "fc{i}")]


@given(st.integers(0, 99), st.integers(0, 2000), st.integers(0, 9))
def test_rows_read_both_ways(stage, block, number):
    ours = f"stages.{stage}.{block}.branch.conv{number}.weight"
    theirs = to_source(ROWS, ours)
    assert theirs == f"layer{stage + 1}.{block}.conv{number}.weight"
    assert to_grammar(ROWS, theirs) == ours


def test_a_row_gives_no_negative_number_and_no_half_match():
    assert to_grammar(ROWS, "layer0.1.conv1.weight") is None
    assert to_source(ROWS, "head.1.bias") is None
    assert to_source(ROWS, "head.2.bias") == "fc0.bias"
    assert to_grammar(ROWS, "xlayer1.0.conv1.weight") is None
    assert to_grammar(ROWS, "layer1.0.conv1x.weight") is None


@pytest.fixture(scope="module")
def every_key():
    """Return the names of every model but the deepest, which only repeat."""
    with torch.device("meta"):
        large = ("1202", "1001", "152", "200", "201", "250_k24", "0mf_paper", "2gf", "6gf", "4gf", "8gf")
        names = [name for name in VARIANTS if not name.endswith(large)]
        return {name: list(residuum.create_model(name).state_dict()) for name in names}


# dialect: a model that it has names for
SPELT = {
    "torchvision": "resnet50",
    "timm_deep": "resnet50d",
    "huggingface": "resnet50",
    "mm": "seresnet50",
    "cifar": "cifar_resnet20",
    "torchvision_densenet": "densenet121",
    "torchvision_densenet_old": "densenet121",
    "torchvision_alexnet": "alexnet",
    "torchvision_vgg16": "vgg16",
    "timm_vgg19_bn": "vgg19_bn",
    "torchvision_efficientnet": "efficientnet_b0",
    "timm_efficientnet": "efficientnet_lite0",
    "efficientnet_lite0": "efficientnet_lite0",
    "efficientnet_lite4": "efficientnet_lite4",
    "torchvision_mobilenet_v2": "mobilenet_v2",
    "torchvision_mobilenet_v3_small": "mobilenet_v3_small",
    "torchvision_mobilenet_v3_large": "mobilenet_v3_large",
    "timm_mobilenet_v3_large": "mobilenet_v3_large",
    "torchvision_regnet": "regnet_y_400mf",
    "timm_regnet": "regnet_x_200mf",
    "torchvision_convnext": "convnext_tiny",
    "timm_convnext": "convnext_base",
    "timm_preact50": "preact_resnet50",
    "timm_preact18": "preact_resnet18",
}


@pytest.mark.parametrize("dialect", [name for name, dialect in DIALECTS.items() if dialect.rows])
def test_every_dialect_is_lossless_over_every_model_that_it_can_spell(dialect, every_key):
    lossless = set()
    for name, keys in every_key.items():
        theirs = list(takewhile(lambda name: name is not None, (spell(dialect, key) for key in keys)))
        if len(theirs) < len(keys):
            continue  # a name that the source does not have
        if [translate(dialect, key) for key in theirs] == keys:
            lossless.add(name)
        else:  # rows of another depth; conversion tries the next and refuses what none spells
            assert dialect.startswith(("timm_preact", "cifar_preact", "huggingface_bit"))
    assert dialect not in SPELT or SPELT[dialect] in lossless


def test_targets_name_known_dialects():
    assert {dialect for dialects in TARGETS.values() for dialect in dialects} <= set(DIALECTS)


def test_wrappers_are_what_most_names_share():
    assert unwrap(["module._orig_mod.a", "module._orig_mod.b"]) == "module._orig_mod."
    assert unwrap(["model.a", "model.b", "criterion.weight"]) == "model."
    assert unwrap(["net.a", "b", "c"]) == ""
    assert unwrap([]) == ""
