"""Prepare a trained model for every target: folded, checked, and traced once."""

from __future__ import annotations

import copy
import dataclasses
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from residuum_runtime.card import Card
from residuum_runtime.predictions import answer_names

from .. import __version__
from ..errors import InputError
from ..models import BUILDERS, VARIANTS, Preprocessing, describe
from ..models.description import check_classifier
from ..nn.fold import Folded, fold
from .form import USUAL, Form
from .from_pixels import FromPixels

LARGER = 8  # extra pixels of the second size, for tracing


@dataclass
class Prepared:
    """A model on its way out."""

    reference: nn.Module  # eager, float32, as evaluated: the file must equal it
    graph: nn.Module  # the same function, folded: the graph to export
    folded: Folded
    card: Card  # target and precision still to be filled in
    form: Form = USUAL
    made: dict[str, Any] = field(default_factory=dict)  # intermediate results that targets share

    @cached_property
    def program(self) -> torch.export.ExportedProgram:
        """The graph, traced once for all targets."""
        return trace(self.graph, self.card)

    def carded(self, **changes: Any) -> Card:
        """Return the card with some fields changed."""
        return dataclasses.replace(self.card, **changes)


def prepare(model: nn.Module, form: Form = USUAL) -> Prepared:
    """Check a model and make it ready to export; the model itself is not changed.

    Args:
        model: from ``load`` or ``create_model``; its description says how to prepare images.
        form: what the file takes.

    Raises:
        InputError: a network of tokens or sequences, one without preprocessing or classifier, weights that are not
            finite numbers.
    """
    description = describe(model)
    preprocessing = description.preprocessing
    _check_takes_images(description.model)
    if preprocessing is None:
        raise InputError(
            "the model must describe its preprocessing, but does not; set "
            "model.description.preprocessing = residuum.Preprocessing(size=..., mean=..., std=...)"
        )
    check_classifier(model)
    _check_finite(model)
    reference = copy.deepcopy(model).cpu().float().eval()
    fixed = not _takes_other_sizes(reference, preprocessing) or form.fixed
    folded = fold(reference)
    graph = folded.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if form.pixels:
        reference, graph = FromPixels(reference, preprocessing).eval(), FromPixels(graph, preprocessing).eval()
    one_logit = getattr(model, "num_classes", None) == 1  # a yes or no; the file names both answers
    made = {"residuum": __version__, "torch": torch.__version__.partition("+")[0]}
    said = {"licence": description.licence, "provenance": description.provenance}
    card = Card(
        model=description.model,
        target="",
        precision="fp32",
        channels=len(preprocessing.mean),
        size=preprocessing.size,
        mean=tuple(preprocessing.mean),
        std=tuple(preprocessing.std),
        resize=preprocessing.resize,
        interpolation=preprocessing.interpolation,
        classes=tuple(answer_names(1, description.classes) if one_logit else description.classes),
        pixels=form.pixels,
        fixed=fixed,
        batch=form.batch,
        min_size=max(1, getattr(model, "min_size", 1)),
        made=made | {key: value for key, value in said.items() if value},
    )
    return Prepared(reference, graph, folded, card, form)


def trace(graph: nn.Module, card: Card) -> torch.export.ExportedProgram:
    """Return the graph as a program of torch's operators, with any batch and any size that the card leaves free.

    Raises:
        InputError: a network that torch.export cannot follow.
    """
    free = torch.export.Dim.DYNAMIC
    sizes = {} if card.fixed and not card.pixels else {2: free, 3: free}
    more = LARGER if sizes else 0
    sizes |= {} if card.batch else {0: free}
    shape = (card.batch or 2, card.channels, card.size[0] + more, card.size[1] + 2 * more)
    example = torch.zeros(shape, dtype=torch.uint8 if card.pixels else torch.float32)
    try:
        with quiet():
            return torch.export.export(graph, (example,), dynamic_shapes=(sizes,), strict=False)
    except Exception as error:  # its errors have no common base
        reason = first_line(error)
        raise InputError(
            f"{card.model} must be a network that torch.export can follow at any batch size, but: {reason}"
        ) from error


def first_line(error: BaseException) -> str:
    """Return the first non-empty line of an error."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress exporters' internal messages on the user's screen."""
    loggers = [
        logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir", "nncf", "root")
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _check_takes_images(name: str) -> None:
    """Refuse a network of tokens or sequences by its name; try networks built elsewhere as they are."""
    row = VARIANTS.get(name)
    builder = row.builder if row is not None else BUILDERS.get(name)
    if builder is not None and "in_chans" not in signature(builder).parameters:
        raise InputError(
            f"exports are of networks that take images, got {name}, which takes tokens or sequences; "
            "torch.onnx.export(model, example, dynamo=True) writes its graph, which no gate compares"
        )


def _check_finite(model: nn.Module) -> None:
    bad = [
        name
        for name, value in model.state_dict().items()
        if value.is_floating_point() and not bool(value.isfinite().all())
    ]
    if bad:
        raise InputError(
            f"weights must be finite numbers, but {', '.join(bad[:3])}{' and others' if bad[3:] else ''} hold NaN or "
            "infinity; train again with a smaller rate, or take an earlier checkpoint"
        )


@torch.no_grad()
def _takes_other_sizes(model: nn.Module, preprocessing: Preprocessing) -> bool:
    """Run the network at its own size, where it must work, and at another."""
    channels, (height, width) = len(preprocessing.mean), preprocessing.size
    _try(model, torch.zeros(1, channels, height, width))
    try:
        _try(model, torch.zeros(1, channels, height + LARGER, width + 2 * LARGER))
    except InputError:
        return False
    return True


def _try(model: nn.Module, images: Tensor) -> None:
    logits = model(images)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or not math.prod(logits.shape):
        raise InputError(f"the model must turn images into logits [N, classes], got {type(logits).__name__}")
