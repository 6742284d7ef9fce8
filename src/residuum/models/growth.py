"""Growing: a deeper network that computes what a shallower one does (the construction of He15 section 3.1).

Blocks whose branch gives zero are inserted behind the first block of each stage; what was learnt stays where it was.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from ..errors import InputError
from ..nn import Block, Network
from ..nn.initialise import NORMS
from ..nn.merges import Add
from . import build
from .description import attach, describe


def deepen(model: Network, depth: int) -> Network:
    """Return a network of more layers that computes the same function, bit for bit.

    The new blocks start as the identity: the last norm of their branch (or, where it ends in a convolution, that
    convolution) is zero, and grows from there as zero-initialised branches do (Goyal et al. 2017, arXiv:1706.02677,
    section 5.1). In training and in evaluation the first outputs are those of the shallower network; its weights and
    running statistics are copied, and it is left as it was.

    Args:
        model: of a family with ``depth``, whose blocks add their branch to an identity.
        depth: more layers than it has.

    Raises:
        InputError: fewer layers, or blocks that cannot be the identity (plain, gated, projected).
    """
    described = describe(model)
    shallow = described.arguments.get("depth")
    if shallow is None or depth <= shallow:
        raise InputError(
            f"a network grows to more layers than it has, got {depth} for {described.model} of depth {shallow}; "
            "build it with create_model(BUILDER, depth=...) and ask for more"
        )
    arguments = {**described.arguments, "depth": depth}
    grown = build(described.model, **arguments)
    assert isinstance(grown, Network)
    for part in ("stem", "head"):
        grown.get_submodule(part).load_state_dict(model.get_submodule(part).state_dict())
    for old, new in zip(model.stages, grown.stages, strict=True):
        _insert(list(old.children()), list(new.children()))
    attach(grown, replace(described, arguments=arguments))
    return grown.train(model.training)


def _insert(old: list[nn.Module], new: list[nn.Module]) -> None:
    """Copy the first block to the first, the others to the last; make those between the identity."""
    added = len(new) - len(old)
    for place, block in enumerate(new):
        if 0 < place <= added:
            _make_identity(block)
            continue
        known = old[place - added if place else 0].state_dict()
        if known.keys() != block.state_dict().keys():
            raise InputError(
                "a stage of one block that also ends it cannot grow, its norm would stand elsewhere; "
                "begin with two blocks a stage"
            )
        block.load_state_dict(known)


def _make_identity(block: nn.Module) -> None:
    if not (
        isinstance(block, Block)
        and isinstance(block.merge, Add)
        and not list(block.shortcut.parameters())
        and isinstance(block.activation, nn.ReLU | nn.Identity)
    ):
        raise InputError(
            "only blocks that add their branch to an identity can start as the identity, "
            f"got {type(block).__name__} with {type(getattr(block, 'merge', None)).__name__}; grow a residual network "
            "with shortcut A or B"
        )
    layers = [layer for layer in block.branch.modules() if isinstance(layer, (*NORMS, nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        for parameter in layers[-1].parameters():
            parameter.zero_()
