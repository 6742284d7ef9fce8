"""The network: stem, stages of blocks, head."""

from collections.abc import Iterable

from torch import Tensor, nn

from ..errors import InputError
from .heads import classifier
from .tracing import one_node


class Network(nn.Module):
    """logits = head(stages(stem(images))).

    Methods of the classifier are called as timm calls them: ``forward_features``, ``forward_head``,
    ``get_classifier``, ``reset_classifier``, ``num_features``.

    Args:
        stem: images to the first stage's channels.
        stages: sequences of blocks; modules are named ``stages.STAGE.BLOCK.SLOT...``.
        head: feature map to logits; its linear layer is named ``fc``.
        num_features: width of the input of ``head.fc``.
        min_size: the smallest height and width, pixels, of which every layer still gets one position.

    >>> stage = torch.nn.Sequential(Block(basic_branch(16, 16), activation=torch.nn.ReLU()))
    >>> network = Network(cifar_stem(3, 16), [stage], pooled_head(16, 10), num_features=16)
    >>> network(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    >>> network.forward_head(network.forward_features(torch.zeros(2, 3, 32, 32)), pre_logits=True).shape
    torch.Size([2, 16])
    """

    def __init__(
        self,
        stem: nn.Module,
        stages: Iterable[nn.Module],
        head: nn.Module,
        *,
        num_features: int,
        min_size: int = 1,
    ) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.Sequential(*stages)
        self.head = head
        self.num_features = num_features
        self.min_size = min_size
        self._biased = getattr(getattr(head, "fc", None), "bias", True) is not None
        self.in_chans = next((layer.in_channels for layer in self.modules() if isinstance(layer, nn.Conv2d)), None)

    @property
    def num_classes(self) -> int:
        """The number of logits; 0 after ``reset_classifier(0)``."""
        fc = self.head.get_submodule("fc")
        return fc.out_features if isinstance(fc, nn.Linear) else 0

    def forward_features(self, images: Tensor) -> Tensor:
        """Return the last stage's feature map [N, channels, H / strides, W / strides].

        Raises InputError for images of other channels, or too small for the strides.
        """
        return self.stages(self.stem(check_images(images, self.in_chans, self.min_size)))

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Return logits for the last stage's features; with ``pre_logits`` the vectors that ``head.fc`` receives."""
        if not pre_logits:
            return self.head(features)
        for name, layer in self.head.named_children():
            features = features if name == "fc" else layer(features)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, num_classes] for images [N, in_chans, H, W]."""
        return self.head(self.forward_features(images))

    def get_classifier(self) -> nn.Module:
        """Return the last linear layer; the identity after ``reset_classifier(0)``."""
        return self.head.get_submodule("fc")

    def reset_classifier(self, num_classes: int) -> None:
        """Replace the last linear layer by a new one for ``num_classes`` (0: none, features come out)."""
        if num_classes < 0:
            raise InputError(f"num_classes must be 0 (features) or more, got {num_classes}")
        reference = next(self.parameters())
        fresh = classifier(self.num_features, num_classes, bias=self._biased)
        self.head.add_module("fc", fresh.to(device=reference.device, dtype=reference.dtype))

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Refuse gradient checkpointing, which timm's networks offer."""
        refuse_checkpointing(enable)


def refuse_checkpointing(enable: bool) -> None:
    """Raise InputError where gradient checkpointing is asked for.

    ``torch.utils.checkpoint`` runs the forward pass twice, and batch norms would count each batch twice.
    """
    if enable:
        raise InputError(
            "gradient checkpointing must count each batch once in batch norms, and Residuum does not offer it; "
            "to save memory use a smaller batch and grad_accum= (--grad-accum), or precision bf16"
        )


@one_node
def check_images(images: Tensor, in_chans: int | None, min_size: int) -> Tensor:
    """Return images that fit, or raise InputError; networks without convolutions (None) take anything."""
    if in_chans is None:
        return images
    if images.ndim != 4 or images.shape[1] != in_chans:
        raise InputError(
            f"images must have the shape [N, {in_chans}, H, W], got {list(images.shape)}; "
            "add the batch's dimension, or build the model with the right in_chans"
        )
    if images.shape[2] < min_size or images.shape[3] < min_size:
        raise InputError(
            f"this network's strides need images of at least {min_size} x {min_size} pixels, "
            f"got {images.shape[2]} x {images.shape[3]}; enlarge them, or choose a network made for small images"
        )
    return images
