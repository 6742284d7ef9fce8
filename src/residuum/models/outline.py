"""A network part by part, measured on the meta device."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..nn import Block
from .counts import count_parameters
from .slots import take_apart


class Part(NamedTuple):
    """One row of an outline."""

    name: str  # as in the state dict
    what: str  # a block: shortcut | branch | merge | activation
    shape: tuple[int, ...]  # of the output for one image
    parameters: int
    macs: int


def outline(network: nn.Module, input_shape: tuple[int, ...]) -> list[Part]:
    """Return stem, stages with their blocks, and head, for one example (an image's [C, H, W], a text's [tokens])."""
    return measure(network, input_shape, [name for name, _ in network.named_modules() if _shown(network, name)])


def measure(network: nn.Module, input_shape: tuple[int, ...], names: Iterable[str]) -> list[Part]:
    """Return the parts of those names as far as they run by themselves, and last the whole, for one example."""
    twin = copy.deepcopy(network).to("meta").eval()
    names = list(names)
    shapes: dict[str, tuple[int, ...]] = {}

    def remember(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            shapes[name] = _shape(output)

        return hook

    for name in names:
        twin.get_submodule(name).register_forward_hook(remember(name))
    whole_shape: list[tuple[int, ...]] = []
    twin.register_forward_hook(lambda module, inputs, output: whole_shape.append(_shape(output)))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        twin(torch.empty(1, *input_shape, dtype=torch.long if len(input_shape) == 1 else None, device="meta"))
    flops, root = counter.get_flop_counts(), type(twin).__name__
    parts = []
    for name in (name for name in names if name in shapes):
        module = twin.get_submodule(name)
        macs = sum(flops.get(f"{root}.{name}", {}).values()) // 2
        parts.append(Part(name, what(module), shapes[name], count_parameters(module), macs))
    whole = sum(flops.get(root, {}).values()) // 2
    return [*parts, Part("whole", type(network).__name__, whole_shape[0], count_parameters(twin), whole)]


def _shape(output: Any) -> tuple[int, ...]:
    if isinstance(output, dict):
        output = list(output.values())
    first = output if isinstance(output, Tensor) else output[0]
    return tuple(first.shape[1:])


def what(module: nn.Module) -> str:
    """Return in a line what fills a part: ``shortcut | branch | merge | activation`` of a block, else its layers."""
    if isinstance(module, nn.Sequential) and len(module) and all(isinstance(child, Block) for child in module):
        return f"{len(module)} blocks"
    return str(take_apart(module))


def _shown(network: nn.Module, name: str) -> bool:
    """Return whether a part is a row: what stands beside stages and blocks, each stage, each block, no cell's part."""
    above, _, _ = name.rpartition(".")
    if not above:
        return bool(name) and name not in ("stages", "blocks")
    is_block = above.startswith("stages.") and isinstance(network.get_submodule(above), nn.Sequential)
    return above in ("stages", "blocks") or (is_block and above.count(".") == 1)
