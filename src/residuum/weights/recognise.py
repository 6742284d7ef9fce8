"""Recognise the model from its tensors' names and shapes alone: one short recogniser per family.

Properties that leave no trace in the tensors (the place of a bottleneck's stride, a plain net or its residual twin,
stochastic depth, dropout) take their usual value.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..models import BUILDERS, VARIANTS
from ..models.densenet import LAYOUTS as DENSENETS
from ..models.resnet import BOTTLENECK_WIDTHS
from ..models.resnet import LAYOUTS as RESNETS
from ..models.vgg import LAYOUTS as VGGS
from ..nn import basic_branch
from .layout import Layout, Shapes, read_layout
from .recognise_tables import tabled
from .recognise_transformers import transformers
from .transformer_facts import Facts

TIERED = 24  # channels of the first convolution of a tiered stem


@dataclass(frozen=True)
class Candidate:
    """A builder and arguments that fit the tensors."""

    builder: str
    arguments: dict[str, Any]

    def named(self) -> tuple[str, dict[str, Any]]:
        """Return a published variant's name where one fits, else the builder's, with the remaining arguments."""
        builder = BUILDERS[self.builder]
        arguments = {key: value for key, value in self.arguments.items() if value != _default(builder, key)}
        full = {key: _default(builder, key) for key in inspect.signature(builder).parameters} | self.arguments
        fitting = {
            name: {key: value for key, value in arguments.items() if key not in row.arguments}
            for name, row in VARIANTS.items()
            if row.builder is builder and all(full.get(key) == value for key, value in row.arguments.items())
        }
        return min(fitting.items(), key=lambda entry: len(entry[1]), default=(self.builder, arguments))


def candidates(shapes: Shapes, facts: Facts | None = None, name: str = "") -> Iterator[Candidate]:
    """Yield the candidates for tensors of these (grammar) names and shapes.

    Args:
        shapes: of the tensors.
        facts: from the configuration beside a transformer's file.
        name: the requested model, where one file holds the heads of two.
    """
    found = list(transformers(shapes, facts or Facts(), name))
    yield from (Candidate(builder, arguments) for builder, arguments in found)
    layout = None if found else read_layout(shapes)
    if layout is None:
        return
    for builder, arguments in tabled(layout):
        yield Candidate(builder, {**arguments, **layout.sizes})
    for recogniser in RECOGNISERS:
        if (found := recogniser(layout)) is not None:
            _refuse_without_statistics(found, name)
            yield Candidate(found.builder, {**found.arguments, **layout.sizes})


def _refuse_without_statistics(found: Candidate, name: str) -> None:
    """Refuse networks that are published with batch norms only, where the file lacks their statistics."""
    if found.builder == "resnet_gn" and found.arguments["depth"] != 50 and not name:
        raise InputError(
            "batch norms need running_mean and running_var, which the file lacks; save model.state_dict() rather than "
            "the parameters alone, or say model='resnet_gn' where the norms are over groups of channels"
        )


def cifar_resnet(layout: Layout) -> Candidate | None:
    """Three stages with the same number of basic blocks, an activation after each merge."""
    if not layout.even(3) or layout.convolutions != 2 or layout.outer_norms or layout.has("head.norm."):
        return None
    norm = "batch" if layout.has("stem.norm.running_var") else "layer" if layout.has("stem.norm.") else "none"
    shortcut = "exclusive_gating" if layout.has(".merge.") else layout.shortcut
    depth = 6 * layout.blocks[0] + 2
    return Candidate("cifar_resnet", {"depth": depth, "shortcut": shortcut, "widths": layout.widths, "norm": norm})


def cifar_preact_resnet(layout: Layout) -> Candidate | None:
    """Three stages whose last block ends in a norm; bottlenecks, or basic blocks with padding shortcuts."""
    if not layout.even(3) or not layout.outer_norms:
        return None
    if layout.convolutions == 3:
        return Candidate("cifar_preact_resnet", {"depth": 9 * layout.blocks[0] + 2, "shortcut": layout.shortcut})
    if layout.shortcut == "A":
        depth = 6 * layout.blocks[0] + 2
        return Candidate("cifar_preact_resnet", {"depth": depth, "branch": "basic", "shortcut": "A"})
    return Candidate("cifar_wide_resnet", {"depth": 6 * layout.blocks[0] + 4, "widen": layout.widths[0] // 16})


def imagenet_resnet(layout: Layout) -> Candidate | None:
    """Four stages by the table of He15; groups, width, gates and stem distinguish its relatives."""
    depth = _table_depth(layout)
    if depth is None or layout.convolutions not in (2, 3) or layout.outer_norms:
        return None
    grouped = {"depth": depth, "groups": layout.groups, "base_width": layout.base_width}
    stem = {"stem": "tiered"} if layout.shapes.get("stem.conv1.weight", (0,))[0] == TIERED else {}
    if layout.has(".se.conv."):
        return Candidate("ecaresnet", {"depth": depth, **stem})
    if layout.has(".se."):
        return Candidate("seresnext", grouped) if layout.groups > 1 else Candidate("seresnet", {"depth": depth})
    if layout.has("stem.conv1."):
        return Candidate("resnet_d", {"depth": depth, **stem})
    if layout.groups > 1:
        return Candidate("resnext", {**grouped, "shortcut": layout.shortcut})
    if layout.base_width != 64 and layout.base_width % 64 == 0:
        arguments = {"depth": depth, "widen": layout.base_width // 64, "shortcut": layout.shortcut}
        return Candidate("wide_resnet", arguments)
    if layout.has("stem.norm.") and not layout.has(".running_var"):
        return Candidate("resnet_gn", {"depth": depth})
    if layout.shapes.get("stem.conv.weight", ())[2:] == (3, 3):
        return Candidate("resnet_cifar", {"depth": depth})
    return Candidate("resnet", {"depth": depth, "shortcut": layout.shortcut})


def preact_resnet(layout: Layout) -> Candidate | None:
    """The same table with norms at the stages' ends; only He16's basic networks have one in the stem."""
    depth = _table_depth(layout)
    if depth is None or not layout.outer_norms:
        return None
    if not layout.has(".running_var") and layout.convolutions == 3:
        return Candidate("bit_resnet", {"depth": depth, "widen": layout.widths[0] // BOTTLENECK_WIDTHS[0]})
    if layout.shapes.get("stem.conv.weight", ())[2:] == (3, 3):
        return Candidate("preact_resnet_cifar", {"depth": depth})
    stem = "He16" if layout.convolutions == 2 and layout.has("stem.norm.") else "timm"
    return Candidate("preact_resnet", {"depth": depth, "stem": stem})


def densenet(layout: Layout) -> Candidate | None:
    """Stages that begin with a transition, and a norm in the head."""
    if not layout.has("head.norm."):
        return None
    growth = layout.widths[0]
    layers = (layout.blocks[0], *(count - 1 for count in layout.blocks[1:]))
    depth = next((known for known, row in DENSENETS.items() if (row[0], row[2]) == (growth, layers)), None)
    if depth is not None:
        return Candidate("densenet", {"depth": depth})
    if layout.convolutions == 2:
        return Candidate("cifar_densenet_bc", {"depth": 6 * layers[0] + 4, "growth": growth})
    return Candidate("cifar_densenet", {"depth": 3 * layers[0] + 4, "growth": growth})


def plain_ancestor(layout: Layout) -> Candidate | None:
    """VGG (five stages) and AlexNet (two): hidden layers in the head."""
    hidden = layout.shapes.get("head.fc1.weight", (0,))[0]
    depth = next((known for known, counts in VGGS.items() if counts == layout.blocks), None)
    if not hidden or (depth is None and len(layout.blocks) != 2):
        return None
    if depth is None:
        return Candidate("alexnet", {"hidden": hidden})
    return Candidate("vgg_bn" if layout.has(".norm.") else "vgg", {"depth": depth, "hidden": hidden})


def cifar_highway(layout: Layout) -> Candidate | None:
    """Blocks of one convolution and a transform gate, or two gates."""
    if not layout.even(3) or not layout.has(".merge.transform."):
        return None
    gates = "uncoupled" if layout.has(".merge.carry.") else "coupled"
    return Candidate("cifar_highway", {"depth": 3 * layout.blocks[0] + 2, "widths": layout.widths, "gates": gates})


def fast_resnet(layout: Layout) -> Candidate | None:
    """A whitened stem, and three stages of an entry and a block."""
    if not layout.has("stem.whiten.") or layout.blocks != (2, 2, 2):
        return None
    convolutions = tuple(layout.convolutions_of(stage, 1) for stage in range(3))
    return Candidate("fast_resnet", {"widths": layout.widths, "convolutions": convolutions})


def _table_depth(layout: Layout) -> int | None:
    """Return the row of He15 table 1 with these blocks; the branch's convolutions distinguish 34 from 50 layers."""
    depths = [depth for depth in RESNETS if (RESNETS[depth][0] is basic_branch) == (layout.convolutions == 2)]
    return next((depth for depth in depths if RESNETS[depth][1] == layout.blocks), None)


def _default(builder: Callable[..., Any], key: str) -> Any:
    parameter = inspect.signature(builder).parameters.get(key)
    return None if parameter is None else parameter.default


RECOGNISERS: tuple[Callable[[Layout], Candidate | None], ...] = (
    fast_resnet,
    cifar_resnet,
    imagenet_resnet,
    preact_resnet,
    cifar_preact_resnet,
    densenet,
    plain_ancestor,
    cifar_highway,
)
