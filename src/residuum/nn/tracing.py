"""torch.fx: code that it cannot follow, such as checks on shapes and loops over a sequence, becomes one graph node.

torch.fx writes the annotations of a network's ``forward`` into the code of the graph. The files that hold networks
do without ``from __future__ import annotations``, since strings in their place cannot be pickled.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import torch.fx
from torch import nn

Function = TypeVar("Function", bound=Callable[..., Any])


def one_node(function: Function) -> Function:
    """Let torch.fx record a call of the function as one node, which runs it with the graph.

    The first argument decides: a tensor is computed with, a proxy of torch.fx is recorded. A function that only checks
    must return its argument, or the graph would drop it.
    """

    @wraps(function)
    def recorded(x: Any, *arguments: Any) -> Any:
        if isinstance(x, torch.fx.Proxy):
            return x.tracer.create_proxy("call_function", recorded, (x, *arguments), {})
        return function(x, *arguments)

    return cast(Function, recorded)


def as_leaf(module: nn.Module, x: Any) -> Any:
    """Return the node of the graph that calls the whole module, where x is a proxy of torch.fx; else None."""
    if not isinstance(x, torch.fx.Proxy):
        return None
    tracer = cast(torch.fx.Tracer, x.tracer)
    return tracer.create_proxy("call_module", tracer.path_of_module(module), (x,), {})
