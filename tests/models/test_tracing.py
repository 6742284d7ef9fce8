"""torch.fx and the other ways to look at what a network computes follow every image model."""

import copy
import pickle
from typing import get_type_hints

import pytest
import torch
from model_peers import on_meta
from test_every_model import SIZE, tiny
from torch import nn

from residuum import create_model
from residuum.compat import import_torchvision
from residuum.errors import InputError
from residuum.kernels import fuse, is_fused
from residuum.models import BUILDERS
from residuum.nn import stochastic_depth
from residuum.nn.fold import fold

IMAGES = [name for name, builder in BUILDERS.items() if "in_chans" in builder.__annotations__]
FEW = ["cifar_resnet", "highway_mlp", "vit"]  # one of each kind of check


@pytest.fixture(params=IMAGES, scope="module")
def built(request):
    """A builder's name and its tiny model in evaluation mode; tests must not change it."""
    torch.manual_seed(0)
    return request.param, tiny(request.param).eval()


def assert_same(traced, model, images):
    with torch.no_grad():
        torch.testing.assert_close(traced(images), model(images), rtol=1e-4, atol=1e-5)


def test_symbolic_trace_computes_the_same(built):
    images = torch.randn(2, 3, SIZE, SIZE)
    traced = torch.fx.symbolic_trace(built[1])
    assert_same(traced, built[1], images)
    assert_same(torch.fx.symbolic_trace(traced), built[1], images)


def test_the_graph_keeps_the_check_on_images_and_can_be_pickled(built):
    traced = pickle.loads(pickle.dumps(torch.fx.symbolic_trace(built[1])))
    assert traced(torch.zeros(1, 3, SIZE, SIZE)).shape == (1, 5)
    with pytest.raises(InputError, match=r"images (must have the|of) shape|images of 3 channels"):
        traced(torch.randn(1, 4, SIZE, SIZE))


def test_torchvision_extracts_features(built):
    import_torchvision()
    from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

    model = copy.deepcopy(built[1])
    train, evaluation = get_graph_node_names(model)
    assert "head.fc" in train and "head.fc" in evaluation
    outputs = create_feature_extractor(model, {"stages.0": "map", "head.fc": "logits"})
    images = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        got = outputs.eval()(images)
        features = model.stages[0](model.stem(images))
        torch.testing.assert_close(got["logits"], model(images), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(got["map"], features, rtol=1e-4, atol=1e-5)


def test_feature_maps_are_traced():
    maps = tiny("resnet", features_only=True).eval()
    images = torch.randn(1, 3, SIZE, SIZE)
    with torch.no_grad():
        pairs = zip(torch.fx.symbolic_trace(maps)(images), maps(images), strict=True)
        assert all(torch.equal(got, expected) for got, expected in pairs)
    with pytest.raises(InputError, match=r"images must have the shape \[N, 3, H, W\], got \[1, 4, 64, 64\]"):
        torch.fx.symbolic_trace(maps)(torch.randn(1, 4, SIZE, SIZE))


@pytest.mark.parametrize("name", ["cifar_resnet", "cifar_densenet", "fast_resnet"])
def test_fused_networks_are_traced_in_training_and_evaluation(name):
    model = fuse(tiny(name))
    assert any(is_fused(module) for module in model.modules())
    images = torch.randn(2, 3, SIZE, SIZE)
    for mode in (True, False):
        model.train(mode)
        traced = torch.fx.symbolic_trace(copy.deepcopy(model))
        torch.testing.assert_close(traced(images), copy.deepcopy(model)(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["cifar_resnet", "seresnet", "vit"])
def test_folded_networks_are_traced(name):
    folded = fold(tiny(name)).model
    assert_same(torch.fx.symbolic_trace(folded), folded, torch.randn(2, 3, SIZE, SIZE))


@pytest.mark.filterwarnings("ignore:The nodes obtained by tracing the model in train mode are different")
@pytest.mark.parametrize("convention", ["paper", "timm"])
def test_branches_that_are_dropped_by_chance_become_one_node(convention):
    import_torchvision()
    from torchvision.models.feature_extraction import create_feature_extractor

    model = stochastic_depth(tiny("cifar_resnet"), 0.5, convention)
    traced = torch.fx.symbolic_trace(copy.deepcopy(model))
    images = torch.randn(4, 3, SIZE, SIZE)
    torch.manual_seed(1)
    expected = copy.deepcopy(model)(images)
    torch.manual_seed(1)
    assert torch.equal(traced(images), expected)
    outputs = create_feature_extractor(model, ["stages.1"]).eval()
    assert outputs(images)["stages.1"].shape == (4, 32, 32, 32)


@pytest.mark.parametrize("name", ["bert", "gpt"])
def test_text_networks_are_traced_without_mask(name):
    model = create_model(name, depth=1, width=8, heads=2, vocabulary=11, length=6).eval()
    traced = torch.fx.symbolic_trace(model, concrete_args={"keep": None, "segments": None})
    for length in (6, 4):
        assert_same(lambda tokens: traced(tokens, None, None), model, torch.randint(0, 11, (2, length)))
    with pytest.raises(InputError, match="this model reads at most 6 tokens, got 7"):
        traced(torch.zeros(1, 7, dtype=torch.long), None, None)


@pytest.mark.filterwarnings("ignore")  # torch.jit.trace warns of its own age, and of every check on a shape
@pytest.mark.parametrize("name", FEW)
def test_other_ways_to_trace_follow_the_checks(name):
    model, images = tiny(name).eval(), torch.randn(2, 3, SIZE, SIZE)
    assert_same(torch.jit.trace(model, images), model, images)
    assert_same(torch.compile(model, backend="eager", fullgraph=True), model, images)
    parameters = dict(model.named_parameters()) | dict(model.named_buffers())
    with torch.no_grad():
        alone = torch.vmap(lambda image: torch.func.functional_call(model, parameters, (image[None],))[0])(images)
        torch.testing.assert_close(alone, model(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet", "vgg", "vit", "densenet"])
def test_the_head_as_timm_calls_it(name):
    model, images = tiny(name).eval(), torch.randn(1, 3, SIZE, SIZE)
    with torch.no_grad():
        features = model.forward_features(images)
        before = model.forward_head(features, pre_logits=True)
        assert before.shape == (1, model.num_features)
        assert torch.equal(model.get_classifier()(before), model(images))
        assert torch.equal(model.forward_head(features), model(images))
    model.reset_classifier(0)
    assert isinstance(model.get_classifier(), nn.Identity)


@pytest.mark.parametrize(
    "build",
    [
        lambda: on_meta(create_model, "resnet18"),
        lambda: on_meta(create_model, "resnet18", features_only=True),
        lambda: on_meta(create_model, "bert", depth=1),
    ],
)
def test_gradient_checkpointing_is_refused_with_what_saves_memory(build):
    model = build()
    model.set_grad_checkpointing(False)
    with pytest.raises(InputError, match=r"does not offer it; to save memory use a smaller batch and grad_accum="):
        model.set_grad_checkpointing()


@pytest.mark.parametrize("name", BUILDERS)
def test_every_family_answers_to_gradient_checkpointing(name):
    network = get_type_hints(BUILDERS[name])["return"]
    with pytest.raises(InputError, match="does not offer it"):
        network.set_grad_checkpointing(object.__new__(network))
