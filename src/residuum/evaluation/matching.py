"""Match a model's classes to a data set's: by name, or by order if the user asks for it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from residuum_runtime.names import printable

from ..data.classes import loosely
from ..data.listing import enumerated
from ..errors import InputError
from ..models.description import check_classifier

MATCHES = ("name", "order")


def match_classes(of_model: Sequence[str], of_data: Sequence[str], model: nn.Module, match: str = "name") -> Tensor:
    """Return the model's class number for each of the data set's: int64 [data classes].

    Args:
        of_model: the model's class names; empty where its file has none.
        of_data: the data set's.
        model: its ``num_classes`` counts where it has no names.
        match: "name", or "order": the first class of one is the first of the other, whatever their names. A model
            without names is matched by order, as there is nothing else.

    Raises:
        InputError: a class that the model lacks, other counts where the order decides, an unknown ``match``.
    """
    check_match(match)
    check_classifier(model)
    outputs = getattr(model, "num_classes", len(of_data))
    count = len(of_model) or (2 if outputs == 1 else outputs)  # one logit is a yes or no
    if match == "order" or not of_model:
        if count != len(of_data):
            why = "" if of_model else " and names none of them"
            raise InputError(
                f"matching by order needs equal numbers of classes, but the model has {count} classes{why} and "
                f"the data set has {len(of_data)}; evaluate on data with its classes"
            )
        return torch.arange(count)
    if missing := [name for name in of_data if name not in set(of_model)]:
        raise InputError(_missing(missing, of_model, of_data))
    if list(of_model) == list(of_data):
        return torch.arange(count)
    if doubled := [name for name in of_data if list(of_model).count(name) > 1]:
        raise InputError(
            f"matching by name needs unique class names in the model, but it has {enumerated(doubled)} more than once; "
            "leave those classes out of the data"
        )
    return torch.tensor([list(of_model).index(name) for name in of_data])


def check_match(match: str) -> None:
    """Refuse an unknown way of matching."""
    if match not in MATCHES:
        raise InputError(f"match must be {' or '.join(MATCHES)}, got {match!r}")


def _missing(missing: Sequence[str], of_model: Sequence[str], of_data: Sequence[str]) -> str:
    known = {loosely(name): name for name in of_model}
    alike = [f"{printable(name)!r} is {known[loosely(name)]!r} there" for name in missing if loosely(name) in known]
    hint = f" ({enumerated(alike)})" if alike else ""
    same_count = len(of_model) == len(of_data)
    order = "; if their order is the same, residuum evaluate takes --match order" if same_count else ""
    return (
        f"the model must know the data set's {len(of_data)} classes, but it lacks {enumerated(missing)}{hint}; "
        f"it knows {enumerated(list(of_model))}: name the folders so, or train a model on this data{order}"
    )
