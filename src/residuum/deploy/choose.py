"""Choose the faster precision on this machine by a trial."""

from __future__ import annotations

import tempfile
from pathlib import Path

from residuum_runtime.choice import median_seconds
from residuum_runtime.machine import thread_count
from residuum_runtime.sessions import open_session

from .prepare import Prepared
from .targets import Target

GAIN = 1.05  # smallest speedup of bf16 that justifies its rounding


def choose_precision(prepared: Prepared, to: str, target: Target) -> tuple[str, str]:
    """Return "bf16" or "fp32" and the reason; int8 costs accuracy, so only the user chooses it."""
    if "bf16" not in target.precisions:
        return "fp32", f"{target.engine} computes no bf16 on processors"
    sessions = {}
    with tempfile.TemporaryDirectory() as folder:
        for precision in ("fp32", "bf16"):
            place = Path(folder) / precision
            place.mkdir()
            file = target.write(prepared, place, prepared.carded(target=to, precision=precision))
            sessions[precision] = open_session(file, target.engine, thread_count())
        seconds = median_seconds(sessions)
    gain = seconds["fp32"] / seconds["bf16"]
    figures = f"{1e3 * seconds['bf16']:.3g} ms an image against {1e3 * seconds['fp32']:.3g} in fp32, measured here"
    return ("bf16" if gain > GAIN else "fp32"), f"bf16 takes {figures}"
