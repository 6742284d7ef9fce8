"""Vision transformers (Dosovitskiy et al. 2020, arXiv:2010.11929; small ones by Touvron et al. 2020, arXiv:2012.12877).

An image is cut into patches, which are read like words: pre-norm attention and MLP blocks, y = x + branch(norm(x)).
"""

from __future__ import annotations

from torch import nn

from ..nn import Network
from ..nn.attention import transformer_blocks
from ..nn.initialise_text import truncated_normal
from ..nn.norms import pick_norm
from ..nn.patches import PatchStem, first_token_head
from .variant import variant


def vit(
    depth: int = 12,
    *,
    num_classes: int = 1000,
    in_chans: int = 3,
    image_size: int = 224,
    patch_size: int = 16,
    width: int = 192,
    heads: int = 3,
    norm: str = "layer",
) -> Network:
    """Build an encoder of patches: images [N, in_chans, image_size, image_size] -> logits [N, num_classes].

    Args:
        depth: layers, each an attention block and an MLP block.
        num_classes: how many logits.
        in_chans: channels of the images.
        image_size: height and width of the images, pixels.
        patch_size: height and width of a patch, pixels.
        width: features of a patch.
        heads: attentions side by side; width is a multiple of them.
        norm: "layer" (as published), "layer_1e-12" (transformers' smallest variance) or "batch".
    """
    make_norm = pick_norm(norm, 1e-6)
    network = Network(
        stem=PatchStem(in_chans, width, image_size=image_size, patch_size=patch_size),
        stages=[nn.Sequential(*transformer_blocks(depth, width, heads, order="pre", norm=make_norm))],
        head=first_token_head(make_norm(width), width, num_classes),
        num_features=width,
    )
    return truncated_normal(network)


BUILDERS = {"vit": vit}

VARIANTS = {
    "vit_tiny": variant(vit, depth=12, source="Touvron et al. 2020 table 1, DeiT-Ti", image_size=224),
    "vit_small": variant(
        vit, depth=12, width=384, heads=6, source="Touvron et al. 2020 table 1, DeiT-S", image_size=224
    ),
    "vit_base": variant(
        vit, depth=12, width=768, heads=12, source="Dosovitskiy et al. 2020 table 1, ViT-B/16", image_size=224
    ),
    "vit_large": variant(
        vit, depth=24, width=1024, heads=16, source="Dosovitskiy et al. 2020 table 1, ViT-L/16", image_size=224
    ),
}
