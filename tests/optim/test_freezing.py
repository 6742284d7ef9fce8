"""Parts that keep their weights, and their statistics."""

import pytest
import torch

from residuum import create_model
from residuum.errors import InputError
from residuum.optim.freezing import freeze, train_mode
from residuum.optim.optimisers import build_optimiser


def test_frozen_stages_keep_weights_and_statistics_and_the_rest_learns():
    model = create_model("cifar_resnet", depth=8, widths=[4, 8, 8])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    freeze(model, 2)
    optimiser = build_optimiser("sgd", model, lr=0.1, momentum=0.9, weight_decay=0.1)
    train_mode(model)
    for _ in range(2):
        model(torch.rand(4, 3, 8, 8)).sum().backward()
        optimiser.step()
    for name, value in model.state_dict().items():
        frozen = name.startswith(("stem.", "stages.0."))
        assert value.equal(before[name]) == frozen, name


def test_without_freezing_everything_is_in_training_mode():
    model = create_model("cifar_resnet", depth=8).eval()
    freeze(model, 0)
    train_mode(model)
    assert all(module.training for module in model.modules())
    freeze(model, 4)
    train_mode(model)
    assert [name for name, module in model.named_children() if module.training] == ["head"]


def test_what_cannot_be_frozen():
    model = create_model("cifar_resnet", depth=8)
    with pytest.raises(InputError, match=r"freeze must be 0 to 4 \(the stem and 3 stages\), got 5"):
        freeze(model, 5)
    with pytest.raises(InputError, match="freezing goes by stem and stages, and Linear has none"):
        freeze(torch.nn.Linear(2, 2), 1)
