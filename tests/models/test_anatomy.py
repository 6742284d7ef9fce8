"""What is read off a model is what its page of models/ put into the slots."""

import pytest
import torch
from model_peers import on_meta
from test_every_model import SIZE, TINY
from torch import nn

from residuum import create_model
from residuum.errors import InputError
from residuum.models import BUILDERS, VARIANTS, attach
from residuum.models.anatomy import anatomy, example_shape, patterns
from residuum.models.description import Description
from residuum.models.outline import outline
from residuum.models.slots import CELLS, Slots, take_apart
from residuum.nn import Add, Block


def parts_of(name, **arguments):
    return anatomy(on_meta(create_model, name, **arguments))


def pieces_of(name, section, **arguments):
    return next(part.pieces for part in parts_of(name, **arguments).sections if part.name == section)


CONV = ("conv 3×3, 32", "batch norm", "ReLU", "conv 3×3, 32", "batch norm")


def test_a_residual_stage_is_its_first_block_and_the_rest():
    first, rest = pieces_of("cifar_resnet20", "stages.1")
    shrinking = Slots(("conv 3×3, 32, /2", *CONV[1:]), ("every 2nd pixel", "pad 16 zeros"), "add", "s + F", ("ReLU",))
    assert first.slots == (shrinking,)
    assert rest.slots == (Slots(CONV, (), "add", "s + F", ("ReLU",)),)
    assert (first.name, first.repeat, first.parameters) == ("0", 1, 13952)
    assert (rest.name, rest.repeat, rest.parameters, rest.shape) == ("1–2", 2, 37120, (32, 16, 16))


def test_the_plain_twin_differs_in_the_merge_alone():
    residual, plain = pieces_of("cifar_resnet20", "stages.0")[0], pieces_of("cifar_plain20", "stages.0")[0]
    assert plain.slots[0] == residual.slots[0]._replace(merge="none", formula="F")
    assert plain[2:] == residual[2:]


def test_a_projection_stands_on_the_shortcut():
    first, _ = pieces_of("resnet50", "stages.1")
    assert first.slots[0].shortcut == ("conv 1×1, 512, /2", "batch norm")
    assert first.slots[0].branch[3] == "conv 3×3, 128, /2"  # v1.5


MERGES = {
    "identity": ("add", "s + F"),
    "constant_scaling": ("add", "0.5·s + 0.5·F"),
    "exclusive_gating": ("gate", "T·F + (1 − T)·s, T = sigmoid(conv 1×1, 16)"),
    "shortcut_gating": ("gate", "F + (1 − T)·s, T = sigmoid(conv 1×1, 16)"),
    "dropout": ("add", "s + F"),
}


@pytest.mark.parametrize("shortcut", MERGES)
def test_the_kinds_of_shortcut(shortcut):
    slots = pieces_of("cifar_resnet", "stages.0", depth=8, shortcut=shortcut)[0].slots[0]
    assert (slots.merge, slots.formula) == MERGES[shortcut]
    assert slots.shortcut == (("dropout 0.5",) if shortcut == "dropout" else ())


def test_both_gates_of_an_uncoupled_highway():
    slots = pieces_of("highway_mlp", "stages.0", merge="uncoupled_gate")[0].slots[0]
    assert slots.formula == "T·F + C·s, T = sigmoid(linear, 50), C = sigmoid(linear, 50)"


def test_grouped_dense_and_squeezed():
    assert "conv 3×3, 128, 32 groups" in pieces_of("resnext50_32x4d", "stages.0")[0].slots[0].branch
    assert pieces_of("seresnet50", "stages.0")[0].slots[0].branch[-1] == "squeeze 16, excite 256"
    transition, dense = pieces_of("densenet121", "stages.2")
    assert transition.slots[0].merge == "none" and dense.slots[0].merge == "concatenate"
    assert (dense.repeat, dense.shape[0]) == (24, 1024)


def test_attention_and_mlp_repeat_together():
    (pair,) = pieces_of("bert_tiny", "blocks")
    assert [slots.branch for slots in pair.slots] == [("attention, 2 heads",), ("linear, 512", "GELU", "linear, 128")]
    assert all(slots.activation == ("layer norm",) for slots in pair.slots) and pair.repeat == 2
    assert pieces_of("gpt_tiny", "blocks")[0].slots[0].branch == ("layer norm", "attention, 2 heads")


def test_the_wiring_of_a_skip_cell():
    (cell,) = pieces_of("skip_mlp_residual10", "stages.0")
    assert cell.slots[0].skips == tuple((k, k + 2, "identity") for k in (0, 2, 4, 6)) and cell.slots[0].depth == 8
    (plain,) = pieces_of("skip_mlp_plain10", "stages.0")
    assert plain.slots[0].merge == "none" and not plain.slots[0].skips
    (normed,) = pieces_of("skip_mlp_bn", "stages.0")
    assert normed.slots[0].branch == ("linear, 64", "batch norm")
    assert normed.slots[0].formula == "norm(W[l−1,l]·a[l−1] + b[l]) + Σ W[k,l]·a[k]"


