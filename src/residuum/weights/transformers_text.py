"""Names and shapes of Hugging Face's BERT and GPT-2, in both directions, without loss.

This project keeps query, key and value in one matrix and layers as pairs of blocks, attention 2i and MLP 2i + 1.
BERT's files keep three matrices; GPT-2's keep a layer's matrices transposed, inputs first. Only names differ otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ..errors import InputError
from .stacked import Naming, State, to_ours, to_theirs

BERT_ONCE = (
    ("stem.words", ["embeddings.word_embeddings"]),
    ("stem.places", ["embeddings.position_embeddings"]),
    ("stem.segments", ["embeddings.token_type_embeddings"]),
    ("stem.norm", ["embeddings.LayerNorm"]),
    ("head.pool", ["pooler.dense"]),
    ("head.fc", ["classifier"]),
    ("head.dense", ["cls.predictions.transform.dense"]),
    ("head.norm", ["cls.predictions.transform.LayerNorm"]),
    ("head", ["cls.predictions"]),
)
BERT_LAYER = (
    ("blocks.{a}.branch.qkv", [f"encoder.layer.{{i}}.attention.self.{part}" for part in ("query", "key", "value")]),
    ("blocks.{a}.branch.out", ["encoder.layer.{i}.attention.output.dense"]),
    ("blocks.{a}.activation", ["encoder.layer.{i}.attention.output.LayerNorm"]),
    ("blocks.{m}.branch.fc1", ["encoder.layer.{i}.intermediate.dense"]),
    ("blocks.{m}.branch.fc2", ["encoder.layer.{i}.output.dense"]),
    ("blocks.{m}.activation", ["encoder.layer.{i}.output.LayerNorm"]),
)
GPT2_ONCE = (("stem.words", ["wte"]), ("stem.places", ["wpe"]), ("norm", ["ln_f"]))
GPT2_LAYER = (
    ("blocks.{a}.branch.norm", ["h.{i}.ln_1"]),
    ("blocks.{a}.branch.layer.qkv", ["h.{i}.attn.c_attn"]),
    ("blocks.{a}.branch.layer.out", ["h.{i}.attn.c_proj"]),
    ("blocks.{m}.branch.norm", ["h.{i}.ln_2"]),
    ("blocks.{m}.branch.layer.fc1", ["h.{i}.mlp.c_fc"]),
    ("blocks.{m}.branch.layer.fc2", ["h.{i}.mlp.c_proj"]),
)

BERT = Naming(
    once=BERT_ONCE,
    layer=BERT_LAYER,
    theirs=r"encoder\.layer\.(\d{1,4})\.",
    ours=r"blocks\.(\d{1,4})\.",
    anchor="embeddings.word_embeddings",
    home="bert.",
    heads=("head.fc", "head.dense", "head.norm", "head.bias"),
    computed=r"embeddings\.position_ids",
    copies={
        "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
)
GPT2 = Naming(
    once=GPT2_ONCE,
    layer=GPT2_LAYER,
    theirs=r"h\.(\d{1,4})\.",
    ours=r"blocks\.(\d{1,4})\.",
    anchor="wte",
    home="transformer.",
    turned=r"h\.\d+\.(attn|mlp)\.\w+\.weight",
    computed=r"h\.\d+\.attn\.(masked_)?bias",
    copies={"lm_head.weight": "wte.weight"},
)


def from_bert(state: Mapping[str, Tensor]) -> State:
    """Return this project's state of a ``BertModel``, ``BertForSequenceClassification`` or ``BertForMaskedLM``.

    Raises:
        InputError: entries that such a model does not have, or an output matrix that differs from the word embedding.
    """
    return _whole(BERT, state, "bert.")


def to_bert(state: Mapping[str, Tensor]) -> State:
    """Return ``BertModel``'s names for this project's state; inverts ``from_bert`` except for prefix and copies."""
    return _named(BERT, state)


def from_gpt2(state: Mapping[str, Tensor]) -> State:
    """Return this project's state of a ``GPT2Model`` or ``GPT2LMHeadModel``.

    Raises:
        InputError: entries that such a model does not have, or an output matrix that differs from the word embedding.
    """
    return _whole(GPT2, state, "transformer.")


def to_gpt2(state: Mapping[str, Tensor]) -> State:
    """Return ``GPT2Model``'s names for this project's state; inverts ``from_gpt2`` except for prefix and copies."""
    return _named(GPT2, state)


def _whole(naming: Naming, state: Mapping[str, Tensor], prefix: str) -> State:
    found = to_ours(naming, state, prefix)
    if found.left:
        some = ", ".join(sorted(found.left)[:8])
        raise InputError(f"the state must be of a BERT or GPT-2 that this library builds; unexpected entries: {some}")
    return found.tensors


def _named(naming: Naming, state: Mapping[str, Tensor]) -> State:
    found, left = to_theirs(naming, state)
    if left:
        raise InputError(f"the state must have names in transformers' model; unexpected entries: {', '.join(left[:8])}")
    return found
