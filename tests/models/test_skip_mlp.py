"""Fully connected networks of explicit matrices: the whole model, stem and head too, is the written-out engine."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from residuum import create_model
from residuum.analysis.laws.explicit import explicit
from residuum.analysis.laws.skips_numpy import Path, cross_entropy
from residuum.errors import InputError
from residuum.models.counts import count_parameters
from residuum.nn.skips import WIRINGS

LABELS = torch.tensor([0, 3, 2, 1])


def build(wiring, skip_length=2, **arguments):
    return create_model(
        "skip_mlp", **{"depth": 8, "width": 6, "image_size": 3, "num_classes": 4, **arguments},
        wiring=wiring, skip_length=skip_length,
    ).double()  # fmt: skip


def assert_trains_as_written_out(model, steps=3):
    net, images = explicit(model), torch.rand(4, 1, 3, 3, dtype=torch.float64)
    for _ in range(steps):
        model.zero_grad()
        logits = model(images)
        loss = nn.functional.cross_entropy(logits, LABELS)
        loss.backward()
        pixels, targets = images.flatten(1).numpy(), np.eye(4)[LABELS.numpy()]
        np.testing.assert_allclose(net.forward(pixels)[0][-1], logits.detach().numpy(), rtol=1e-9, atol=1e-9)
        assert net.step(pixels, lambda a, y=targets: cross_entropy(a, y), 0.5) == pytest.approx(loss.item(), rel=1e-9)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.5 * parameter.grad
    learnt = explicit(model)
    for path, matrix in learnt.weights.items():
        np.testing.assert_allclose(net.weights[path], matrix, rtol=1e-9, atol=1e-9)
    for layer, bias in learnt.biases.items():
        np.testing.assert_allclose(net.biases[layer], bias, rtol=1e-9, atol=1e-9)
    return net


@pytest.mark.parametrize("skip_length", [1, 2, 3])
@pytest.mark.parametrize("wiring", WIRINGS)
def test_whole_model_trains_as_the_rules_say(wiring, skip_length):
    net = assert_trains_as_written_out(build(wiring, skip_length))
    for path in net.fixed:
        assert wiring == "residual" and np.array_equal(net.weights[path], np.eye(6))


@settings(deadline=None, max_examples=15)
@given(data=st.data())
def test_any_list_of_skips_trains_as_the_rules_say(data):
    layers = data.draw(st.integers(1, 5))
    pairs = [(s, t) for t in range(1, layers + 1) for s in range(t)]
    chosen = data.draw(st.lists(st.sampled_from(pairs), unique=True))
    skips = [[s, t, data.draw(st.sampled_from(["identity", "learnt"]))] for s, t in chosen]
    torch.manual_seed(data.draw(st.integers(0, 99)))
    assert_trains_as_written_out(build(skips, depth=layers + 2, activations=("tanh", "relu")), steps=1)


def test_depth_counts_first_and_last_layer():
    assert explicit(build("plain", depth=9)).layers == 9


def test_residual_and_plain_twins_have_the_same_parameters():
    shapes = [{k: v.shape for k, v in build(name).state_dict().items()} for name in ("plain", "residual")]
    assert shapes[0] == shapes[1]
    assert count_parameters(build("learnt")) == count_parameters(build("plain")) + 3 * 36


def test_activations_are_given_in_turn():
    net = explicit(build("residual", activations=("linear", "tanh")))
    assert net.activations == ["tanh", *["linear", "tanh"] * 3, "linear"]


def test_skips_land_one_layer_later_in_the_whole_network():
    assert explicit(build("residual", 3)).fixed == {Path(1, 4, "skip"), Path(4, 7, "skip")}


def test_what_does_not_fit():
    with pytest.raises(InputError, match="multiple of the skips' length 4, got 6; try a depth of 6 or 10"):
        build("residual", 4)
    with pytest.raises(InputError, match="depth must be 3 or more layers, first and last included, got 2"):
        build("plain", depth=2)
    with pytest.raises(InputError, match="activations must name at least one activation, got none"):
        build("plain", activations=())
    with pytest.raises(InputError, match="explicit matrices need a model built by skip_mlp"):
        explicit(create_model("highway_mlp", width=4, image_size=3))


def test_with_norms_only_the_wiring_tells_members_apart():
    def parts(wiring, length):
        return create_model("skip_mlp_bn", depth=26, image_size=8, wiring=wiring, skip_length=length)

    images = torch.randn(256, 1, 8, 8)
    counts = {count_parameters(parts(wiring, length)) for wiring, length in (("plain", 1), ("residual", 3))}
    assert len(counts) == 1
    for wiring, length in (("plain", 1), ("residual", 1), ("residual", 3)):
        model = parts(wiring, length)
        stream = model.forward_features(images)
        assert stream.var() < 24, "without norms skips past one layer make it 2 ** 24"
        assert model.head.norm(stream).var().item() == pytest.approx(1, rel=0.05)
    with pytest.raises(InputError, match="built by skip_mlp, no norms, with num_classes of 1 or more"):
        explicit(model)
