"""The compiled parts of ``nn``, each a plain C file beside its reference; all are optional."""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from torch import nn

HERE = Path(__file__).parent
Backward = Callable[..., Any]


def compiled(name: str) -> ctypes.CDLL | None:
    """Return the library that was built from ``name``.c, or None where the package was installed without a compiler.

    Its OpenMP calls resolve to the library that torch has loaded, so that both share their threads. Its function
    ``name``_source identifies the source it was built from; if the source has changed since then, the library is
    skipped, since its functions may take other arguments. If no other library is there, a warning reports it.
    """
    stale = []
    for path in sorted(HERE.glob(f"_{name}.*")):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:  # of another platform, or torch came without OpenMP
            continue
        built_from = getattr(library, f"{name}_source", None)
        if built_from is not None:
            built_from.restype = ctypes.c_uint32
            if _source(name) in (None, built_from()):
                return library
        stale.append(path.name)
    if stale:
        warnings.warn(f"{stale[0]} was built from another {name}.c; run `pip install -e .` again", stacklevel=2)
    return None


def _source(name: str) -> int | None:
    """Return the checksum of the C file and its header, as setup.py does, or None where only the library is."""
    files = sorted(HERE.glob(f"{name}.[ch]"))
    return crc32(b"".join(path.read_bytes() for path in files)) if files else None


def once_only(backward: Backward) -> Backward:
    """Let a gradient refuse to be recorded: its own gradient is not implemented, and would be missing silently."""

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
    """Replace the module's forward pass by forward(module, ...); copies and pickles of the module keep it."""
    vars(module)["forward"] = partial(forward, module)


def given_forward(module: nn.Module) -> Callable[..., torch.Tensor] | None:
    """Return the forward pass that ``give_forward`` set, or None."""
    return getattr(vars(module).get("forward"), "func", None)
