"""Feature maps: a network without its head, for detection, segmentation and looking inside."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from .network import Network, check_images, refuse_checkpointing

PROBE = 4096  # pixels; large, so that borders do not hide the strides; nothing is computed at that size


class FeatureInfo:
    """What each feature map is: channels, reduction (pixels of the image per step), and the module it leaves.

    Shaped like timm's: ``channels()``, ``reduction()``, ``module_name()``, ``get_dicts()``, and indexing.

    >>> maps = residuum.create_model("resnet18", features_only=True)
    >>> maps.feature_info.channels(), maps.feature_info.reduction()
    ([64, 64, 128, 256, 512], [2, 4, 8, 16, 32])
    """

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self.rows = list(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]

    def channels(self) -> list[int]:
        """Return each map's channels."""
        return [row["num_chs"] for row in self.rows]

    def reduction(self) -> list[int]:
        """Return the factor by which each map is smaller than the image."""
        return [row["reduction"] for row in self.rows]

    def module_name(self) -> list[str]:
        """Return the modules that the maps leave."""
        return [row["module"] for row in self.rows]

    def get_dicts(self) -> list[dict[str, Any]]:
        """Return all rows."""
        return self.rows


class FeatureMaps(nn.Module):
    """Return the list of a network's feature maps: the stem's before its pooling, then one per stage.

    Parameters keep the network's names, so its weights fit but for the head.

    Args:
        network: the network; its stem and stages are used, not copied.
        out_indices: which maps, in order of depth; negative ones count from the end; all by default. Stages behind
            the last one asked for are left out.

    Raises:
        InputError: an index that no map has.

    >>> maps = FeatureMaps(residuum.create_model("cifar_resnet", depth=8), out_indices=(0, -1))
    >>> [tuple(each.shape) for each in maps(torch.zeros(1, 3, 32, 32))]
    [(1, 16, 32, 32), (1, 64, 8, 8)]
    """

    def __init__(self, network: Network, out_indices: Sequence[int] | None = None) -> None:
        super().__init__()
        self.in_chans, self.min_size = network.in_chans, network.min_size
        self.stem, self.stages = network.stem, network.stages
        rows = self._measured()
        chosen = chosen_indices(out_indices, len(rows))
        self.feature_info = FeatureInfo([rows[index] for index in chosen])
        last = self.feature_info[-1]["module"]
        self.stages = network.stages[: int(last.split(".")[1]) + 1 if last.startswith("stages.") else 0]
        self.training = self.stages.training = network.training

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return maps [N, channels, H / reduction, W / reduction] for images [N, in_chans, H, W]."""
        images = check_images(images, self.in_chans, self.min_size)
        wanted = self.feature_info.module_name()
        return [features for name, features in self._walk(images) if name in wanted]

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Refuse to recompute blocks in the backward pass, as ``Network`` does."""
        refuse_checkpointing(enable)

    def _walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        for name, step in [*prefixed("stem", self.stem), *prefixed("stages", self.stages)]:
            x = step(x)
            yield name, x

    def _measured(self) -> list[dict[str, Any]]:
        """Pass a large image through on the meta device and read off channels and strides."""
        names = [name for name, _ in [*prefixed("stem", self.stem), *prefixed("stages", self.stages)]]
        stem_tap = [names[names.index("stem.pool") - 1]] if "stem.pool" in names else []
        taps = [*stem_tap, *(name for name in names if name.startswith("stages."))]
        maps = dict(_on_meta(self, torch.empty(1, self.in_chans or 3, PROBE, PROBE, device="meta")))
        return [
            {"num_chs": maps[name].shape[1], "reduction": round(PROBE / maps[name].shape[-1]), "module": name}
            for name in taps
        ]


def prefixed(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield a sequence's children under their full names."""
    for child_name, child in module.named_children():
        yield f"{name}.{child_name}", child


def chosen_indices(out_indices: Sequence[int] | None, count: int) -> list[int]:
    """Return the indices in order of depth, all where none are named."""
    if out_indices is None:
        return list(range(count))
    if not out_indices or any(not -count <= index < count for index in out_indices):
        raise InputError(f"out_indices must name maps 0 to {count - 1} (or -1 to -{count}), got {list(out_indices)}")
    return sorted({index % count for index in out_indices})


class _Walk(nn.Module):
    def __init__(self, maps: FeatureMaps) -> None:
        super().__init__()
        self.maps = maps

    def forward(self, x: Tensor) -> list[tuple[str, Tensor]]:
        return list(self.maps._walk(x))


def _on_meta(maps: FeatureMaps, images: Tensor) -> list[tuple[str, Tensor]]:
    walk = _Walk(maps)
    modes = {module: module.training for module in maps.modules()}
    tensors = {**dict(walk.named_parameters()), **dict(walk.named_buffers())}
    empty = {name: torch.empty_like(value, device="meta") for name, value in tensors.items()}
    with torch.no_grad():
        result = torch.func.functional_call(walk.eval(), empty, (images,))
    for module, training in modes.items():
        module.training = training
    return result
