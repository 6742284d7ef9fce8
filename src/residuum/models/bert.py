"""BERT: transformer encoders (Devlin et al. 2018, arXiv:1810.04805; small ones by Turc et al. 2019, arXiv:1908.08962).

Words, places and segments are added up; then attention and MLP blocks in turn, y = norm(x + branch(x)): the residual
block with a layer norm in its outer activation slot. Every position sees all words.
"""

from __future__ import annotations

from torch import nn

from ..nn.attention import last_norm, transformer_blocks
from ..nn.initialise_text import truncated_normal
from ..nn.norms import pick_norm
from ..nn.text import FirstTokenHead, MaskedWordHead, TextNetwork, TextStem, sees_all
from .variant import variant

EPS = 1e-12
SEGMENTS = 2  # first and second sentence


def bert(
    depth: int = 12,
    *,
    width: int = 768,
    heads: int = 12,
    vocabulary: int = 30522,
    length: int = 512,
    num_classes: int = 2,
    order: str = "post",
    norm: str = "layer",
) -> TextNetwork:
    """Build an encoder that judges a text by its first token: tokens [N, T] -> logits [N, num_classes].

    Args:
        depth: layers, each an attention block and an MLP block.
        width: features of a position.
        heads: attentions side by side; width is a multiple of them.
        vocabulary: how many words.
        length: how many tokens it reads at most.
        num_classes: how many logits; 0 gives the pooled features.
        order: "post" (as published) or "pre", where the norm stands.
        norm: "layer" (as published) or "batch".
    """
    return _network(FirstTokenHead(width, num_classes), depth, width, heads, vocabulary, length, order, norm)


def bert_words(
    depth: int = 12,
    *,
    width: int = 768,
    heads: int = 12,
    vocabulary: int = 30522,
    length: int = 512,
    order: str = "post",
    norm: str = "layer",
) -> TextNetwork:
    """Build the encoder as it is pre-trained, guessing masked words: tokens [N, T] -> logits [N, T, vocabulary].

    Arguments are those of ``bert``.
    """
    head = MaskedWordHead(width, vocabulary, pick_norm(norm, EPS)(width))
    return _network(head, depth, width, heads, vocabulary, length, order, norm)


def _network(
    head: nn.Module, depth: int, width: int, heads: int, vocabulary: int, length: int, order: str, norm: str
) -> TextNetwork:
    make_norm = pick_norm(norm, EPS)
    network = TextNetwork(
        TextStem(vocabulary, length, width, segments=SEGMENTS, norm=make_norm(width)),
        transformer_blocks(depth, width, heads, order=order, norm=make_norm),
        last_norm(order, make_norm, width),
        head,
        sees=sees_all,
    )
    return truncated_normal(network)


TEXT = (128,)  # the length that small BERTs are compared at

BUILDERS = {"bert": bert, "bert_words": bert_words}

VARIANTS = {
    "bert_tiny": variant(bert, depth=2, width=128, heads=2, source="Turc et al. 2019 table 1", input_shape=TEXT),
    "bert_mini": variant(bert, depth=4, width=256, heads=4, source="Turc et al. 2019 table 1", input_shape=TEXT),
    "bert_small": variant(bert, depth=4, width=512, heads=8, source="Turc et al. 2019 table 1", input_shape=TEXT),
    "bert_medium": variant(bert, depth=8, width=512, heads=8, source="Turc et al. 2019 table 1", input_shape=TEXT),
    "bert_base": variant(bert, depth=12, width=768, heads=12, source="Devlin et al. 2018 section 3", input_shape=TEXT),
    "bert_large": variant(
        bert, depth=24, width=1024, heads=16, source="Devlin et al. 2018 section 3", input_shape=TEXT
    ),
}
