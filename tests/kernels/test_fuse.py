"""Fused networks: the same modules, the same keys, the same training."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from residuum import create_model
from residuum.kernels import tail as room
from residuum.kernels.fuse import fuse, is_fused, unfuse
from residuum.nn import Block

needs_kernel = pytest.mark.skipif(room.kernel() is None, reason="the package was installed without a compiler")
MODELS = {
    "cifar_resnet": {"depth": 8},
    "cifar_plain": {"depth": 8},
    "preact_resnet18": {"num_classes": 10},
    "resnet18": {"num_classes": 10},
    "cifar_highway20": {},
}


def batch(count=8, size=32):
    images = torch.randn(count, 3, size, size).contiguous(memory_format=torch.channels_last)
    return images, torch.randint(10, (count,))


def pair(name):
    plain = create_model(name, **MODELS[name]).to(memory_format=torch.channels_last)
    return plain, fuse(copy.deepcopy(plain))


def gradients(model, images, labels):
    F.cross_entropy(model(images), labels).backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("name", MODELS)
def test_a_fused_network_has_the_same_outputs_and_gradients(name):
    plain, fused = pair(name)
    double = copy.deepcopy(plain).double()
    images, labels = batch()
    assert plain.state_dict().keys() == fused.state_dict().keys()
    for mode in (True, False):
        torch.testing.assert_close(fused.train(mode)(images), plain.train(mode)(images), atol=1e-4, rtol=1e-4)
    exact = gradients(double.train(), images.double(), labels)
    errors = [distance(gradients(model.train(), images, labels), exact) for model in (fused, plain)]
    assert errors[0] <= 3 * errors[1] + 1e-6


def distance(found, exact):
    """Return the distance of all gradients together, relative to their length."""
    squares = sum((found[key].double() - exact[key]).square().sum() for key in exact)
    return (squares / sum(gradient.square().sum() for gradient in exact.values())).sqrt().item()


@needs_kernel
def test_norms_and_sums_really_go_through_the_kernel(monkeypatch):
    calls = []
    served = room._served
    monkeypatch.setattr(room, "_served", lambda *given: calls.append(served(*given)) or calls[-1])
    _, fused = pair("cifar_resnet")
    fused.train()(batch()[0])
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    assert calls == [True] * norms


def test_fifty_steps_stay_together():
    """Rounding alone parts them, as it parts float32 from float64."""
    models = pair("cifar_resnet")
    twin = copy.deepcopy(models[0]).double()
    images, labels = batch(32, 8)
    losses = []
    for model in (*models, twin):
        optimiser = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
        x = images.to(next(model.parameters()).dtype)
        for _ in range(50):
            loss = F.cross_entropy(model.train()(x), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        losses.append(loss.item())
    plain, fused, exact = losses
    assert abs(fused - exact) <= 3 * abs(plain - exact) + 1e-3
    assert fused < 0.5


def test_unfusing_gives_the_model_back():
    plain, fused = pair("cifar_resnet")
    assert any(is_fused(module) for module in fused.modules())
    unfuse(fused)
    assert not any(is_fused(module) for module in fused.modules())
    images, _ = batch()
    assert torch.equal(fused(images), plain(images))
    assert all(type(module) is Block for stage in fused.stages for module in stage)


def test_a_copy_is_fused_with_parts_of_its_own():
    _, fused = pair("cifar_resnet")
    twin = copy.deepcopy(fused)
    assert twin.stages[0][0].forward.args[0] is twin.stages[0][0]
    with torch.no_grad():
        twin.stages[0][0].branch.norm2.weight.zero_()
    images, _ = batch()
    assert not torch.equal(twin(images), fused(images))


def test_a_hook_inside_a_fused_block_sees_what_it_would_see():
    plain, fused = pair("cifar_resnet")
    seen = []
    for model in (plain, fused):
        for part in ("branch", "branch.norm1", "merge", "activation"):
            model.stages[1][0].get_submodule(part).register_forward_hook(lambda _, __, y: seen.append(y.detach()))
        model(batch()[0])
        torch.manual_seed(0)
    assert len(seen) == 8


@pytest.mark.parametrize("register", ["register_module_full_backward_hook", "register_module_full_backward_pre_hook"])
def test_a_hook_for_every_module_sees_every_module(register):
    seen, (plain, fused) = [], pair("cifar_resnet")
    handle = getattr(nn.modules.module, register)(lambda module, *_: seen.append(type(module).__name__))
    try:
        for model in (plain, fused):
            model(batch()[0]).sum().backward()
    finally:
        handle.remove()
    half = len(seen) // 2
    assert half > 10 and seen[:half] == seen[half:]


@pytest.mark.parametrize("place", ["stages.0", "stages.0.0", "stages.0.0.branch", "stem"])
def test_what_a_hook_takes_out_has_its_whole_gradient(place):
    """Inside, a block's output has one gradient for each of its two ways; whoever takes it out gets their sum."""
    plain, fused = pair("cifar_resnet")
    double = copy.deepcopy(plain).double()
    images, labels = batch()
    found = []
    for model in (fused, plain, double):
        caught = []
        model.get_submodule(place).register_forward_hook(lambda _, __, y, caught=caught: caught.append(y))
        loss = F.cross_entropy(model.train()(images.to(next(model.parameters()).dtype)), labels)
        found.append(torch.autograd.grad(loss, caught[0])[0].double())
    errors = [(gradient - found[2]).norm() / found[2].norm() for gradient in found[:2]]
    assert errors[0] <= 3 * errors[1] + 1e-6


def test_export_and_func_take_a_fused_network():
    plain, fused = pair("cifar_resnet")
    images, _ = batch(2)
    expected = plain.eval()(images)
    exported = torch.export.export(fused.eval(), (images,)).module()(images)
    torch.testing.assert_close(exported, expected, atol=1e-5, rtol=1e-5)
    parameters = dict(fused.named_parameters()), dict(fused.named_buffers())
    called = torch.func.functional_call(fused, parameters, (images,))
    torch.testing.assert_close(called, expected, atol=1e-5, rtol=1e-5)
