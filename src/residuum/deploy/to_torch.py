"""Write torch's own format: a program that needs no class of this library."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from residuum_runtime.card import KEY, Card

from .prepare import Prepared, quiet, trace

FILE = "model.pt2"


class InBfloat16(nn.Module):
    """The network in bfloat16 between float32 images and logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.bfloat16()

    def forward(self, images: Tensor) -> Tensor:
        """Return float32 logits."""
        return self.network(images.bfloat16()).float()


def write(prepared: Prepared, folder: Path, card: Card) -> Path:
    """Write ``model.pt2`` in fp32 or bf16 and return its path."""
    program = prepared.program if card.precision == "fp32" else trace(_half(prepared), card)
    path = folder / FILE
    with quiet():
        torch.export.save(program, path, extra_files={KEY: card.to_text()})
    return path


def seal(path: Path, card: Card) -> None:
    """Put another card into the file; its program stays."""
    with quiet():
        torch.export.save(torch.export.load(path), path, extra_files={KEY: card.to_text()})


def _half(prepared: Prepared) -> nn.Module:
    import copy

    graph = copy.deepcopy(prepared.graph)
    if prepared.card.pixels:
        graph.network = InBfloat16(graph.get_submodule("network"))
        return graph
    return InBfloat16(graph)
