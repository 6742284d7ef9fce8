"""kuangliu's pre-activation ResNets for small images: their names, their logits, their counts."""

import pytest
import torch
import torch.nn.functional as F
from test_families import drawn
from torch import nn

import residuum
from residuum.weights import examine

LAYOUTS = {18: (2, (2, 2, 2, 2)), 34: (2, (3, 4, 6, 3)), 50: (3, (3, 4, 6, 3))}
IMAGES = torch.linspace(-2, 2, 2 * 3 * 32 * 32).view(2, 3, 32, 32)


class PeerBlock(nn.Module):
    """Norm, activation, convolution, two or three times, beside a shortcut of the activated stream."""

    def __init__(self, before, width, stride, count):
        super().__init__()
        after = width * (4 if count == 3 else 1)
        sizes = [(before, width, 3, stride), (width, width, 3, 1)]
        if count == 3:
            sizes = [(before, width, 1, 1), (width, width, 3, stride), (width, after, 1, 1)]
        self.count = count
        for number, (i, o, kernel, step) in enumerate(sizes, 1):
            self.add_module(f"bn{number}", nn.BatchNorm2d(i))
            self.add_module(f"conv{number}", nn.Conv2d(i, o, kernel, step, kernel // 2, bias=False))
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False))

    def forward(self, x):
        y = F.relu(self.bn1(x))
        carried = self.shortcut(y) if hasattr(self, "shortcut") else x
        y = self.conv1(y)
        for number in range(2, self.count + 1):
            y = getattr(self, f"conv{number}")(F.relu(getattr(self, f"bn{number}")(y)))
        return y + carried


class Peer(nn.Module):
    """The whole network by its published names."""

    def __init__(self, depth, num_classes=10):
        super().__init__()
        count, blocks = LAYOUTS[depth]
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        before = 64
        for stage, many in enumerate(blocks):
            width, row = 64 * 2**stage, []
            for block in range(many):
                row.append(PeerBlock(before, width, 2 if stage and not block else 1, count))
                before = width * (4 if count == 3 else 1)
            self.add_module(f"layer{stage + 1}", nn.Sequential(*row))
        self.linear = nn.Linear(before, num_classes)

    def forward(self, x):
        y = self.conv1(x)
        for stage in range(1, 5):
            y = getattr(self, f"layer{stage}")(y)
        return self.linear(F.avg_pool2d(y, 4).flatten(1))


@pytest.mark.parametrize("depth", [18, 50])
@torch.no_grad()
def test_the_logits_of_the_published_network(depth, tmp_path):
    theirs = drawn(Peer(depth))
    state = {f"module.{name}": value for name, value in theirs.state_dict().items()}
    torch.save({"net": state, "acc": 94.2, "epoch": 150}, tmp_path / "ckpt.pth")
    ours = residuum.load(tmp_path / "ckpt.pth")
    assert (ours.description.model, ours.description.arguments) == (f"preact_resnet{depth}_cifar", {})
    assert ours.description.preprocessing.size == (32, 32)
    assert "kuangliu" in examine(tmp_path / "ckpt.pth").source
    torch.testing.assert_close(ours(IMAGES), theirs(IMAGES), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("depth", LAYOUTS)
def test_counts(depth):
    with torch.device("meta"):
        theirs, ours = Peer(depth, 100), residuum.create_model(f"preact_resnet{depth}_cifar", num_classes=100)
    count = [sum(value.numel() for value in net.parameters()) for net in (theirs, ours)]
    assert count[0] == count[1]