def test_the_memory_cells_differ_in_the_forget_gate():
    (modern,), (first,) = (pieces_of(f"lstm_classifier_{year}", "stages.0") for year in (2000, 1997))
    assert (modern.slots[0].merge, first.slots[0].merge) == ("gate", "add")
    assert modern.slots[0].formula.endswith("f·c + i·g") and first.slots[0].formula.endswith("c + i·g")
    assert first.slots[0].shortcut == ()


@pytest.mark.parametrize("name", BUILDERS)
def test_the_numbers_add_up(name):
    network = on_meta(create_model, name, **TINY.get(name, {}))
    takes_images = "in_chans" in BUILDERS[name].__annotations__
    parts = anatomy(network, (3, SIZE, SIZE) if takes_images else (5,))
    assert parts.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert parts.parameters == sum(section.parameters for section in parts.sections)
    assert parts.macs == sum(section.macs for section in parts.sections)
    for section in parts.sections:
        assert section.parameters == sum(piece.parameters for piece in section.pieces)
        assert section.shape == section.pieces[-1].shape


def test_every_variant_is_described_in_words_of_ours():
    for name in {row.builder: name for name, row in reversed(VARIANTS.items())}.values():  # each builder's first
        network = on_meta(create_model, name)
        slots = [slots for part in anatomy(network).sections for piece in part.pieces for slots in piece.slots]
        words = {word for each in slots for word in (*each.branch, *each.shortcut, each.merge, *each.activation)}
        unnamed = {type(module).__name__ for module in network.modules()} - {"ReLU", "ReLU6", "SiLU", "GELU"}
        assert not unnamed & words, "give the layer words in models/layer_words.py"


def test_what_it_does_not_know_is_called_by_its_class():
    class Strange(nn.Module):
        pass

    assert take_apart(Block(nn.Softplus(), merge=Strange())) == Slots(("Softplus",), (), "Strange")
    assert take_apart(Block(nn.Sequential(nn.Dropout(0.0), nn.Identity()), merge=Add())).branch == ()


@pytest.mark.parametrize("row", ["", "a", "aab", "abab", "abcbc", "aabcbcd", "abcdeabcde"])
def test_patterns_put_the_row_together_again(row):
    again = "".join(row[start : start + length] * repeat for start, length, repeat in patterns(row))
    assert again == row


def test_patterns_prefer_the_shortest():
    assert patterns("aabcbc") == [(0, 1, 2), (2, 2, 2)]
    assert patterns("aaaa") == [(0, 1, 4)]


def test_the_example_is_what_the_model_takes():
    assert example_shape(on_meta(create_model, "resnet18", in_chans=1)) == (1, 224, 224)
    assert example_shape(on_meta(create_model, "cifar_resnet", depth=8)) == (3, 32, 32)
    assert example_shape(on_meta(create_model, "vit", image_size=64)) == (3, 64, 64)
    assert example_shape(on_meta(create_model, "gpt_tiny")) == VARIANTS["gpt_tiny"].input_shape


def test_feature_maps_have_no_head():
    names = [section.name for section in parts_of("resnet18", features_only=True).sections]
    assert names == ["stem", "stages.0", "stages.1", "stages.2", "stages.3"]


def test_a_model_of_others_is_refused():
    with pytest.raises(InputError, match="made by residuum.create_model"):
        anatomy(nn.Linear(2, 2))
    with pytest.raises(InputError, match="a network of stages or blocks, got Linear; give a model's name"):
        anatomy(attach(nn.Linear(2, 2), Description("resnet18", {})))


def test_the_outline_leaves_out_what_only_holds():
    with torch.device("meta"):
        parts = outline(create_model("skip_mlp_dense10"), (1, 28, 28))
    assert [part.name for part in parts] == ["stem", "stages.0", "head", "whole"]


@pytest.mark.parametrize("name", sorted({row.builder.__name__ for row in VARIANTS.values()}))
def test_the_outline_of_every_family_shows_its_slots(name):
    """A block is shortcut | branch | merge | activation, with the layers of the family's drawing."""
    network = on_meta(create_model, name, **TINY.get(name, {}))
    rows = {part.name: part.what for part in outline(network, example_shape(network)) if part.name != "whole"}
    cells = {key for key, module in network.named_modules() if type(module) in CELLS and key.count(".") < 3}
    assert {key for key, what in rows.items() if what.count(" | ") == 3} == cells
    for key in cells:
        slots, (shortcut, branch, merge, activation) = take_apart(network.get_submodule(key)), rows[key].split(" | ")
        assert branch == ("; ".join(slots.branch) or "x") and merge == (slots.formula or slots.merge)
        assert shortcut == ("; ".join(slots.shortcut) or ("–" if slots.merge == "none" else "x"))
        assert activation == ("; ".join(slots.activation) or "–")
