"""Fold batch norms into the layers beside them, for shipping: the same function with fewer layers.

In evaluation a batch norm is y = s * x + t with s = gamma / sqrt(variance + eps) and t = beta - s * mean. Behind a
layer W x + b it folds into s W and s b + t; before one, into W s and b + W t, where every output sees the whole of t:
not where zeros are padded, unless t = 0. A norm whose neighbours are activations, pools or sums stays.
Source: Jacob et al. 2017, arXiv:1712.05877, section 3.2; done in float64 and rounded once.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .attention import MLP, NormFirst, SelfAttention
from .norms import TokenBatchNorm
from .patches import FirstToken
from .standardised import StandardisedConv2d, plain
from .stochastic import DropPath, StochasticDepth

AFFINE = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, TokenBatchNorm)
ROWS = (nn.Sequential, StochasticDepth, DropPath, NormFirst)  # run their children in order, and nothing else
NOTHING = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)  # in evaluation
CHOOSING = (*NOTHING, FirstToken)  # a norm of features commutes with them
HOMOGENEOUS = (*CHOOSING, nn.ReLU, nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.Flatten)  # f(p x) = p f(x)
ENTRANCES = {SelfAttention: "qkv", MLP: "fc1"}  # the layer that alone receives such a part's input


@dataclass
class Folded:
    """A model made for evaluation, and the fate of its parts, by name."""

    model: nn.Module
    folded: dict[str, str] = field(default_factory=dict)  # norm: the layer that absorbed it
    dropped: list[str] = field(default_factory=list)  # parts that act only in training
    stayed: list[str] = field(default_factory=list)  # batch norms that no neighbour can absorb


class Step(NamedTuple):
    """One layer of a row: its parent, its key there, and its full name."""

    parent: nn.Module
    key: str
    name: str

    @property
    def layer(self) -> nn.Module:
        """The layer now at this place."""
        return self.parent.get_submodule(self.key)

    def replace(self, layer: nn.Module) -> None:
        """Put another layer at this place."""
        self.parent.add_module(self.key, layer)


@torch.no_grad()
def fold(model: nn.Module) -> Folded:
    """Return a copy in evaluation mode without the batch norms and training parts that can be removed.

    The function stays what ``model.eval()`` computes: to 1e-10 in float64, to rounding in float32. A removed part
    leaves an identity, so that every other part keeps its name; a layer that absorbed a norm gains a bias. Layers that
    are used in several places, and norms without running statistics, stay as they are.

    Args:
        model: any network; it is not changed.
    """
    result = Folded(copy.deepcopy(model).eval())
    _standardise(result.model)
    uses = Counter(id(layer) for _, layer in result.model.named_modules(remove_duplicate=False))
    for row in rows(result.model):
        _fold_row([step for step in row if uses[id(step.layer)] == 1], row, result)
    _drop(result)
    result.stayed = [name for name, layer in _norms(result.model)]
    return result


def rows(model: nn.Module) -> list[list[Step]]:
    """Return every sequence of layers that follow one another, nested sequences flattened."""
    found: list[list[Step]] = []

    def flat(module: nn.Module, name: str) -> list[Step]:
        steps: list[Step] = []
        for key, child in module.named_children():
            child_name = f"{name}.{key}" if name else key
            if isinstance(child, nn.Sequential):
                steps += flat(child, child_name)
                continue
            steps.append(Step(module, key, child_name))
            visit(child, child_name)
        return steps

    def visit(module: nn.Module, name: str) -> None:
        if isinstance(module, ROWS):
            found.append(flat(module, name))
            return
        for key, child in module.named_children():
            visit(child, f"{name}.{key}" if name else key)

    visit(model, "")
    return found


def _fold_row(own: list[Step], row: list[Step], result: Folded) -> None:
    for number, step in enumerate(row):
        if step not in own or (norm := _batch_norm(step.layer)) is None:
            continue
        scale, shift = _affine(norm)
        before = next((other for other in reversed(row[:number]) if not isinstance(other.layer, CHOOSING)), None)
        after = next((other for other in row[number + 1 :] if not isinstance(other.layer, CHOOSING)), None)
        if before in own and before is not None and _absorb_behind(before.layer, scale, shift):
            result.folded[step.name] = before.name
        elif after in own and after is not None and (taker := _absorb_before(after, scale, shift)):
            result.folded[step.name] = taker
        else:
            continue
        step.replace(nn.Identity())


def _batch_norm(layer: nn.Module) -> nn.Module | None:
    """Return the layer if it is a batch norm with fixed statistics, else None."""
    norm = layer.norm if isinstance(layer, TokenBatchNorm) else layer
    known = type(layer) in NORMS and norm.running_mean is not None and norm.running_var is not None
    return norm if known else None


def _affine(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Return s and t in float64."""
    mean, variance = _double(norm.get_buffer("running_mean")), _double(norm.get_buffer("running_var"))
    scale = torch.rsqrt(variance + norm.eps)  # type: ignore[operator]
    if norm.affine:
        scale = scale * _double(norm.get_parameter("weight"))
        return scale, _double(norm.get_parameter("bias")) - mean * scale
    return scale, -mean * scale


