"""Write torch's own format: a program that needs no class of this library."""

from __future__ import annotations

from pathlib import Path

import torch

from residuum_runtime.card import KEY, Card

from .half import halved
from .prepare import Prepared, quiet, trace

FILE = "model.pt2"


def write(prepared: Prepared, folder: Path, card: Card) -> Path:
    """Write ``model.pt2`` in fp32 or bf16 and return its path."""
    program = prepared.program if card.precision == "fp32" else trace(halved(prepared, torch.bfloat16), card)
    path = folder / FILE
    with quiet():
        torch.export.save(program, path, extra_files={KEY: card.to_text()})
    return path


def seal(path: Path, card: Card) -> None:
    """Replace the file's card; keep its program."""
    with quiet():
        torch.export.save(torch.export.load(path), path, extra_files={KEY: card.to_text()})
