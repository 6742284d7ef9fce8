"""The figures of the features study, from its numbers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ..report.grids import as_pictures, bytes_as_pictures, picture_rows
from ..report.lines import Panel, line_panel
from ..report.maps import matrix
from ..report.study_page import Drawing
from .form import Numbers
from .measuring import CAPTION, by_network, chance, lines_of, named

A_ROW = 8  # filters per row


def packed(pixels: Tensor) -> dict[str, Any]:
    """Return uint8 pixels as a JSON string."""
    return {"shape": list(pixels.shape), "bytes": base64.b64encode(pixels.numpy().tobytes()).decode()}


def unpacked(held: dict[str, Any]) -> np.ndarray:
    """Return the pixels from ``packed``'s string."""
    return np.frombuffer(base64.b64decode(held["bytes"]), np.uint8).reshape(held["shape"])


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw probes, neighbours and similarity by depth, and images of the first seed of each network."""
    grouped = by_network(numbers)
    pictures = [
        _by_depth(numbers, grouped, "probes", "Linear probe", "of images recognised, %"),
        _by_depth(numbers, grouped, "neighbours", "Nearest images", "of the same class, %"),
    ]
    for network, seeds in grouped.items():
        one = seeds[0]
        alt = f"Similarity of each pair of depths of {named(network)}."
        words = f"Linear CKA of whole feature maps, first seed, {named(network)}."
        shown = matrix(one["alike"], _short(one["depths"]), title=f"Depths of {named(network)}", label="CKA")
        pictures.append(Drawing(f"alike-{network}", shown, alt, words))
        if one.get("pictures_of"):
            pictures += _shown(network, one["pictures_of"])
    return pictures


def _by_depth(numbers: Numbers, grouped: dict[str, list[Any]], what: str, title: str, unit: str) -> Drawing:
    lines = lines_of(grouped, lambda one: range(len(one[what])), lambda one: one[what])
    level = (100 - chance(numbers), "guessing")
    panel = Panel(title, "depth: stem (0) and blocks", unit, lines, level=level, top=100)
    return Drawing(what, line_panel(panel), f"{title} by depth, a line a network: {unit}", CAPTION)


def _shown(network: str, held: dict[str, Any]) -> list[Drawing]:
    words = named(network)
    filters = as_pictures(np.array(held["filters"]))[: 8 * A_ROW]
    rows = [filters[start : start + A_ROW] for start in range(0, len(filters), A_ROW)]
    names = [f"{start + 1}–{start + len(row)}" for start, row in zip(range(0, len(filters), A_ROW), rows, strict=True)]
    channels = {name: bytes_as_pictures(unpacked(pixels)) for name, pixels in held["channels"].items()}
    channels["classes"] = bytes_as_pictures(unpacked(held["classes"]))
    asked = bytes_as_pictures(unpacked(held["asked"]))
    near = {name: [bytes_as_pictures(unpacked(row)) for row in found] for name, found in held["nearest"].items()}
    nearest = {
        f"{number + 1}, {place}": [asked[number], *found[number]]
        for number in range(len(asked))
        for place, found in zip(("stem", "end"), near.values(), strict=True)
    }
    return [
        Drawing(
            f"filters-{network}",
            picture_rows(rows, names, title=f"First filters of {words}"),
            f"The filters of the first convolution of {words}.",
            "Middle grey is zero; each filter is stretched to its own range.",
        ),
        Drawing(
            f"units-{network}",
            picture_rows(list(channels.values()), _short(channels), title=f"Images that maximise units of {words}"),
            f"Images that channels at four depths and the classes of {words} answer most strongly to.",
            "Smoothed gradient ascent from noise; one row per depth, the last row has the classes in order.",
        ),
        Drawing(
            f"nearest-{network}",
            picture_rows(list(nearest.values()), list(nearest), title=f"Nearest images in {words}", gap=True),
            f"Images and their five nearest in the features of {words}, at the stem and at the end.",
            "The first image of a row is the query; the others are its nearest by the cosine of pooled features.",
        ),
    ]


def _short(names: Sequence[str] | dict[str, Any]) -> list[str]:
    """Return ``1.0`` of ``stages.1.0``."""
    return [name.removeprefix("stages.") for name in names]
