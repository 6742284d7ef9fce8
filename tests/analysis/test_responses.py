"""Responses against plain hooks and numpy."""

import numpy as np
import pytest
import torch
from small_networks import bits, small
from torch import nn

from residuum.analysis.responses import responses


def test_responses_are_the_norms_outputs_deviations(residual, digits):
    caught = {}
    names = [name for name, module in residual.named_modules() if isinstance(module, nn.BatchNorm2d)]
    handles = [
        residual.get_submodule(name).register_forward_hook(
            lambda module, given, output, name=name: caught.__setitem__(name, output.double().numpy())
        )
        for name in names
    ]
    residual.eval()
    with torch.no_grad():
        residual(next(digits.images()))
    for handle in handles:
        handle.remove()
    found = responses(residual, [batch for images in digits.images() for batch in images.split(10)])
    assert [response.measured_at for response in found] == names
    assert [response.deviation for response in found] == pytest.approx([np.std(caught[name]) for name in names])
    assert [response.layer for response in found if response.closes] == [
        f"stages.{stage}.{block}.branch.conv2" for stage in range(3) for block in range(2)
    ]


def test_without_a_norm_behind_it_the_layer_itself_is_measured(digits):
    model = small("cifar_preact_resnet", depth=14, branch="basic")
    before = bits(model)
    found = {response.layer: response.measured_at for response in responses(model, digits.images())}
    assert bits(model) == before
    assert found["stages.0.1.branch.conv1"] == "stages.0.1.branch.norm2"
    assert found["stages.0.1.branch.conv2"] == "stages.0.1.branch.conv2"  # the sum comes before the next norm
    assert not any("shortcut" in layer or "head" in layer for layer in found)


def test_a_norm_that_doubles_doubles_the_response(residual, digits):
    before = responses(residual, digits.images())
    residual.stages[2][1].branch.norm2.weight.data *= 2
    residual.stages[2][1].branch.norm2.bias.data *= 2
    after = responses(residual, digits.images())
    assert after[-1].deviation == pytest.approx(2 * before[-1].deviation)
    assert after[:-1] == before[:-1]


def test_nothing_to_measure_is_said(residual):
    with pytest.raises(ValueError, match="responses need at least one image, got none"):
        responses(residual, [])
    with pytest.raises(ValueError, match="responses need convolutions or linear layers, and ReLU has none"):
        responses(nn.ReLU(), [torch.zeros(1)])
