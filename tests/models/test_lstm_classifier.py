"""Digits read row by row: they are learnt by both cells."""

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from residuum import create_model
from residuum.errors import InputError
from residuum.models.lstm_classifier import VARIANTS


def digits():
    data = load_digits()
    return torch.tensor(data.images[:, None] / 8 - 1, dtype=torch.float32), torch.tensor(data.target)


@pytest.mark.parametrize("name", VARIANTS)
def test_digits_are_learnt_like_by_any_image_model(name):
    images, labels = digits()
    model = create_model(name, width=32)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(0)
    for _ in range(120):
        batch = torch.randint(1500, (64,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (model(images[1500:]).argmax(1) == labels[1500:]).float().mean()
    assert accuracy > 0.75


def test_forms_differ_by_the_forget_gate_alone():
    old, new = (create_model(name).state_dict() for name in VARIANTS)
    assert new.keys() - old.keys() == {name for name in new if ".forget." in name} and not old.keys() - new.keys()


def test_layers_stand_on_each_other():
    model = create_model("lstm_classifier", depth=3, width=5, in_chans=2, image_size=4)
    assert model(torch.rand(2, 2, 6, 4)).shape == (2, 10)
    assert [stage.cell.input.x.in_features for stage in model.stages] == [8, 5, 5]


def test_what_does_not_fit():
    with pytest.raises(InputError, match="depth must be 1 or more layers of cells, got 0"):
        create_model("lstm_classifier", depth=0)
    with pytest.raises(InputError, match="takes images of 1 channels and 8 pixels width, got 3 and 8"):
        create_model("lstm_classifier")(torch.rand(1, 3, 8, 8))
