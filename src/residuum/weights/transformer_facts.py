"""Facts that a transformer's tensors cannot show: number of heads and the norm's epsilon, from ``config.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import InputError
from .sidecar import WEIGHTS_NAMES

HEAD_WIDTH = 64  # features of one head in every published BERT, GPT-2 and ViT here, except
WIDE_HEADS = {1280: 16}  # the heads of ViT-Huge, by its width
MAX_BYTES = 10_000_000

# model_type: the activation of these models here, the norm's epsilon, and the keys of both and of the heads
KNOWN: dict[str, tuple[tuple[str, ...], tuple[float, ...], tuple[str, str, str]]] = {
    "bert": (("gelu",), (1e-12,), ("hidden_act", "layer_norm_eps", "num_attention_heads")),
    "gpt2": (("gelu_new", "gelu_pytorch_tanh"), (1e-5,), ("activation_function", "layer_norm_epsilon", "n_head")),
    "vit": (("gelu",), (1e-12, 1e-6), ("hidden_act", "layer_norm_eps", "num_attention_heads")),
}


@dataclass(frozen=True)
class Facts:
    """Number of heads (0: not stated), and the norms' epsilon (0: not stated)."""

    heads: int = 0
    eps: float = 0.0

    def heads_of(self, width: int, published: Mapping[int, int] = MappingProxyType({})) -> int:
        """Return the number of heads, by default the published one, or one for each 64 features; 0: unknown."""
        usual = width // HEAD_WIDTH if width % HEAD_WIDTH == 0 else 0
        return self.heads or published.get(width, usual)


def read_facts(path: Path) -> Facts:
    """Return the facts in the configuration beside a model's weights; empty where there is none.

    Raises:
        InputError: an activation or a norm that these models do not have here, so that outputs would differ.
    """
    config = _config(path)
    row = KNOWN.get(str(config.get("model_type")))
    if row is None:
        return Facts()
    activations, smallest, (act, eps, heads) = row
    if config.get(act, activations[0]) not in activations:
        raise InputError(
            f"{path} must be of a model with {act} {activations[0]}, got {config[act]!r} in its config.json; "
            "this library has no such model"
        )
    if config.get(eps, smallest[0]) not in smallest:
        raise InputError(
            f"{path} must be of a model with {eps} {smallest[0]:g}, got {config[eps]!r} in its config.json; "
            "this library has no such model"
        )
    found = config.get(heads, 0)
    return Facts(found if isinstance(found, int) else 0, float(config.get(eps, smallest[0])))


def _config(path: Path) -> Mapping[str, Any]:
    file = path.with_name("config.json")
    if path.name not in WEIGHTS_NAMES or not file.is_file() or file.stat().st_size > MAX_BYTES:
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return {}  # read_sidecar refuses it
    return content if isinstance(content, dict) else {}
