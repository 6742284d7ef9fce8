"""A network in half precision between float32 images and logits."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from .prepare import Prepared


class InHalf(nn.Module):
    """The network in bfloat16 or float16 between float32 images and logits."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network.to(dtype)
        self.dtype = dtype

    def forward(self, images: Tensor) -> Tensor:
        """Return float32 logits."""
        return self.network(images.to(self.dtype)).float()


def halved(prepared: Prepared, dtype: torch.dtype) -> nn.Module:
    """Return a copy of the graph whose network computes in that type; preprocessing stays in float32."""
    graph = copy.deepcopy(prepared.graph)
    if prepared.card.pixels:
        graph.network = InHalf(graph.get_submodule("network"), dtype)
        return graph
    return InHalf(graph, dtype)
