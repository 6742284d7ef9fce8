"""The block: its sentence, its slots, context and hooks."""

import torch
from torch import nn

from residuum.nn import Block, BranchOnly


class Double(nn.Module):
    def forward(self, x, **context):
        return 2 * x + context.get("mask", 0)


class Remember(nn.Module):
    def forward(self, shortcut, branch, x):
        return torch.stack([shortcut, branch, x])


def test_block_is_its_sentence():
    x = torch.tensor([1.0, -2.0])
    carry = nn.Flatten(0)
    assert torch.equal(Block(Double())(x), 3 * x)
    assert torch.equal(Block(Double(), merge=BranchOnly(), activation=nn.ReLU())(x), torch.tensor([2.0, 0.0]))
    merged = Block(Double(), shortcut=carry, merge=Remember())(x)
    assert torch.equal(merged, torch.stack([x, 2 * x, x]))


def test_context_reaches_only_the_branch():
    x = torch.ones(2)
    assert torch.equal(Block(Double())(x, mask=torch.tensor([0.0, 5.0])), torch.tensor([3.0, 8.0]))


def test_slots_appear_in_the_state_under_their_names():
    block = Block(nn.Linear(2, 2), shortcut=nn.Linear(2, 2), activation=nn.PReLU())
    assert set(block.state_dict()) == {
        "shortcut.weight", "shortcut.bias", "branch.weight", "branch.bias", "activation.weight",
    }  # fmt: skip


def test_forward_and_backward_hooks_on_every_slot():
    block = Block(nn.Linear(2, 2), activation=nn.ReLU())
    seen = []
    for name, module in block.named_modules():
        module.register_forward_hook(lambda *_, name=name: seen.append(("forward", name)))
        module.register_full_backward_hook(lambda *_, name=name: seen.append(("backward", name)))
    block(torch.ones(1, 2, requires_grad=True)).sum().backward()
    assert {way for way, _ in seen} == {"forward", "backward"}
    for way in ("forward", "backward"):
        assert {name for done, name in seen if done == way} == {"", "shortcut", "branch", "merge", "activation"}


def test_stream_is_the_sum_of_what_the_branches_added():
    torch.manual_seed(0)
    blocks = [Block(nn.Sequential(nn.Linear(4, 4), nn.Tanh())).double() for _ in range(6)]
    x = first = torch.randn(3, 4, dtype=torch.float64)
    added = torch.zeros_like(x)
    for block in blocks:
        added = added + block.branch(x)
        x = block(x)
    torch.testing.assert_close(x, first + added, rtol=1e-12, atol=1e-12)
