"""For every architecture that torchvision has: its weights give its logits bit for bit, its gradients to 1e-10 in
float64, and new weights are drawn from the same distributions, layer by layer."""

import pytest
import torch
from model_peers import RESNET, assert_relatively_close, gradients, on_meta, ours_with, renamed, torchvision_model
from scipy.stats import ks_2samp

from residuum.compat import import_torchvision
from residuum.models import create_model

# name: (rules of renaming, image size, arguments)
PEERS = {
    "resnet18": (RESNET, 65, {}),
    "resnet34": (RESNET, 64, {}),
    "resnet50": (RESNET, 64, {}),
    "resnet101": (RESNET, 64, {}),
    "resnet152": (RESNET, 64, {}),
}


@pytest.mark.parametrize("name", PEERS)
def test_weights_give_torchvisions_logits_and_gradients(name):
    rules, size, arguments = PEERS[name]
    peer = torchvision_model(name, num_classes=10)
    model = ours_with(name, renamed(peer.state_dict(), rules), num_classes=10, **arguments)
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        expected = peer(images)
        assert expected.std() > 0
        assert torch.equal(model(images), expected)

    peer, images = peer.double(), images.double()
    model.load_state_dict(renamed(peer.state_dict(), rules), assign=True)
    expected = gradients(peer, images)
    expected = {"images": expected.pop("images"), **renamed(expected, rules)}
    assert_relatively_close(gradients(model, images), expected, 1e-10)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_training_mode_follows_torchvision(name):
    rules, size, _ = PEERS[name]
    peer = torchvision_model(name, num_classes=10)
    model = ours_with(name, {k: v.clone() for k, v in renamed(peer.state_dict(), rules).items()}, num_classes=10)
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        assert torch.equal(model.train()(images), peer.train()(images))
    after = renamed(peer.state_dict(), rules)
    assert all(torch.equal(value, after[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", PEERS)
def test_new_weights_have_torchvisions_distributions(name):
    import_torchvision()
    from torchvision.models import get_model

    rules, _, arguments = PEERS[name]
    expected = renamed(get_model(name).state_dict(), rules)
    got = create_model(name, **arguments).state_dict()
    assert got.keys() == expected.keys()
    for key, ours in got.items():
        assert_same_distribution(ours, expected[key], key)


def assert_same_distribution(ours, theirs, key):
    """Equal where constant; else the same spread (5 sigma) and the same shape (Kolmogorov-Smirnov, p > 1e-6)."""
    assert ours.shape == theirs.shape, key
    if theirs.numel() == 1 or (theirs == theirs.flatten()[0]).all():
        assert torch.equal(ours, theirs), key
        return
    ratio = (ours.std() / theirs.std()).item()
    assert abs(ratio - 1) < 5 / ours.numel() ** 0.5, (key, ratio)
    step = max(1, ours.numel() // 5000)
    assert ks_2samp(ours.flatten()[::step].numpy(), theirs.flatten()[::step].numpy()).pvalue > 1e-6, key


@pytest.mark.parametrize("name", PEERS)
def test_without_a_head_the_keys_are_the_backbones(name):
    with_head = on_meta(create_model, name, **PEERS[name][2]).state_dict().keys()
    without = on_meta(create_model, name, num_classes=0, **PEERS[name][2]).state_dict().keys()
    assert with_head - without == {"head.fc.weight", "head.fc.bias"}
