"""Names of vision transformers in torchvision, timm and transformers, in both directions; see ``stacked``."""

from __future__ import annotations

from dataclasses import replace

from .stacked import Naming

OURS = r"stages\.0\.(\d{1,4})\."
_A, _M = "stages.0.{a}.branch", "stages.0.{m}.branch"
_THEIRS = "encoder.layer.{i}."
_TORCHVISION = "encoder.layers.encoder_layer_{i}."

TIMM = Naming(
    once=(
        ("stem.conv", ["patch_embed.proj"]),
        ("stem.first", ["cls_token"]),
        ("stem.places", ["pos_embed"]),
        ("head.norm", ["norm"]),
        ("head.fc", ["head"]),
    ),
    layer=(
        (f"{_A}.norm", ["blocks.{i}.norm1"]),
        (f"{_A}.layer.qkv", ["blocks.{i}.attn.qkv"]),
        (f"{_A}.layer.out", ["blocks.{i}.attn.proj"]),
        (f"{_M}.norm", ["blocks.{i}.norm2"]),
        (f"{_M}.layer.fc1", ["blocks.{i}.mlp.fc1"]),
        (f"{_M}.layer.fc2", ["blocks.{i}.mlp.fc2"]),
    ),
    theirs=r"blocks\.(\d{1,4})\.",
    ours=OURS,
    anchor="patch_embed.proj",
)
TORCHVISION = Naming(
    once=(
        ("stem.conv", ["conv_proj"]),
        ("stem.first", ["class_token"]),
        ("stem.places", ["encoder.pos_embedding"]),
        ("head.norm", ["encoder.ln"]),
        ("head.fc", ["heads.head"]),
    ),
    layer=(
        (f"{_A}.norm", [_TORCHVISION + "ln_1"]),
        (f"{_A}.layer.qkv.weight", [_TORCHVISION + "self_attention.in_proj_weight"]),
        (f"{_A}.layer.qkv.bias", [_TORCHVISION + "self_attention.in_proj_bias"]),
        (f"{_A}.layer.out", [_TORCHVISION + "self_attention.out_proj"]),
        (f"{_M}.norm", [_TORCHVISION + "ln_2"]),
        (f"{_M}.layer.fc1", [_TORCHVISION + "mlp.0"]),
        (f"{_M}.layer.fc2", [_TORCHVISION + "mlp.3"]),
    ),
    theirs=r"encoder\.layers\.encoder_layer_(\d{1,4})\.",
    ours=OURS,
    anchor="conv_proj",
)
HUGGINGFACE = Naming(
    once=(
        ("stem.conv", ["embeddings.patch_embeddings.projection"]),
        ("stem.first", ["embeddings.cls_token"]),
        ("stem.places", ["embeddings.position_embeddings"]),
        ("head.norm", ["layernorm"]),
        ("head.fc", ["classifier"]),
    ),
    layer=(
        (f"{_A}.norm", [_THEIRS + "layernorm_before"]),
        (f"{_A}.layer.qkv", [f"{_THEIRS}attention.attention.{part}" for part in ("query", "key", "value")]),
        (f"{_A}.layer.out", [_THEIRS + "attention.output.dense"]),
        (f"{_M}.norm", [_THEIRS + "layernorm_after"]),
        (f"{_M}.layer.fc1", [_THEIRS + "intermediate.dense"]),
        (f"{_M}.layer.fc2", [_THEIRS + "output.dense"]),
    ),
    theirs=r"encoder\.layer\.(\d{1,4})\.",
    ours=OURS,
    anchor="embeddings.patch_embeddings.projection",
    home="vit.",
    heads=("head.fc",),
)

# transformers 5 in memory; its files keep the names above
HUGGINGFACE_5 = replace(
    HUGGINGFACE,
    layer=(
        (f"{_A}.norm", ["layers.{i}.layernorm_before"]),
        (f"{_A}.layer.qkv", [f"layers.{{i}}.attention.{part}_proj" for part in "qkv"]),
        (f"{_A}.layer.out", ["layers.{i}.attention.o_proj"]),
        (f"{_M}.norm", ["layers.{i}.layernorm_after"]),
        (f"{_M}.layer.fc1", ["layers.{i}.mlp.fc1"]),
        (f"{_M}.layer.fc2", ["layers.{i}.mlp.fc2"]),
    ),
    theirs=r"layers\.(\d{1,4})\.",
)
