"""``residuum train``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..settings.recipe import data_of
from .flags import read_flags, signature


def train(
    *,
    output: Path | None,
    resume: Path | None,
    seeds: int | None,
    against: list[str] | None,
    lr_find: bool,
    show: bool,
    tensorboard: bool,
    **flags: Any,
) -> None:
    """Train a network on images; settings that you leave open are chosen, each with its reason."""
    asked = read_flags(flags)
    if "RANK" in os.environ:  # beside other processes; torch would remark in each that it looks for unused parameters
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from .training import Wanted, resume_in, show_recipe, start

    wanted = Wanted(seeds, against or [], lr_find, tensorboard)
    if show:
        show_recipe(asked)
    elif resume is not None:
        resume_in(resume, output, asked, wanted)
    else:
        start(output, data_of(asked), asked, wanted)


train.__signature__ = signature()  # type: ignore[attr-defined]
