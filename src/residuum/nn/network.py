"""The network: stem, stages of blocks, head."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from ..errors import InputError
from .heads import classifier


class Network(nn.Module):
    """logits = head(stages(stem(images))).

    Args:
        stem: images to the first stage's channels.
        stages: sequences of blocks; modules are named ``stages.STAGE.BLOCK.SLOT...``.
        head: feature map to logits; its linear layer is named ``fc``.
        num_features: width of what ``head.fc`` receives.
    """

    def __init__(self, stem: nn.Module, stages: Iterable[nn.Module], head: nn.Module, *, num_features: int) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.Sequential(*stages)
        self.head = head
        self.num_features = num_features

    @property
    def num_classes(self) -> int:
        """How many logits come out; 0 after ``reset_classifier(0)``."""
        fc = self.head.get_submodule("fc")
        return fc.out_features if isinstance(fc, nn.Linear) else 0

    def forward_features(self, images: Tensor) -> Tensor:
        """Return the last stage's feature map [N, num_features, H / strides, W / strides]."""
        return self.stages(self.stem(images))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, num_classes] for images [N, in_chans, H, W]."""
        return self.head(self.forward_features(images))

    def reset_classifier(self, num_classes: int) -> None:
        """Replace the last linear layer by a new one for ``num_classes`` (0: none, features come out)."""
        if num_classes < 0:
            raise InputError(f"num_classes must be 0 (features) or more, got {num_classes}")
        reference = next(self.parameters())
        fresh = classifier(self.num_features, num_classes)
        self.head.add_module("fc", fresh.to(device=reference.device, dtype=reference.dtype))
