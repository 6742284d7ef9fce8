"""Write an engine's graph in float32 or int8: the same for all engines with graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from residuum_runtime.card import Card

from .prepare import Prepared


def write_graph(
    path: Path,
    prepared: Prepared,
    card: Card,
    *,
    graph: Callable[[Prepared], Any],
    quantise: Callable[[Any, Prepared, tuple[str, ...]], Any],
    save: Callable[[Any, Path, Card], None],
) -> Path:
    """Write the model's graph with the card, quantised where the card says int8, and return the path."""
    made = graph(prepared)
    save(quantise(made, prepared, card.kept) if card.precision == "int8" else made, path, card)
    return path
