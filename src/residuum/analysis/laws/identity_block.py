"""Law 3: a block whose branch gives zeros is the identity, so a deeper network can be the shallower one."""

from __future__ import annotations

import copy

import torch
from torch import nn

from ...nn import Add, Block, BranchOnly, Concatenate, Gate
from ...nn.initialise import NORMS
from ...nn.squeeze_excite import ChannelAttention, SqueezeExcite
from .outcome import Comparison, Outcome, does_not_apply
from .subject import Subject, without_chance

SHUT = -1000.0  # a logit whose sigmoid is 0 in float64
HARMLESS = {"Identity", "ReLU", "Sequential"}
LAYERS = (nn.Conv2d, nn.Linear, *NORMS)


def identity(subject: Subject) -> Outcome:
    """Law 3. F = 0 gives H(x) = x; with such blocks inserted, a deeper network computes the same function, bit for bit.

    Behind every block that keeps its shape comes a copy of it whose branch ends in zeros (a gated block's gate is shut
    instead). The deeper network must give the same logits, and in training mode start at the same loss, with no
    difference at all. An outer ReLU does no harm, as its input is not negative; an outer norm does.

    Source: He15 section 3.1, the construction argument.
    """
    shallow = without_chance(copy.deepcopy(subject.network))
    deep, added = deepened(shallow)
    if not added:
        return does_not_apply(why_no_identity(subject.network))
    comparison = Comparison()
    with torch.no_grad():
        comparison.add(deep(subject.inputs), shallow(subject.inputs))
        comparison.add(subject.loss(deep.train()), subject.loss(shallow.train()))
    left, right = f"deeper net, {added} blocks more", "shallower net"
    return comparison.outcome(left, right, limit=0.0, added=added)


def deepened(network: nn.Module) -> tuple[nn.Module, int]:
    """Return a copy with an identity block behind each block that allows one, and the number of blocks inserted."""
    deep, added = copy.deepcopy(network), 0
    for name, module in list(deep.named_modules()):
        if not isinstance(module, nn.Sequential | nn.ModuleList):
            continue
        parts: list[nn.Module] = []
        for part in module:
            parts.append(part)
            if isinstance(part, Block) and allows_identity(part):
                parts.append(as_identity(copy.deepcopy(part)))
        if len(parts) > len(module):
            added += len(parts) - len(module)
            parent, _, child = name.rpartition(".")
            row = nn.ModuleList(parts) if isinstance(module, nn.ModuleList) else nn.Sequential(*parts)
            deep.get_submodule(parent).add_module(child, row)
    return deep, added


def allows_identity(block: Block) -> bool:
    """Return whether the block carries its input whole and does no more to the stream than a ReLU."""
    return (
        type(block.shortcut) is nn.Identity
        and (type(block.merge) is Gate or (type(block.merge) is Add and last_layer(block) is not None))
        and type(block.activation) in (nn.Identity, nn.ReLU)
    )


@torch.no_grad()
def as_identity(block: Block) -> Block:
    """Let the branch end in zeros, or the gate be shut, in place; return the block."""
    if isinstance(block.merge, Gate):
        block.merge.transform.get_parameter("weight").zero_()
        block.merge.transform.get_parameter("bias").fill_(SHUT)
    elif (last := last_layer(block)) is not None:
        for parameter in last.parameters():
            parameter.zero_()
    return block


def last_layer(block: Block) -> nn.Module | None:
    """Return the layer of the branch whose zeros make the branch zero: its last norm, convolution or matrix."""
    gates = {
        part
        for gate in block.branch.modules()
        if isinstance(gate, SqueezeExcite | ChannelAttention)
        for part in gate.modules()
    }
    layers = [part for part in block.branch.modules() if isinstance(part, LAYERS) and part not in gates]
    return layers[-1] if layers else None


def why_no_identity(network: nn.Module) -> str:
    """Return the reason why no block can be the identity."""
    blocks = [module for module in network.modules() if isinstance(module, Block)]
    if not blocks:
        return "it is not made of blocks"
    if all(type(block.merge) is BranchOnly for block in blocks):
        return "a plain block whose branch gives nothing gives 0, not x"
    if any(type(block.merge) is Concatenate for block in blocks):
        return "a dense block widens the stream, so the next layer would need another shape"
    acting = sorted({type(layer).__name__ for block in blocks for layer in block.activation.modules()} - HARMLESS)
    if acting:
        return f"{' and '.join(acting)} acts on the stream and changes it even when the branch gives nothing"
    return "no block carries its input unchanged"
