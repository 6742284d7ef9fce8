"""Joints: a shortcut and the merge that goes with it, picked by one name."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import pick
from .merges import MERGES, Merge, add
from .shortcuts import SHORTCUTS, Shortcut, dropout_shortcut, option_a, option_c


class Joint(NamedTuple):
    """How a block carries x and joins it with its branch.

    >>> JOINTS["A"].shortcut is option_a
    True
    """

    shortcut: Shortcut
    merge: Merge


# He16 table 1 for blocks whose shapes agree; where they change, all but conv1x1 pad as in option A
SHORTCUT_KINDS: dict[str, Joint] = {
    "identity": Joint(option_a, add),
    "constant_scaling": Joint(option_a, MERGES["constant_scaling"]),
    "exclusive_gating": Joint(option_a, MERGES["exclusive_gating"]),
    "shortcut_gating": Joint(option_a, MERGES["shortcut_gating"]),
    "conv1x1": Joint(option_c, add),
    "dropout": Joint(dropout_shortcut, add),
}

JOINTS: dict[str, Joint] = {**{name: Joint(part, add) for name, part in SHORTCUTS.items()}, **SHORTCUT_KINDS}


def pick_joint(name: str) -> Joint:
    """Return the joint of that name, or say which names there are."""
    return pick(JOINTS, name, "shortcut")
