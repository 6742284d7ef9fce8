"""Recognise BERT, GPT-2 and ViT from their tensors' names and shapes; the number of heads comes from other files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .layout import Shapes
from .transformer_facts import WIDE_HEADS, Facts

TINY_EPS = 1e-12


def transformers(shapes: Shapes, facts: Facts, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the builder and its arguments where the shapes are a transformer's.

    Args:
        shapes: by the grammar's names.
        facts: from the configuration beside the file.
        name: the requested model, which decides between two heads of one file.
    """
    words, conv = shapes.get("stem.words.weight", ()), shapes.get("stem.conv.weight", ())
    places = shapes.get("stem.places.weight", shapes.get("stem.places", ()))
    if len(words) == 2 and len(places) == 2:
        yield _text(shapes, facts, name, words, places)
    elif len(conv) == 4 and len(places) == 3 and "stages.0.0.branch.layer.qkv.weight" in shapes:
        yield _image(shapes, facts, conv, places)


def _text(
    shapes: Shapes, facts: Facts, name: str, words: tuple[int, ...], places: tuple[int, ...]
) -> tuple[str, dict[str, Any]]:
    sizes = {
        "depth": _blocks(shapes, "blocks.", 1) // 2,
        "width": words[1],
        "heads": facts.heads_of(words[1]),
        "vocabulary": words[0],
        "length": places[0],
    }
    if "stem.segments.weight" not in shapes:
        return "gpt", sizes
    if "head.pool.weight" not in shapes or (name == "bert_words" and "head.dense.weight" in shapes):
        return "bert_words", sizes
    return "bert", {**sizes, "num_classes": shapes.get("head.fc.weight", (0,))[0]}


def _image(shapes: Shapes, facts: Facts, conv: tuple[int, ...], places: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    side = round((places[1] - 1) ** 0.5)
    arguments: dict[str, Any] = {
        "depth": _blocks(shapes, "stages.0.", 2) // 2,
        "num_classes": shapes.get("head.fc.weight", (0,))[0],
        "in_chans": conv[1],
        "image_size": side * conv[2],
        "patch_size": conv[2],
        "width": conv[0],
        "heads": facts.heads_of(conv[0], WIDE_HEADS),
    }
    return "vit", arguments | ({"norm": "layer_1e-12"} if facts.eps == TINY_EPS else {})


def _blocks(shapes: Shapes, start: str, place: int) -> int:
    numbers = (name.split(".")[place] for name in shapes if name.startswith(start))
    return max((int(number) + 1 for number in numbers if number.isdigit()), default=0)
