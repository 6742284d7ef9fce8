"""GPT and GPT-2: transformer decoders (Radford et al. 2018 and 2019).

Words and places are added up; then attention and MLP blocks in turn. GPT puts the norm behind the sum,
y = norm(x + branch(x)), GPT-2 into the branch, y = x + branch(norm(x)), with one more norm at the end. A position
sees itself and what came before; the logits are the features times the words' own vectors.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from ..nn.attention import last_norm, transformer_blocks
from ..nn.initialise_text import scaled_branches, truncated_normal
from ..nn.norms import pick_norm
from ..nn.text import TextNetwork, TextStem, WordHead, sees_past
from .variant import variant


def gpt(
    depth: int = 12,
    *,
    width: int = 768,
    heads: int = 12,
    vocabulary: int = 50257,
    length: int = 1024,
    order: str = "pre",
    norm: str = "layer",
) -> TextNetwork:
    """Build a decoder that guesses each next word: tokens [N, T] -> logits [N, T, vocabulary].

    Args:
        depth: layers, each an attention block and an MLP block.
        width: features of a position.
        heads: attentions side by side; width is a multiple of them.
        vocabulary: how many words.
        length: how many tokens it reads at most.
        order: "pre" (GPT-2) or "post" (GPT), where the norm stands.
        norm: "layer" (as published) or "batch", which looks at later positions too and so cheats in training.
    """
    make_norm = pick_norm(norm)
    network = TextNetwork(
        TextStem(vocabulary, length, width),
        transformer_blocks(depth, width, heads, order=order, norm=make_norm, activation=partial(nn.GELU, "tanh")),
        last_norm(order, make_norm, width),
        WordHead(),
        sees=sees_past,
    )
    return scaled_branches(truncated_normal(network))


GPT1 = {"vocabulary": 40478, "length": 512, "order": "post"}

BUILDERS = {"gpt": gpt}

VARIANTS = {
    "gpt_tiny": variant(gpt, depth=2, width=128, heads=2, source="GPT-2 in bert_tiny's size", input_shape=(128,)),
    "gpt_mini": variant(gpt, depth=4, width=256, heads=4, source="GPT-2 in bert_mini's size", input_shape=(128,)),
    "gpt1": variant(gpt, depth=12, **GPT1, source="Radford et al. 2018 section 4.1", input_shape=(512,)),
    "gpt2": variant(gpt, depth=12, source="Radford et al. 2019 table 2", input_shape=(1024,)),
    "gpt2_medium": variant(
        gpt, depth=24, width=1024, heads=16, source="Radford et al. 2019 table 2", input_shape=(1024,)
    ),
    "gpt2_large": variant(
        gpt, depth=36, width=1280, heads=20, source="Radford et al. 2019 table 2", input_shape=(1024,)
    ),
    "gpt2_xl": variant(gpt, depth=48, width=1600, heads=25, source="Radford et al. 2019 table 2", input_shape=(1024,)),
}
