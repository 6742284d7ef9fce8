"""The compiled parts of this room, each a plain C file beside its reference; an installation can do without them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import torch
from torch import nn

Backward = Callable[..., Any]


def compiled(name: str, argument: type[ctypes.Structure]) -> ctypes.CDLL | None:
    """Return the library that was built from ``name``.c, or None where the package was installed without a compiler.

    Its OpenMP calls are answered by the library that torch has loaded, so that both share their threads.

    Args:
        name: of the C file; its function ``name``_size tells how large it takes ``argument`` to be.
        argument: what its functions are called with; a library of another version, which differs here, is passed over.
    """
    for path in sorted(Path(__file__).parent.glob(f"_{name}.*")):
        try:
            library = ctypes.CDLL(str(path))
            size = library[f"{name}_size"]
        except (OSError, AttributeError):  # of another platform or version, or torch came without OpenMP
            continue
        size.restype = ctypes.c_int64
        if size() == ctypes.sizeof(argument):
            return library
    return None


def once_only(backward: Backward) -> Backward:
    """Let a gradient refuse to be recorded, so that none of its own can be asked for and be missing without a word."""

    @wraps(backward)
    def refusing(ctx: Any, *gradients: torch.Tensor) -> Any:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "compiled parts have no gradient of their gradient, which create_graph=True asks for; "
                "take residuum.nn.unfuse(model) and without_winograd(model), or --kernels plain"
            )
        return backward(ctx, *gradients)

    return refusing


def give_forward(module: nn.Module, forward: Callable[..., torch.Tensor]) -> None:
    """Let the module compute forward(module, ...) instead of its own; copies of it, and pickled ones, do so too."""
    vars(module)["forward"] = partial(forward, module)


def given_forward(module: nn.Module) -> Callable[..., torch.Tensor] | None:
    """Return what ``give_forward`` gave the module, or None."""
    return getattr(vars(module).get("forward"), "func", None)
