"""Layers and merges in a few words each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from ..nn.attention import SelfAttention
from ..nn.channels import ChannelNorm, ChannelScale, ToFirst, ToLast
from ..nn.flat import Flat
from ..nn.merges import Add, BranchOnly, Concatenate, Gate, ScaledAdd, ShortcutGate, UncoupledGate
from ..nn.norms import TokenBatchNorm
from ..nn.padding import SamePad
from ..nn.patches import FirstToken, PatchStem
from ..nn.recurrent import ImageRows, LastStep
from ..nn.shortcuts import PadShortcut
from ..nn.squeeze_excite import ChannelAttention, SqueezeExcite
from ..nn.standardised import StandardisedConv2d
from ..nn.text import FirstTokenHead, MaskedWordHead, TextStem, WordHead

Words = tuple[str, ...]


def layers(module: nn.Module) -> Words:
    """Return a module's layers in the order they stand, each in a few words; what does nothing is left out."""
    say = LAYERS.get(type(module))
    if say is not None:
        return say(module)
    children = list(module.children())
    if children:
        return tuple(words for child in children for words in layers(child))
    return () if isinstance(module, nn.Sequential) else (type(module).__name__,)


def merge_words(merge: nn.Module) -> tuple[str, str]:
    """Return a merge's kind ("add", "gate", "concatenate", "none") and its formula of shortcut s and branch F."""
    say = MERGES.get(type(merge))
    return say(merge) if say is not None else (type(merge).__name__, "")


def _convolution(conv: Any) -> Words:
    stride = f", /{conv.stride[0]}" if conv.stride[0] > 1 else ""
    groups = f", {conv.groups} groups" if conv.groups > 1 else ""
    if 1 < conv.groups == conv.in_channels == conv.out_channels:
        groups = ", depthwise"
    return (f"conv {conv.kernel_size[0]}×{conv.kernel_size[1]}, {conv.out_channels}{stride}{groups}",)


def _pool(kind: str) -> Callable[[Any], Words]:
    def say(pool: Any) -> Words:
        size, stride = _first(pool.kernel_size), _first(pool.stride)
        return (f"{kind} pool {size}×{size}" + (f", /{stride}" if stride > 1 else ""),)

    return say


def _first(size: Any) -> int:
    return size[0] if isinstance(size, tuple) else size


def _dropout(dropout: Any) -> Words:
    return (f"dropout {dropout.p:g}",) if dropout.p else ()


def _pad(pad: Any) -> Words:
    return (
        f"every {pad.stride}nd pixel" if pad.stride == 2 else f"stride {pad.stride}",
        f"pad {sum(pad.padding)} zeros",
    )


def _text_stem(stem: Any) -> Words:
    segments = " + segments" if stem.segments is not None else ""
    return (f"words + places{segments}, {stem.words.embedding_dim}", *layers(stem.norm))


def _patch_stem(stem: Any) -> Words:
    return (*layers(stem.conv), "first token, + places")


def _first_token_head(head: Any) -> Words:
    return ("first token", *layers(head.pool), *layers(head.act), *layers(head.fc))


def _masked_word_head(head: Any) -> Words:
    return (*layers(head.dense), *layers(head.act), *layers(head.norm), "words’ vectors, transposed")


def _says(words: str) -> Callable[[Any], Words]:
    return lambda module: (words,)


def _nothing(module: Any) -> Words:
    return ()


def _standardised(conv: Any) -> Words:
    first, *others = _convolution(conv)
    return (f"standardised {first}", *others)


LAYERS: dict[type[nn.Module], Callable[[Any], Words]] = {
    nn.Conv2d: _convolution,
    StandardisedConv2d: _standardised,
    nn.Linear: lambda linear: (f"linear, {linear.out_features}",),
    nn.BatchNorm1d: _says("batch norm"),
    nn.BatchNorm2d: _says("batch norm"),
    TokenBatchNorm: _says("batch norm"),
    nn.LayerNorm: _says("layer norm"),
    ChannelNorm: _says("layer norm"),
    ChannelScale: _says("times a learnt scale"),
    nn.GroupNorm: lambda norm: ("layer norm" if norm.num_groups == 1 else f"group norm, {norm.num_groups}",),
    nn.ReLU: _says("ReLU"),
    nn.ReLU6: _says("ReLU6"),
    nn.Hardswish: _says("hard swish"),
    nn.SiLU: _says("SiLU"),
    nn.GELU: _says("GELU"),
    nn.Tanh: _says("tanh"),
    nn.Sigmoid: _says("sigmoid"),
    nn.MaxPool2d: _pool("max"),
    nn.AvgPool2d: _pool("average"),
    nn.AdaptiveAvgPool2d: _says("average pool"),
    nn.AdaptiveMaxPool2d: _says("max pool"),
    nn.Dropout: _dropout,
    nn.ZeroPad2d: _says("a border of zeros"),
    SamePad: _says("a border of zeros"),
    nn.Identity: _nothing,
    nn.Flatten: _nothing,
    ToLast: _nothing,
    ToFirst: _nothing,
    Flat: _says("flatten"),
    ImageRows: _says("rows, one a step"),
    LastStep: _says("last step"),
    FirstToken: _says("first token"),
    PadShortcut: _pad,
    SqueezeExcite: lambda gate: (f"squeeze {gate.fc1.out_channels}, excite {gate.fc2.out_channels}",),
    ChannelAttention: lambda gate: (f"channel attention over {gate.conv.kernel_size[0]}",),
    SelfAttention: lambda attention: (f"attention, {attention.heads} heads",),
    TextStem: _text_stem,
    PatchStem: _patch_stem,
    FirstTokenHead: _first_token_head,
    WordHead: _says("words’ vectors, transposed"),
    MaskedWordHead: _masked_word_head,
}


def _gate(name: str, part: nn.Module) -> str:
    return f"{name} = sigmoid({', '.join(layers(part))})"


MERGES: dict[type[nn.Module], Callable[[Any], tuple[str, str]]] = {
    Add: lambda merge: ("add", "s + F"),
    BranchOnly: lambda merge: ("none", "F"),
    ScaledAdd: lambda merge: ("add", f"{merge.shortcut_scale:g}·s + {merge.branch_scale:g}·F"),
    Gate: lambda merge: ("gate", f"T·F + (1 − T)·s, {_gate('T', merge.transform)}"),
    UncoupledGate: lambda merge: ("gate", f"T·F + C·s, {_gate('T', merge.transform)}, {_gate('C', merge.carry)}"),
    ShortcutGate: lambda merge: ("gate", f"F + (1 − T)·s, {_gate('T', merge.transform)}"),
    Concatenate: lambda merge: ("concatenate", "[s, F]"),
}
