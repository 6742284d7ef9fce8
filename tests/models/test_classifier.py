"""The classifier by timm's names, on every family that has one."""

import copy

import pytest
import torch
from test_every_model import TINY
from torch import nn

from residuum.errors import InputError
from residuum.models import BUILDERS, build

TEXT = {"vocabulary": 50, "length": 12, "width": 16, "heads": 2, "depth": 1}
SIZE = 64
WITH_CLASSES = [name for name, builder in BUILDERS.items() if "num_classes" in builder.__annotations__]
OF_WORDS = [name for name in BUILDERS if name not in WITH_CLASSES]


def example(name):
    torch.manual_seed(0)
    if "vocabulary" in BUILDERS[name].__annotations__:
        return build(name, **TEXT).eval(), torch.randint(0, 50, (2, 9))
    return build(name, **TINY.get(name, {}), num_classes=5).eval(), torch.randn(2, 3, SIZE, SIZE)


@pytest.mark.parametrize("name", BUILDERS)
@torch.no_grad()
def test_features_and_head_are_the_whole(name):
    model, x = example(name)
    features = model.forward_features(x)
    assert torch.equal(model.forward_head(features), model(x))
    assert model.forward_head(features, pre_logits=True).shape[-1] == model.num_features


@pytest.mark.parametrize("name", WITH_CLASSES)
@torch.no_grad()
def test_the_classifier_receives_what_stands_before_the_logits(name):
    model, x = example(name)
    before = model.forward_head(model.forward_features(x), pre_logits=True)
    assert model.get_classifier().in_features == model.num_features
    assert model.get_classifier().out_features == model.num_classes
    torch.testing.assert_close(model.get_classifier()(before), model(x))


@pytest.mark.parametrize("name", WITH_CLASSES)
@torch.no_grad()
def test_reset_classifier(name):
    model, x = example(name)
    form = model.get_classifier().bias is None
    other = copy.deepcopy(model)
    other.reset_classifier(0)
    assert isinstance(other.get_classifier(), nn.Identity) and other.num_classes == 0
    assert torch.equal(other(x), model.forward_head(model.forward_features(x), pre_logits=True))
    other.reset_classifier(3)
    assert other(x).shape == (2, 3) and other.num_classes == 3 and (other.get_classifier().bias is None) == form


@pytest.mark.parametrize("name", OF_WORDS)
def test_models_that_end_in_words(name):
    model, _ = example(name)
    assert model.get_classifier() is None and not hasattr(model, "num_classes")
    with pytest.raises(InputError, match="this model ends in words, not in classes"):
        model.reset_classifier(3)
