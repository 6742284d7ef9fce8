"""Pre-activation networks: the identities of He16, its orders and its depths."""

import pytest
import torch
from model_peers import on_meta
from torch import nn

from residuum import create_model
from residuum.nn import ORDERS


def stage_of(depth=38):
    """Return the second stage's blocks between its first and its last, where nothing acts on the stream."""
    torch.manual_seed(0)
    model = create_model("cifar_preact_resnet", branch="basic", depth=depth).double().eval()
    return list(model.stages[1][1:-1])


def test_forward_the_stream_is_the_sum_of_the_branches():
    blocks, x = stage_of(), torch.randn(2, 32, 8, 8, dtype=torch.float64)
    total, stream = x, x
    for block in blocks:
        assert isinstance(block.shortcut, nn.Identity) and isinstance(block.activation, nn.Identity)
        total = total + block.branch(stream)
        stream = block(stream)
    torch.testing.assert_close(stream, total, rtol=1e-12, atol=1e-12)


def test_backward_the_gradient_is_the_direct_term_and_the_branches():
    blocks = stage_of()
    x = torch.randn(2, 32, 8, 8, dtype=torch.float64, requires_grad=True)
    stream, branches = x, torch.zeros_like(x)
    for block in blocks:
        branches = branches + block.branch(stream)
        stream = block(stream)
    direct = torch.randn_like(x)
    (through_all,) = torch.autograd.grad(stream, x, direct, retain_graph=True)
    (through_branches,) = torch.autograd.grad(branches, x, direct)
    scale = through_all.abs().max()
    assert ((direct + through_branches - through_all).abs().max() / scale).item() < 1e-10


def test_shapes_change_on_the_activated_stream_and_the_end_is_activated():
    model = create_model("cifar_preact_resnet", depth=20).eval()
    seen = {}
    for name in ("stages.0", "stages.1", "stages.2"):
        model.get_submodule(name).register_forward_hook(lambda _, __, y, name=name: seen.update({name: y}))
    model(torch.randn(1, 3, 16, 16))
    assert all((y >= 0).all() and (y > 0).any() for y in seen.values())
    entering = model.stages[1][0].branch
    assert [name for name, _ in entering.named_children()] == [
        "conv1",
        "norm2",
        "act2",
        "conv2",
        "norm3",
        "act3",
        "conv3",
    ]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("branch", ["basic", "bottleneck"])
def test_every_order_builds_the_same_number_of_layers(order, branch):
    model = on_meta(create_model, "cifar_preact_resnet", branch=branch, depth=20, order=order)
    weighted = [m for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear) and "shortcut" not in n]
    assert len(weighted) == 20
    assert model(torch.empty(2, 3, 32, 32, device="meta")).shape == (2, 10)


def test_original_order_is_the_original_network():
    original = create_model("cifar_preact_resnet", branch="basic", depth=14, order="original", shortcut="A").eval()
    resnet = create_model("cifar_resnet", depth=14).eval()
    resnet.load_state_dict(original.state_dict())
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(original(images), resnet(images))


@pytest.mark.parametrize("depth", [18, 50])
def test_stems_of_he16_and_timm_hold_the_same_parameters(depth):
    stems = [on_meta(create_model, "preact_resnet", depth=depth, stem=stem) for stem in ("He16", "timm")]
    counts = [sum(parameter.numel() for parameter in model.parameters()) for model in stems]
    assert counts[0] == counts[1]
    assert [name for name, _ in stems[0].stem.named_children()] == ["conv", "norm", "act", "pool"]