def _absorb_behind(layer: nn.Module, scale: Tensor, shift: Tensor) -> bool:
    """Let y = s * layer(x) + t be the layer's own output."""
    if type(layer) not in AFFINE or len(layer.get_parameter("weight")) != len(scale):
        return False
    weight, bias = _numbers(layer)
    _set(layer, weight * scale.view(-1, *[1] * (weight.ndim - 1)), bias * scale + shift)
    return True


def _absorb_before(step: Step, scale: Tensor, shift: Tensor) -> str:
    """Let layer(s * x + t) be the layer's own output; return its name, or nothing where that is not exact."""
    entrance = ENTRANCES.get(type(step.layer), "")
    layer = step.layer.get_submodule(entrance)
    if type(layer) not in AFFINE:
        return ""
    weight, bias = _numbers(layer)
    groups = getattr(layer, "groups", 1)
    padded = getattr(layer, "padding", "valid") not in ("valid", (0,), (0, 0), (0, 0, 0))
    if weight.shape[1] * groups != len(scale) or (padded and bool(shift.any())):
        return ""
    inputs = torch.stack([scale, shift]).view(2, groups, 1, -1).expand(-1, -1, len(weight) // groups, -1)
    scales, shifts = inputs.reshape(2, *weight.shape[:2], *[1] * (weight.ndim - 2))
    _set(layer, weight * scales, bias + (weight * shifts).flatten(1).sum(1))
    return f"{step.name}.{entrance}" if entrance else step.name


def _numbers(layer: nn.Module) -> tuple[Tensor, Tensor]:
    weight = _double(layer.get_parameter("weight"))
    bias = layer._parameters.get("bias")
    return weight, weight.new_zeros(len(weight)) if bias is None else _double(bias)


def _double(numbers: Tensor) -> Tensor:
    """Return the numbers in float64 on the CPU, since not every device has that type."""
    return numbers.cpu().double()


def _set(layer: nn.Module, weight: Tensor, bias: Tensor) -> None:
    kind = layer.get_parameter("weight")
    layer.register_parameter("weight", nn.Parameter(weight.to(kind.dtype).to(kind.device).contiguous()))
    layer.register_parameter("bias", nn.Parameter(bias.to(kind.dtype).to(kind.device)))


def _drop(result: Folded) -> None:
    """Remove dropout and stochastic depth; a survival probability scales the branch's last weights."""
    for name, layer in list(result.model.named_modules())[1:]:
        if isinstance(layer, NOTHING[1:]):
            new: nn.Module = nn.Identity()
        elif isinstance(layer, DropPath) or (isinstance(layer, StochasticDepth) and _scale_branch(layer)):
            new = nn.Sequential()
            for key, child in layer.named_children():
                new.add_module(key, child)
        else:
            continue
        parent, _, key = name.rpartition(".")
        result.model.get_submodule(parent).add_module(key, new.eval())
        result.dropped.append(name)


def _scale_branch(branch: StochasticDepth) -> bool:
    """Scale the branch's output by its survival probability; say whether a layer could take that in."""
    keep = 1 - branch.drop
    for step in reversed(rows(branch)[0]):
        if isinstance(step.layer, HOMOGENEOUS):
            continue
        if type(step.layer) in AFFINE:
            weight, bias = _numbers(step.layer)
            _set(step.layer, weight * keep, bias * keep)
            return True
        if (norm := _batch_norm(step.layer)) is not None and norm.affine:
            norm.get_parameter("weight").mul_(keep)
            norm.get_parameter("bias").mul_(keep)
            return True
        return False
    return False


def _standardise(model: nn.Module) -> None:
    """Standardise filters once, where a convolution does it at every use."""
    for name, layer in list(model.named_modules())[1:]:
        if isinstance(layer, StandardisedConv2d):
            parent, _, key = name.rpartition(".")
            model.get_submodule(parent).add_module(key, plain(layer).eval())


def _norms(model: nn.Module) -> list[tuple[str, nn.Module]]:
    inner = {id(layer.norm) for layer in model.modules() if isinstance(layer, TokenBatchNorm)}
    return [(name, layer) for name, layer in model.named_modules() if type(layer) in NORMS and id(layer) not in inner]
