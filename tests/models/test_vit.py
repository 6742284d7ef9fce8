"""Vision transformers: timm's weights, timm's logits; digits are learnt."""

import re

import pytest
import torch
from model_peers import on_meta
from torch import nn

from residuum import create_model
from residuum.compat import import_torchvision
from residuum.errors import InputError

TIMM = [
    (r"^cls_token$", "stem.first"),
    (r"^pos_embed$", "stem.places"),
    (r"^patch_embed\.proj\.", "stem.conv."),
    (r"^norm\.", "head.norm."),
    (r"^head\.(weight|bias)", r"head.fc.\1"),
    (r"^blocks\.(\d+)\.norm1\.", lambda m: f"stages.0.{2 * int(m[1])}.branch.norm."),
    (r"^blocks\.(\d+)\.norm2\.", lambda m: f"stages.0.{2 * int(m[1]) + 1}.branch.norm."),
    (r"^blocks\.(\d+)\.attn\.qkv\.", lambda m: f"stages.0.{2 * int(m[1])}.branch.layer.qkv."),
    (r"^blocks\.(\d+)\.attn\.proj\.", lambda m: f"stages.0.{2 * int(m[1])}.branch.layer.out."),
    (r"^blocks\.(\d+)\.mlp\.", lambda m: f"stages.0.{2 * int(m[1]) + 1}.branch.layer."),
]


def ours(name):
    for pattern, replacement in TIMM:
        name, count = re.subn(pattern, replacement, name)
        if count:
            return name
    raise AssertionError(name)


def test_timms_weights_give_timms_logits():
    import_torchvision()
    from timm.models.vision_transformer import VisionTransformer

    theirs = VisionTransformer(
        img_size=32, patch_size=8, num_classes=5, embed_dim=24, depth=3, num_heads=4, weight_init="skip"
    ).eval()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.3)
    model = create_model("vit", depth=3, image_size=32, patch_size=8, num_classes=5, width=24, heads=4).eval()
    model.load_state_dict({ours(name): value for name, value in theirs.state_dict().items()})
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = theirs(images)
        assert expected.std() > 0.1
        torch.testing.assert_close(model(images), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_digits_are_learnt(norm):
    from sklearn.datasets import load_digits

    data = load_digits()
    images = torch.tensor(data.images[:, None] / 8 - 1, dtype=torch.float32)
    labels = torch.tensor(data.target)
    model = create_model("vit", depth=2, num_classes=10, in_chans=1, image_size=8, patch_size=2, width=32, heads=4,
                         norm=norm)  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(300):
        batch = torch.randint(1500, (64,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (model.eval()(images[1500:]).argmax(1) == labels[1500:]).float().mean()
    assert accuracy > 0.75


def test_what_does_not_fit():
    with pytest.raises(InputError, match=r"features_only needs a convolutional model, .* got vit_tiny"):
        on_meta(create_model, "vit_tiny", features_only=True)
    with pytest.raises(InputError, match="image_size must be a multiple of patch_size, got 30 and 16"):
        on_meta(create_model, "vit", image_size=30)
    with pytest.raises(
        InputError, match="takes images of 224x224 pixels, got 32x32; resize them or build it with image_"
    ):
        on_meta(create_model, "vit")(torch.empty(1, 3, 32, 32, device="meta"))
