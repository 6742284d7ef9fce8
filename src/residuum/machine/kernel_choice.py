"""Which operations a run trains with: torch's own, or norm, addition and activation as one."""

from __future__ import annotations

from ..errors import InputError
from ..kernels.small_conv import pays
from ..kernels.tail import vectors
from ..kernels.winograd import winograd_pays

KERNELS = ("plain", "fused")


def choose_kernels(device: str, wanted: str = "auto") -> str:
    """Return ``fused`` where the compiled kernel serves this device, else ``plain``.

    It is no trial, so that two runs with one seed take the same. Raises InputError where ``fused`` is asked for and
    cannot be had.
    """
    if wanted not in ("auto", *KERNELS):
        raise InputError(f"kernels must be auto, {' or '.join(KERNELS)}, got {wanted!r}")
    there = device == "cpu" and vectors() is not None
    if wanted == "fused" and not there:
        raise InputError(f"kernels fused was asked for, but {_missing(device)}; leave --kernels out for torch's own")
    return ("fused" if there else "plain") if wanted == "auto" else wanted


def kernels_told(kernels: str, device: str) -> str:
    """Return in words what norms and additions are computed with."""
    if kernels == "plain":
        return "torch's own" if device != "cpu" or vectors() else f"torch's own ({_missing(device)})"
    if vectors() is None:
        return f"torch's own, and the last bits may part from what was begun ({_missing(device)})"
    small = ", small convolutions compiled" if pays() else ""
    return f"norm, addition and activation fused ({vectors()}){small}"


def convolutions_told(kernels: str, precision: str) -> str:
    """Return in words how 3x3 convolutions are computed where Winograd's are asked for."""
    if kernels == "fused" and precision == "bf16" and winograd_pays():
        return "Winograd's F(4x4, 3x3) where it is faster"
    return "direct (Winograd's take fused kernels, bf16, and a processor with AVX-512 BF16 and without AMX)"


def _missing(device: str) -> str:
    if device != "cpu":
        return f"the compiled kernel serves the cpu, not {device}"
    return "the compiled kernel is not there: with a C compiler, `pip install` builds it"
