"""The laws of residual networks, each a function of a network. A new one is a function and a line in LAWS."""

from __future__ import annotations

from collections.abc import Callable

from .folded_norm import folding
from .identity_block import identity
from .outcome import EXACT, Outcome
from .path_sum import path_sum
from .scaled_shortcut import scaling
from .skips import skip_rules
from .stream import backward, forward
from .subject import Subject, make_subject

Law = Callable[[Subject], Outcome]

LAWS: dict[str, Law] = {
    "1 forward": forward,
    "2 backward": backward,
    "3 identity": identity,
    "4 skips": skip_rules,
    "5 scaling": scaling,
    "6 paths": path_sum,
    "8 folding": folding,
}

__all__ = ["EXACT", "LAWS", "Law", "Outcome", "Subject", "make_subject"]
