"""EfficientNet-Lite against its reference, and what the two forms share."""

import pytest
import torch
from model_peers import on_meta
from torch import nn

import residuum
from residuum import create_model
from residuum.errors import InputError
from residuum.nn import Add, Block, BranchOnly, DropPath
from residuum.nn.padding import SamePad

SIDES = {"lite0": 224, "lite1": 240, "lite2": 260, "lite3": 280, "lite4": 300}


@torch.no_grad()
def drawn(model):
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            value.normal_(0, (2 / value[0].numel()) ** 0.5) if value.ndim > 1 else value.uniform_(0.5, 1.0)
            if name.endswith("bias"):
                value.sub_(0.7)
    return model.eval()


@pytest.mark.parametrize("size", ["lite0", "lite2"])
def test_lite_weights_give_the_references_logits(size, tmp_path):
    reference = pytest.importorskip("efficientnet_lite_pytorch")
    theirs = drawn(reference.EfficientNet.from_name(f"efficientnet-{size}", num_classes=5))
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    ours = residuum.load(tmp_path / "w.pth")
    assert ours.description.model == f"efficientnet_{size}"
    images = torch.randn(1, 3, SIDES[size], SIDES[size])
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", SIDES)
def test_the_published_names_are_recognised_with_their_preprocessing(size, tmp_path):
    from residuum.weights.dialects import spell

    state = on_meta(create_model, f"efficientnet_{size}").state_dict()
    state = {spell(f"efficientnet_{size}", name): torch.ones(value.shape) for name, value in state.items()}
    assert {"_conv_stem.weight", "_bn0.weight", "_blocks.1._expand_conv.weight", "_fc.bias"} <= set(state)
    torch.save(state, tmp_path / "w.pth")
    said = residuum.load(tmp_path / "w.pth").description
    assert (said.model, said.arguments) == (f"efficientnet_{size}", {})
    assert said.preprocessing.size == (SIDES[size], SIDES[size])
    assert said.preprocessing.resize == SIDES[size] + 32
    pixels = torch.tensor([0.0, 127.0, 255.0])
    normalised = (pixels / 255 - said.preprocessing.mean[0]) / said.preprocessing.std[0]
    torch.testing.assert_close(normalised, (pixels - 127) / 128)
    assert "EfficientNet-Lite's: shorter side" in said.provenance and len(said.classes) == 1000


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_b0", "mobilenetv3_small_100"])
@pytest.mark.parametrize("conventions", [("symmetric", 1e-5), ("same", 1e-3)])
def test_timms_two_conventions(name, conventions, tmp_path):
    import timm

    padding, eps = conventions
    with torch.device("meta"):
        theirs = timm.create_model(f"{'tf_' if padding == 'same' else ''}{name}", num_classes=5)
    theirs = drawn(theirs.to_empty(device="cpu"))
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    ours = residuum.load(tmp_path / "w.pth", padding=padding, norm_eps=eps)
    images = torch.randn(1, 3, 65, 98)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [7, 8, 9, 224])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 2), (3, 3)])
def test_same_padding_gives_a_strides_share_of_the_size(size, kernel, stride):
    layer = nn.Sequential(SamePad(kernel, stride), nn.Conv2d(1, 1, kernel, stride))
    assert layer(torch.zeros(1, 1, size, size + 1)).shape[2:] == (-(-size // stride), -(-(size + 1) // stride))


def test_same_padding_refuses_a_stride_that_leaves_pixels_out():
    with pytest.raises(InputError, match="a stride from 1 to the kernel's 1 pixels, got 2"):
        SamePad(1, 2)


def test_same_padding_is_traced_with_free_sizes():
    """Five in a row, as in the network, must stay expressions that torch.export can simplify."""
    free, torch_export = torch.export.Dim.DYNAMIC, torch.export.export
    rows = [layer for kernel in (3, 3, 5, 3, 5) for layer in (SamePad(kernel, 2), nn.Conv2d(3, 3, kernel, 2))]
    model = nn.Sequential(*rows)
    program = torch_export(model, (torch.zeros(2, 3, 72, 88),), dynamic_shapes=({0: free, 2: free, 3: free},))
    for size in [(64, 64), (33, 50), (65, 97)]:
        images = torch.randn(1, 3, *size)
        assert torch.equal(program.module()(images), model(images))


def test_the_odd_pixel_is_padded_right_and_below():
    assert SamePad(3, 2)(torch.ones(1, 1, 4, 4))[0, 0, :, 0].tolist() == [1, 1, 1, 1, 0]
    assert SamePad(3, 2)(torch.ones(1, 1, 5, 5))[0, 0, :, 1].tolist() == [0, 1, 1, 1, 1, 1, 0]


def test_only_blocks_that_carry_something_are_dropped_later_ones_more():
    model = on_meta(create_model, "efficientnet_b0", stochastic_depth=0.32)
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    assert len(blocks) == 16
    for number, block in enumerate(blocks):
        if isinstance(block.merge, Add):
            assert isinstance(block.branch, DropPath) and block.branch.drop == pytest.approx(0.32 * number / 16)
        else:
            assert isinstance(block.merge, BranchOnly) and not isinstance(block.branch, DropPath)


def test_the_stem_and_the_head_of_lite_stay_as_wide():
    for size in SIDES:
        state = on_meta(create_model, f"efficientnet_{size}").state_dict()
        assert (len(state["stem.conv.weight"]), len(state["head.conv.weight"])) == (32, 1280)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": "b9"}, "size must be one of b0, b1, b2, b3, b4, got 'b9'"),
        ({"padding": "valid"}, r"padding must be symmetric \(torch's\) or same \(TensorFlow's\), got 'valid'"),
        ({"stochastic_depth": 1.5}, "a drop probability must be at least 0 and below 1"),
    ],
)
def test_impossible_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        create_model("efficientnet", **arguments)
