"""Lesions against the same done by hand, and the model as it was."""

import copy
import itertools

import pytest
import torch
from small_networks import bits, small
from torch import nn

from residuum.analysis.lesions import (
    block_shapes,
    borders,
    interchangeable,
    kendall_tau,
    random_choices,
    removable,
    removed,
    reordered,
    swapped,
)
from residuum.analysis.taps import blocks_of
from residuum.nn.shortcuts import option_a


def by_hand(model, images, lost):
    """Pass the images through, block by block, leaving out what the lost ones compute."""
    x = model.stem(images)
    for name, block in blocks_of(model).items():
        x = block.activation(block.shortcut(x)) if name in lost else block(x)
    return model.head(x)


@pytest.mark.parametrize("lost", [["stages.0.1"], ["stages.1.0"], ["stages.2.0", "stages.2.1"], []])
def test_a_lesion_is_the_shortcut_alone(residual, digits, lost):
    images = next(digits.images())
    parts = removable(residual, images[:1])
    residual.eval()
    with torch.no_grad(), removed(residual, lost, parts):
        found = residual(images)
    assert torch.equal(found, by_hand(residual, images, lost))
    assert torch.equal(found, residual(images)) == (not lost)


def test_a_plain_block_becomes_the_identity_or_option_a(plain, digits):
    images, lost = next(digits.images()), ["stages.0.1", "stages.1.0"]
    parts = removable(plain, images[:1])
    plain.eval()
    with torch.no_grad(), removed(plain, lost, parts):
        found = plain(images)
    x = plain.stages[0][0](plain.stem(images)).relu()  # a rectified stream, rectified again, is the same
    x = option_a(4, 8, 2)(x).relu()
    assert torch.equal(found, plain.head(plain.stages[2](plain.stages[1][1](x))))


@pytest.mark.parametrize(
    "family, arguments",
    [
        ("cifar_highway", {"depth": 14, "widths": (4, 8, 8)}),
        ("cifar_densenet", {"depth": 13, "growth": 4}),
        ("cifar_preact_resnet", {"depth": 14, "branch": "basic"}),
        ("cifar_resnet", {"depth": 14, "widths": (4, 8, 8), "shortcut": "B"}),
    ],
)
def test_every_merge_takes_a_branch_of_zeros(family, arguments, digits):
    model = small(family, **arguments).eval()
    images = next(digits.images())[:8]
    parts = removable(model, images[:1])
    name = list(parts)[1]
    block = blocks_of(model)[name]
    with torch.no_grad(), removed(model, [name], parts):
        x = torch.randn(2, *block_shapes(model, images[:1])[name][0])
        zeros = torch.zeros(2, *block_shapes(model, images[:1])[name][1])
        assert torch.equal(block(x), block.activation(block.merge(block.shortcut(x), zeros, x)))


def test_the_model_is_the_same_to_the_bit_and_to_the_module(residual, digits):
    image = next(digits.images())[:1]
    residual.train()
    residual.head.eval()  # a mode of its own, which must stay
    before = bits(residual)
    parts, shapes = removable(residual, image), block_shapes(residual, image)
    standing = swapped(interchangeable(residual, shapes), 3, torch.Generator().manual_seed(0))
    assert bits(residual) == before
    with pytest.raises(RuntimeError, match="broke"), removed(residual, ["stages.0.0"], parts):
        raise RuntimeError("broke")
    with pytest.raises(RuntimeError, match="broke"), reordered(residual, standing):
        assert bits(residual) != before
        raise RuntimeError("broke")
    assert bits(residual) == before


def test_reordered_blocks_stand_where_they_were_told(residual, digits):
    images = next(digits.images())
    residual.eval()
    blocks = blocks_of(residual)
    with torch.no_grad(), reordered(residual, {"stages.2.0": "stages.2.1", "stages.2.1": "stages.2.0"}):
        found = residual(images)
    x = residual.stages[1](residual.stages[0](residual.stem(images)))
    assert torch.equal(found, residual.head(blocks["stages.2.0"](blocks["stages.2.1"](x))))
    assert not torch.equal(found, residual(images))


def test_only_blocks_of_one_shape_change_places(digits):
    model = small(depth=20, widths=(4, 8, 16))
    shapes = block_shapes(model, next(digits.images())[:1])
    assert borders(shapes) == ["stages.1.0", "stages.2.0"]
    groups = interchangeable(model, shapes)
    assert groups == [
        ["stages.0.0", "stages.0.1", "stages.0.2"],
        ["stages.1.1", "stages.1.2"],
        ["stages.2.1", "stages.2.2"],
    ]
    for swaps in range(8):
        standing = swapped(groups, swaps, torch.Generator().manual_seed(swaps))
        assert all({standing[name] for name in group} == set(group) for group in groups)
        names = list(blocks_of(model))
        order = [names.index(standing.get(name, name)) for name in names]
        pairs = list(itertools.combinations(order, 2))
        by_pairs = sum((later > earlier) - (later < earlier) for earlier, later in pairs) / len(pairs)
        assert kendall_tau(model, standing) == pytest.approx(by_pairs)
        assert swaps or kendall_tau(model, standing) == 1


def test_choices_are_the_seeds(residual):
    names = list(blocks_of(residual))
    one, again = (random_choices(names, 3, torch.Generator().manual_seed(5)) for _ in range(2))
    assert one == again and len(set(one)) == 3 and one == sorted(one)
    assert random_choices(names, len(names), torch.Generator()) == names


def test_what_cannot_be_done_is_said(residual, plain, digits):
    image = next(digits.images())[:1]
    parts = removable(residual, image)
    with (
        pytest.raises(ValueError, match=r"each lesion must be a block's name, got 'stages.9.9'; did you mean"),
        removed(residual, ["stages.9.9"], parts),
    ):
        pass
    with pytest.raises(ValueError, match="lesions must number 0 to 6, as many as there are blocks, got 7"):
        random_choices(list(parts), 7, torch.Generator())
    with (
        pytest.raises(ValueError, match="name each block that moves once as place and once as block, got 2 places"),
        reordered(residual, {"stages.0.0": "stages.0.1", "stages.0.1": "stages.0.1"}),
    ):
        pass
    with pytest.raises(ValueError, match="blocks can change places where a stage has two of one shape, and none has"):
        swapped([], 1, torch.Generator())
    with pytest.raises(ValueError, match="this analysis inspects blocks, and Linear has none"):
        removable(nn.Linear(1, 1), torch.zeros(1, 1))
    narrowing = copy.deepcopy(plain)
    narrowing.stages[1][1].branch = nn.Sequential(nn.Conv2d(8, 5, 1), nn.ReLU())
    narrowing.stages[2][0].branch = nn.Conv2d(5, 8, 3, padding=1)
    with pytest.raises(ValueError, match=r"a plain block can be removed where the identity or option A carries"):
        removable(narrowing, image)
