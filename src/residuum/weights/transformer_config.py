"""The configuration that transformers reads beside the weights of a BERT, GPT-2 or ViT."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..models import BUILDERS, VARIANTS, Description

ARCHITECTURES = {"bert_words": "BertForMaskedLM", "gpt": "GPT2LMHeadModel"}


def transformer_config(description: Description, tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
    """Return the configuration, or None for other models."""
    row = VARIANTS.get(description.model)
    builder = row.builder if row is not None else BUILDERS[description.model]
    name = builder.__name__
    if name not in ("bert", "bert_words", "gpt", "vit"):
        return None
    defaults = {key: parameter.default for key, parameter in inspect.signature(builder).parameters.items()}
    full = {**defaults, **(row.arguments if row is not None else {}), **description.arguments}
    made = {"gpt": _gpt2, "vit": _vit}.get(name, _bert)(full)
    logits = len(tensors["head.fc.weight"]) if "head.fc.weight" in tensors else 0
    classes = description.classes or [f"LABEL_{number}" for number in range(logits)]
    if logits:
        made["id2label"] = {str(number): label for number, label in enumerate(classes)}
        made["label2id"] = {label: number for number, label in enumerate(classes)}
    whole = {"bert": "BertForSequenceClassification", "vit": "ViTForImageClassification"}
    bare = {"bert": "BertModel", "vit": "ViTModel"}
    architecture = ARCHITECTURES.get(name) or (whole if logits else bare)[name]
    return {"architectures": [architecture], **made}


def _bert(full: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 1e-12, "vocab_size": full["vocabulary"],
        "max_position_embeddings": full["length"], "type_vocab_size": 2, **_sizes(full),
    }  # fmt: skip


def _vit(full: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_type": "vit", "hidden_act": "gelu", "layer_norm_eps": 1e-12 if full["norm"] == "layer_1e-12" else 1e-6,
        "image_size": full["image_size"], "patch_size": full["patch_size"], "num_channels": full["in_chans"],
        "qkv_bias": True, **_sizes(full),
    }  # fmt: skip


def _sizes(full: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "hidden_size": full["width"], "num_hidden_layers": full["depth"], "num_attention_heads": full["heads"],
        "intermediate_size": 4 * full["width"],
    }  # fmt: skip


def _gpt2(full: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_type": "gpt2", "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
        "vocab_size": full["vocabulary"], "n_positions": full["length"], "n_embd": full["width"],
        "n_layer": full["depth"], "n_head": full["heads"], "tie_word_embeddings": True,
    }  # fmt: skip
