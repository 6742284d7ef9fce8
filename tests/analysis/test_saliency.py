"""Saliency against captum, against a network whose answer is known, and against the axiom of completeness."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from residuum import create_model
from residuum.analysis.overlays import heat_overlay, plain_picture, signed_overlay
from residuum.analysis.saliency import grad_cam, integrated_gradients, look, pick_class, stage_names
from residuum.errors import InputError
from residuum.models import Description, Preprocessing, attach
from residuum.nn import Network


def network_of(dtype=torch.float64, **arguments):
    torch.manual_seed(3)
    model = create_model("cifar_resnet", **{"depth": 8, **arguments}).to(dtype)
    with torch.no_grad():
        for _ in range(20):
            model.train()(torch.randn(8, 3, 16, 16, dtype=dtype))
    return model.eval()


class Corner(nn.Module):
    """A stage that passes its map on, so that what Grad-CAM finds is known."""

    def forward(self, x):
        return 1.0 * x


def corner_network():
    """Class 0 reads channel 0 and is against channel 1; nothing else counts."""
    head = nn.Sequential(
        OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(1), fc=nn.Linear(2, 2, bias=False))
    )
    head.fc.weight.data = torch.tensor([[1.0, -1.0], [0.0, 0.0]])
    return Network(nn.Conv2d(2, 2, 1).requires_grad_(False), [Corner()], head, num_features=2)


def test_grad_cam_finds_what_the_class_reads():
    model = corner_network()
    model.stem.weight.data = torch.eye(2).view(2, 2, 1, 1)
    model.stem.bias.data.zero_()
    image = torch.zeros(1, 2, 4, 4)
    image[0, 0, 0, 3] = 5.0  # speaks for
    image[0, 1, 2, 1] = 5.0  # speaks against
    heat = grad_cam(model, image, 0, "stages.0")
    assert heat.shape == (4, 4) and (heat >= 0).all()
    assert heat.argmax() == 3 and heat.count_nonzero() == 1
    assert heat[0, 3] == pytest.approx(5 / 16)


@pytest.mark.parametrize("stage", ["stages.0", "stages.2"])
def test_grad_cam_is_captums(stage):
    attr = pytest.importorskip("captum.attr")
    model, image = network_of(), torch.randn(1, 3, 16, 16, dtype=torch.float64)
    theirs = attr.LayerGradCam(model, model.get_submodule(stage)).attribute(image, 4, relu_attributions=True)
    assert torch.allclose(grad_cam(model, image, 4, stage), theirs[0, 0], atol=1e-12)


def test_integrated_gradients_are_captums():
    attr = pytest.importorskip("captum.attr")
    model = network_of()
    image, baseline = torch.randn(2, 1, 3, 16, 16, dtype=torch.float64)
    theirs = attr.IntegratedGradients(model).attribute(image, baseline, 4, n_steps=20, method="gausslegendre")
    ours = integrated_gradients(model, image, 4, baseline, steps=20)
    assert torch.allclose(ours.values, theirs[0], atol=1e-10)


def test_attributions_add_up_to_the_change_of_the_logit():
    """Completeness, exact but for the quadrature: a smooth network in float64, few steps."""
    model = create_model("skip_mlp", depth=6, image_size=4, width=8, activations=("tanh",)).double().eval()
    image, black = torch.randn(1, 1, 4, 4, dtype=torch.float64), torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    found = integrated_gradients(model, image, 1, black, steps=40)
    assert found.added == pytest.approx(found.difference, rel=1e-6)
    logits = model(torch.cat([image, black]))[:, 1]
    assert found.difference == pytest.approx(float(logits[0] - logits[1]))


def test_attributions_nearly_add_up_in_a_network_of_relus():
    model, image = network_of(), torch.randn(1, 3, 16, 16, dtype=torch.float64)
    found = integrated_gradients(model, image, 2, torch.zeros_like(image), steps=256)
    assert found.added == pytest.approx(found.difference, rel=0.02)


def test_the_model_is_left_as_it_was():
    model, image = network_of().train(), torch.randn(1, 3, 16, 16, dtype=torch.float64)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    grad_cam(model, image, 0, "stages.1")
    integrated_gradients(model, image, 0, torch.zeros_like(image), steps=2)
    assert model.training and not model.stages[1]._forward_hooks
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_picture_is_prepared_as_the_model_says():
    description = Description("cifar_resnet", {"depth": 8}, ["a", "b"], Preprocessing((8, 8), (0.5,), (0.25,)))
    model = attach(create_model("cifar_resnet", depth=8, in_chans=1), description)
    seen = look(model, torch.full((3, 20, 30), 255, dtype=torch.uint8))
    assert seen.pixels.shape == (3, 8, 8) and seen.image.shape == seen.black.shape == (1, 1, 8, 8)
    assert torch.allclose(seen.image, torch.tensor(2.0)) and torch.allclose(seen.black, torch.tensor(-2.0))


def test_classes_by_name_by_number_and_unknown():
    model, image = network_of(), torch.randn(1, 3, 16, 16, dtype=torch.float64)
    model.description.classes = [f"kind {number}" for number in range(10)]
    assert pick_class(model, "kind 3", image)[:2] == (3, "kind 3") == pick_class(model, "3", image)[:2]
    assert pick_class(model, None, image)[0] == int(model(image).argmax())
    with pytest.raises(InputError, match="knows no class 'kimd 3'; did you mean kind 3"):
        pick_class(model, "kimd 3", image)
    model.description.classes = []
    with pytest.raises(InputError, match="give a number from 0 to 9"):
        pick_class(model, "10", image)


def test_networks_without_feature_maps_are_told():
    with pytest.raises(InputError, match="Grad-CAM needs the feature maps of a convolutional network, got vit"):
        stage_names(create_model("vit", depth=1, image_size=8, patch_size=4))
    with pytest.raises(InputError, match=r"needs a feature map \[N, channels, H, W\], but head gives \[1, 10\]"):
        grad_cam(network_of(torch.float32), torch.randn(1, 3, 16, 16), 0, "head")
    bare = create_model("cifar_resnet", depth=8)
    with pytest.raises(InputError, match="says nothing of preprocessing"):
        look(bare, torch.zeros(3, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 500, 300)])
def test_overlays_are_large_and_light_where_the_heat_is(shape):
    pixels = torch.full(shape, 100, dtype=torch.uint8)
    heat = torch.zeros(4, 4)
    heat[0, 0] = 2.0
    lit = heat_overlay(pixels, heat)
    assert lit.dtype == np.uint8 and lit.shape[2] == 3 and min(lit.shape[:2]) >= 300
    assert lit[0, 0].sum() > lit[-1, -1].sum() + 200
    assert plain_picture(pixels).shape == lit.shape
    assert np.isfinite(heat_overlay(pixels, torch.zeros(4, 4))).all()


def test_signs_have_colours():
    values = torch.zeros(8, 8)
    values[0, 0], values[7, 7] = 1.0, -1.0
    picture = signed_overlay(torch.zeros(1, 8, 8, dtype=torch.uint8), values).astype(int)
    assert picture[0, 0, 2] > picture[0, 0, 0] + 50  # blue speaks for
    assert picture[-1, -1, 0] > picture[-1, -1, 2] + 50  # red against
    assert np.ptp(picture[100, 100]) == 0
