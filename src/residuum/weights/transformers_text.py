"""Names and shapes of Hugging Face's BERT and GPT-2, there and back, without loss.

This project keeps query, key and value in one matrix and layers as pairs of blocks, attention 2i and MLP 2i + 1.
BERT's files keep three matrices; GPT-2's keep a layer's matrices transposed, inputs first. The rest is names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..errors import InputError

State = dict[str, Tensor]
Row = tuple[str, Sequence[str]]  # this project's module, and theirs; several of theirs are one of ours, stacked
LEAVES = ("weight", "bias")

# {a}: an attention block, {m}: an MLP block, {i}: the layer that both make
BERT: tuple[Row, ...] = (
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
BERT_LAYER: tuple[Row, ...] = (
    ("blocks.{a}.branch.qkv", [f"encoder.layer.{{i}}.attention.self.{part}" for part in ("query", "key", "value")]),
    ("blocks.{a}.branch.out", ["encoder.layer.{i}.attention.output.dense"]),
    ("blocks.{a}.activation", ["encoder.layer.{i}.attention.output.LayerNorm"]),
    ("blocks.{m}.branch.fc1", ["encoder.layer.{i}.intermediate.dense"]),
    ("blocks.{m}.branch.fc2", ["encoder.layer.{i}.output.dense"]),
    ("blocks.{m}.activation", ["encoder.layer.{i}.output.LayerNorm"]),
)
GPT2: tuple[Row, ...] = (("stem.words", ["wte"]), ("stem.places", ["wpe"]), ("norm", ["ln_f"]))
GPT2_LAYER: tuple[Row, ...] = (
    ("blocks.{a}.branch.norm", ["h.{i}.ln_1"]),
    ("blocks.{a}.branch.layer.qkv", ["h.{i}.attn.c_attn"]),
    ("blocks.{a}.branch.layer.out", ["h.{i}.attn.c_proj"]),
    ("blocks.{m}.branch.norm", ["h.{i}.ln_2"]),
    ("blocks.{m}.branch.layer.fc1", ["h.{i}.mlp.c_fc"]),
    ("blocks.{m}.branch.layer.fc2", ["h.{i}.mlp.c_proj"]),
)
TRANSPOSED = re.compile(r"h\.\d+\.(attn|mlp)\.\w+\.weight")

# stored in their files, computed here: positions and masks
COMPUTED = re.compile(r"embeddings\.position_ids|h\.\d+\.attn\.(masked_)?bias")
# copies of what is stored already: the last matrix is the words' own, and its bias the head's
COPIES = {
    "lm_head.weight": "wte.weight",
    "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}


def from_bert(state: Mapping[str, Tensor]) -> State:
    """Return this project's state of a ``BertModel``, ``BertForSequenceClassification`` or ``BertForMaskedLM``.

    Raises:
        InputError: entries that such a model does not have, or a last matrix that is not the words' own.
    """
    return _to_ours(_bare(state, "bert."), BERT, BERT_LAYER)


def to_bert(state: Mapping[str, Tensor]) -> State:
    """Return ``BertModel``'s names for this project's state; the inverse of ``from_bert`` but for prefix and copies."""
    return _to_theirs(state, BERT, BERT_LAYER)


def from_gpt2(state: Mapping[str, Tensor]) -> State:
    """Return this project's state of a ``GPT2Model`` or ``GPT2LMHeadModel``.

    Raises:
        InputError: entries that such a model does not have, or a last matrix that is not the words' own.
    """
    return _to_ours(_turned(_bare(state, "transformer.")), GPT2, GPT2_LAYER)


def to_gpt2(state: Mapping[str, Tensor]) -> State:
    """Return ``GPT2Model``'s names for this project's state; the inverse of ``from_gpt2`` but for prefix and copies."""
    return _turned(_to_theirs(state, GPT2, GPT2_LAYER))


def _bare(state: Mapping[str, Tensor], prefix: str) -> State:
    """Return the state without its prefix, what is computed and what is a copy."""
    bare = {name.removeprefix(prefix): value for name, value in state.items()}
    for copy, original in COPIES.items():
        if copy in bare and original in bare and not torch.equal(bare.pop(copy), bare[original]):
            raise InputError(f"{copy} must equal {original}, as in every published model, got another; tie them first")
    return {name: value for name, value in bare.items() if not COMPUTED.fullmatch(name)}


def _turned(state: State) -> State:
    """Return the state with GPT-2's transposed matrices transposed."""
    return {name: value.T.contiguous() if TRANSPOSED.fullmatch(name) else value for name, value in state.items()}


def _rows(once: Sequence[Row], layer: Sequence[Row], depth: int) -> list[Row]:
    each = [
        (ours.format(a=2 * i, m=2 * i + 1), [name.format(i=i) for name in theirs])
        for i in range(depth)
        for ours, theirs in layer
    ]
    return [*once, *each]


def _depth(state: Mapping[str, Tensor], pattern: str) -> int:
    return max((int(match[1]) + 1 for name in state if (match := re.match(pattern, name))), default=0)


def _to_ours(state: State, once: Sequence[Row], layer: Sequence[Row]) -> State:
    left, ours_state = dict(state), {}
    for ours, theirs in _rows(once, layer, _depth(state, r"(?:encoder\.layer|h)\.(\d+)\.")):
        for leaf in LEAVES:
            names = [f"{name}.{leaf}" for name in theirs]
            if all(name in left for name in names):
                parts = [left.pop(name) for name in names]
                ours_state[f"{ours}.{leaf}"] = torch.cat(parts) if len(parts) > 1 else parts[0]
    if left:
        raise InputError(f"this is no BERT or GPT-2 that fits here; unexpected entries: {', '.join(sorted(left)[:8])}")
    return ours_state


def _to_theirs(state: Mapping[str, Tensor], once: Sequence[Row], layer: Sequence[Row]) -> State:
    left, theirs_state = dict(state), {}
    for ours, theirs in _rows(once, layer, _depth(state, r"blocks\.(\d+)\.") // 2):
        for leaf in LEAVES:
            if (value := left.pop(f"{ours}.{leaf}", None)) is not None:
                theirs_state.update(zip((f"{name}.{leaf}" for name in theirs), value.chunk(len(theirs)), strict=True))
    if left:
        raise InputError(f"this state has no names there; unexpected entries: {', '.join(sorted(left)[:8])}")
    return theirs_state
