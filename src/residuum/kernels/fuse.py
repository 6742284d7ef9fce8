"""Fused networks: the same modules under the same names; norm, addition and activation run as one operation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeVar

from torch import Tensor, nn

from ..nn.block import Block
from ..nn.merges import Add
from .compiled import give_forward, given_forward
from .pool import halves, max_pool
from .small_conv import conv3x3, is_small
from .tail import forked_tail, hooked
from .winograd import by_winograd, serves_with_pool, winograd_conv

Model = TypeVar("Model", bound=nn.Module)


def fuse(model: Model) -> Model:
    """Let norms, additions and activations run as one operation wherever they meet, in place; return the model.

    No module is replaced: blocks and sequences get another ``forward``, which calls the same parts, so names, weights,
    copies and whatever looks for blocks are as before. A hook on a part that would be passed over brings the plain
    computation back, and so does all that ``tail`` names. Max pooling of 2x2 pixels (``pool``)
    and 3x3 convolutions of few channels (``small_conv``) get their kernels, too. ``unfuse`` takes it away again.

    >>> model = residuum.create_model("cifar_resnet", depth=8).eval()
    >>> images = torch.zeros(1, 3, 32, 32)
    >>> plain = model(images)
    >>> torch.allclose(fuse(model)(images), plain, atol=1e-5)
    True
    """
    for module in reversed(list(model.modules())):  # the inner ones first: a sequence of fused parts is fused too
        if type(module) is Block and _ends_in_norm(module):
            give_forward(module, _block_forward)
        elif type(module) is nn.Sequential and (_has_pair(list(module)) or any(map(is_fused, module))):
            give_forward(module, _sequence_forward)
        elif halves(module):
            give_forward(module, max_pool)
        elif is_small(module) and not by_winograd(module):
            give_forward(module, conv3x3)
    return model


def unfuse(model: Model) -> Model:
    """Take away what ``fuse`` did; in place, and returned.

    >>> block = unfuse(fuse(Block(basic_branch(8, 8), activation=torch.nn.ReLU())))
    >>> is_fused(block)
    False
    """
    for module in model.modules():
        if is_fused(module):
            del module.forward
    return model


def is_fused(module: nn.Module) -> bool:
    """Return whether ``fuse`` gave the module another forward pass.

    >>> is_fused(fuse(Block(basic_branch(8, 8), activation=torch.nn.ReLU())))
    True
    """
    return given_forward(module) in (
        _sequence_forward,
        _block_forward,
        max_pool,
        conv3x3,
    )


def _sequence_forward(sequence: nn.Sequential, x: Tensor) -> Tensor:
    return _through(list(sequence), x, x)[0]


def _block_forward(block: Block, x: Tensor, **context: Any) -> Tensor:
    if context or not _fusable(block):
        return Block.forward(block, x, **context)
    return _through_block(block, x, x)[0]


# A block's input has two uses, ``x`` in the branch and ``again`` in the shortcut: the same tensor, or its two
# outlets from the kernel (``forked_tail``).


def _through_block(block: Block, x: Tensor, again: Tensor) -> tuple[Tensor, Tensor]:
    assert isinstance(block.branch, nn.Sequential)
    *layers, norm = block.branch
    return forked_tail(norm, _through(layers, x, x)[0], block.shortcut(again), block.activation)


def _through(layers: Sequence[nn.Module], x: Tensor, again: Tensor) -> tuple[Tensor, Tensor]:
    """Pass x through the layers in a row, each norm with the activation behind it, convolutions with their pooling."""
    position = 0
    while position < len(layers):
        layer = layers[position]
        if _has_pair(layers[position : position + 2]):
            x, again = forked_tail(layer, x, None, layers[position + 1])
            position += 1
        elif is_fused(layer) and not hooked(layer) and isinstance(layer, nn.Sequential):
            x, again = _through(list(layer), x, again)
        elif is_fused(layer) and not hooked(layer) and isinstance(layer, Block) and _fusable(layer):
            x, again = _through_block(layer, x, again)
        elif position + 1 < len(layers) and serves_with_pool(layer, layers[position + 1], x):
            x = again = winograd_conv(x, layer.weight, pooled=True)
            position += 1
        else:
            x = again = layer(x)
        position += 1
    return x, again


def _has_pair(layers: Sequence[nn.Module]) -> bool:
    """Return whether somewhere an activation stands right behind a norm."""
    return any(type(norm) is nn.BatchNorm2d and type(act) is nn.ReLU for norm, act in pairwise(layers))


def _fusable(block: Block) -> bool:
    """Return whether the block still ends in a norm and no hook watches a part that fusion would skip."""
    return _ends_in_norm(block) and not (hooked(block.branch) or hooked(block.merge))


def _ends_in_norm(block: Block) -> bool:
    branch = block.branch
    return (
        type(block.merge) is Add
        and type(block.activation) in (nn.ReLU, nn.Identity)
        and type(branch) is nn.Sequential
        and len(branch) > 0
        and type(branch[-1]) is nn.BatchNorm2d
    )
