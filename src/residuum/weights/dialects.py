"""What each source calls the grammar's parts: literal tables, read in both directions by ``names``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from .names import Row, to_grammar, to_source

Value = TypeVar("Value")

# Wrappers that training frameworks put before every name.
WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.")

# Averaged copies that stand beside the weights under a prefix of their own.
EMA_PREFIXES = ("ema_model.", "model_ema.", "averaged_model.", "ema.")

# Entries that count training steps and are no part of the model.
BOOKKEEPING = ("n_averaged", "initted", "step")

_LAYERS: tuple[Row, ...] = (
    ("stages.{s}.{b}.branch.conv{i}", "layer{s+1}.{b}.conv{i}"),
    ("stages.{s}.{b}.branch.norm{i}", "layer{s+1}.{b}.bn{i}"),
    ("stages.{s}.{b}.branch.se.fc{i}", "layer{s+1}.{b}.se.fc{i}"),
)
_PLAIN_STEM: tuple[Row, ...] = (("stem.conv", "conv1"), ("stem.norm", "bn1"))
_PROJECTION: tuple[Row, ...] = (
    ("stages.{s}.{b}.shortcut.conv", "layer{s+1}.{b}.downsample.0"),
    ("stages.{s}.{b}.shortcut.norm", "layer{s+1}.{b}.downsample.1"),
)
_POOLED_PROJECTION: tuple[Row, ...] = (
    ("stages.{s}.{b}.shortcut.conv", "layer{s+1}.{b}.downsample.1"),
    ("stages.{s}.{b}.shortcut.norm", "layer{s+1}.{b}.downsample.2"),
)


def _below(prefix: str, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple((ours, prefix + theirs) for ours, theirs in rows)


@dataclass(frozen=True)
class Dialect:
    """One source's names."""

    rows: tuple[Row, ...]
    title: str  # as a message names it


DIALECTS: dict[str, Dialect] = {
    "residuum": Dialect(
        (),
        "Residuum",
    ),
    "torchvision": Dialect(
        (*_PLAIN_STEM, *_LAYERS, *_PROJECTION, ("head.fc", "fc")),
        "torchvision (and timm)",
    ),
    "timm_deep": Dialect(
        (
            ("stem.conv1", "conv1.0"),
            ("stem.norm1", "conv1.1"),
            ("stem.conv2", "conv1.3"),
            ("stem.norm2", "conv1.4"),
            ("stem.conv3", "conv1.6"),
            ("stem.norm3", "bn1"),
            *_LAYERS,
            *_POOLED_PROJECTION,
            ("head.fc", "fc"),
        ),
        "timm's ResNet-D",
    ),
    "huggingface": Dialect(
        (
            ("stem.conv", "resnet.embedder.embedder.convolution"),
            ("stem.norm", "resnet.embedder.embedder.normalization"),
            ("stages.{s}.{b}.branch.conv{i+1}", "resnet.encoder.stages.{s}.layers.{b}.layer.{i}.convolution"),
            ("stages.{s}.{b}.branch.norm{i+1}", "resnet.encoder.stages.{s}.layers.{b}.layer.{i}.normalization"),
            ("stages.{s}.{b}.shortcut.conv", "resnet.encoder.stages.{s}.layers.{b}.shortcut.convolution"),
            ("stages.{s}.{b}.shortcut.norm", "resnet.encoder.stages.{s}.layers.{b}.shortcut.normalization"),
            ("head.fc", "classifier.1"),
        ),
        "Hugging Face",
    ),
    "mm": Dialect(
        (*_below("backbone.", (*_PLAIN_STEM, *_LAYERS, *_PROJECTION)), ("head.fc", "head.fc")),
        "OpenMMLab",
    ),
    "cifar": Dialect(
        (
            *_PLAIN_STEM,
            *_LAYERS,
            ("stages.{s}.{b}.shortcut.conv", "layer{s+1}.{b}.shortcut.0"),
            ("stages.{s}.{b}.shortcut.norm", "layer{s+1}.{b}.shortcut.1"),
            ("head.fc", "linear"),
        ),
        "the published CIFAR ResNets",
    ),
}

# What a file can be converted to: the dialects to try, in order.
TARGETS = {
    "torchvision": ("torchvision",),
    "timm": ("torchvision", "timm_deep"),
    "huggingface": ("huggingface",),
    "safetensors": ("residuum",),
}

_GRAMMAR = ("stem.", "stages.", "head.")


def unwrap(names: Iterable[str]) -> str:
    """Return the wrapper prefix (possibly of several wrappers, or empty) that most of the names share."""
    names, prefix = list(names), ""
    while names:
        wrapped = {word: [name for name in names if name.startswith(word)] for word in WRAPPERS}
        word = max(wrapped, key=lambda word: len(wrapped[word]))
        if len(wrapped[word]) * 2 <= len(names):
            break
        prefix += word
        names = [name.removeprefix(word) for name in wrapped[word]]
    return prefix


def translate(dialect: str, name: str) -> str | None:
    """Return the grammar's name of a source's name, or None where the source's table has none."""
    rows = DIALECTS[dialect].rows
    if not rows:
        return name if name.startswith(_GRAMMAR) else None
    return to_grammar(rows, name)


def spell(dialect: str, name: str) -> str | None:
    """Return the source's name of a grammar's name, or None where the source's table has none."""
    rows = DIALECTS[dialect].rows
    return to_source(rows, name) if rows else name


def recognise_dialect(names: Iterable[str]) -> str:
    """Return the dialect that explains the most names; the first in the table of several that explain as many."""
    names = list(names)
    return max(DIALECTS, key=lambda dialect: sum(translate(dialect, name) is not None for name in names))


def to_grammar_names(dialect: str, entries: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return the entries under the grammar's names, and those that the dialect has no name for."""
    translated: dict[str, Value] = {}
    left: dict[str, Value] = {}
    for name, value in entries.items():
        ours = translate(dialect, name)
        if ours is None or ours in translated:
            left[name] = value
        else:
            translated[ours] = value
    return translated, left
