"""LSTM and depth: is the residual stream the constant error carousel along depth instead of time?

Command    residuum study lstm-and-depth
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..analysis.carousel import CELLS, Error, recurrent_tanh, through_depth, through_time
from ..models.highway_mlp import highway_mlp
from ..report.lines import Line, Panel, line_panel
from ..report.study_page import Drawing, Finding, Table
from ..seeds import drawing
from .form import Members, Numbers, Options, Workspace
from .statistics import Matters, judged_pairs, spread

QUESTION = (
    "The memory of an LSTM carries itself unchanged from step to step, a residual block its input from layer to layer. "
    "Does an error flow back through time and through depth in the same way, with the carry and without?"
)
SOURCE = "Hoc97 (Neural Computation 9(8)), sections 3 and 4; He16 (arXiv:1603.05027), eq. 5; Sri15 (arXiv:1507.06228)"
COST = "a few seconds on one core: new cells and stacks of 64 steps, nothing is trained"
EXPECTED = (
    "along the carry alone the error keeps its size in the cell of 1997 and in residual blocks; it fades in cells with "
    "a forget gate, in Highway blocks, and where nothing is carried."
)
DEFAULTS = Options(seeds=5, depths=(64,))

MATTERS = Matters(1.0, "chosen here: a tenth of the error's size over all steps")
WIDTH = 64
EVERY = 4  # steps between points of a figure
DEPTHS = {  # name: highway_mlp's merge
    "residual blocks": "add",
    "Highway blocks": "gate",
    "plain blocks": "branch_only",
}
NO_CARRY = "tanh network"
LOOKS = {
    "LSTM of 1997, f = 1": "blue",
    "LSTM of 2000": "vermilion",
    "LSTM of 2000, forget bias 1": "purple",
    NO_CARRY: "ochre",
    "residual blocks": "blue",
    "Highway blocks": "purple",
    "plain blocks": "ochre",
}
CAPTION = (
    "Size of the error, log10, against its size behind the last step. A line is the mean over seeds, its shade reaches "
    "from the lowest to the highest; dashed: the part along the carry alone."
)


def members(options: Options) -> Members:
    """Train nothing."""
    return {}


def measure(work: Workspace) -> Numbers:
    """Return log10 of whole and direct error by step, [seeds][steps + 1], None where no error flows back."""
    steps = max(work.options.depths)
    found = work.keep("errors", lambda: {
        name: {part: [_decades(getattr(error, part)) for error in errors] for part in ("whole", "direct")}
        for name, errors in _errors(steps, work.options.seeds).items()
    })  # fmt: skip
    return {"steps": steps, "time": {name: found[name] for name in (*CELLS, NO_CARRY)},
            "depth": {name: found[name] for name in DEPTHS}}  # fmt: skip


def _errors(steps: int, seeds: int) -> dict[str, list[Error]]:
    found: dict[str, list[Error]] = {}
    for seed in range(seeds):
        for name, make in CELLS.items():
            with drawing(seed, "init"):
                cell = make(WIDTH)
            found.setdefault(name, []).append(through_time(cell, steps, seed))
        with drawing(seed, "init"):
            found.setdefault(NO_CARRY, []).append(recurrent_tanh(WIDTH, steps, seed))
        for name, merge in DEPTHS.items():
            with drawing(seed, "init"):
                network = highway_mlp(steps + 1, width=WIDTH, merge=merge)
            blocks: Any = network.stages[0]
            found.setdefault(name, []).append(through_depth(list(blocks), seed, WIDTH))
    return found


def _decades(norms: list[float]) -> list[float | None]:
    return [math.log10(norm) if 0 < norm < math.inf else None for norm in norms]


def findings(numbers: Numbers) -> list[Finding]:
    """Judge where the error fades and where it does not, through time and through depth."""
    steps = numbers["steps"]
    fades = [
        ("time", "LSTM of 2000", "whole", "Gers et al. 2000: a cell that can forget"),
        ("time", NO_CARRY, "whole", "Hoc97 section 3: the error decays exponentially"),
        ("depth", "Highway blocks", "direct", "He16 eq. 9: the product of carry gates"),
        ("depth", "plain blocks", "whole", "popular accounts: vanishing gradients"),
    ]
    found = [
        judged_pairs(f"{name}: over {steps} steps the error fades" + (" along the carry" if part == "direct" else ""),
                     source, ends, "below", MATTERS, unit="decades")
        for axis, name, part, source in fades
        if len(ends := _ends(numbers, axis, name, part))
    ]  # fmt: skip
    for axis, name, source in (
        ("time", "LSTM of 1997, f = 1", "Hoc97 section 4: constant error flow"),
        ("depth", "residual blocks", "He16 eq. 5: the identity carries dE/dx_L to every layer"),
    ):
        ends = _ends(numbers, axis, name, "whole")
        claim = f"{name}: over {steps} steps the whole error keeps at least a tenth of its size"
        found.append(judged_pairs(claim, source, ends, "above", MATTERS, bound=-1.0, unit="decades"))
    return found


def _ends(numbers: Numbers, axis: str, name: str, part: str) -> np.ndarray:
    """Return log10 of the error before the first step, for the seeds in which an error arrives."""
    return np.array([row[-1] for row in numbers[axis][name][part] if row[-1] is not None], dtype=float)


def answer(numbers: Numbers) -> str:
    """Report the remaining error along the carry, and in total."""
    carried = {name: _ends(numbers, axis, name, "direct") for axis in ("time", "depth") for name in numbers[axis]}
    exact = [name for name, ends in carried.items() if len(ends) and np.abs(ends).max() < 1e-9]
    said = [
        f"{name} {10 ** _ends(numbers, axis, name, 'whole').mean():.2g}"
        for axis in ("time", "depth")
        for name in numbers[axis]
        if len(_ends(numbers, axis, name, "whole"))
    ]
    kept = f"is kept exactly in {' and in '.join(exact)}" if exact else "is kept exactly nowhere"
    return (
        f"Along the carry alone the error {kept}. In all, {numbers['steps']} steps multiply it by: {', '.join(said)}."
    )


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw the error through time and through depth, on one scale."""
    pictures = []
    for axis, title in (("time", "Through time"), ("depth", "Through depth")):
        lines = []
        for name, parts in numbers[axis].items():
            lines += _lines(name, parts)
        words = {"time": "steps back", "depth": "blocks back"}[axis]
        panel = Panel(f"{title}: the remaining error", words, "log10 of its size", lines)
        alt = f"Size of the error flowing back {title.lower()}, a line for each kind of carry."
        pictures.append(Drawing(f"error-{axis}", line_panel(panel, width=6.6), alt, CAPTION))
    return [_together(numbers), *pictures]


def _lines(name: str, parts: Any) -> list[Line]:
    found = [_line(name, parts["whole"], LOOKS[name])]
    if _carried(parts):
        found.append(_line(f"{name}: carry alone", parts["direct"], LOOKS[name], dashed=True))
    return found


def _carried(parts: Any) -> bool:
    """Return whether any error flows along the carry."""
    return all(value is not None for row in parts["direct"] for value in row)


def _line(name: str, rows: list[list[float | None]], look: str, *, dashed: bool = False) -> Line:
    """Return the line through every fourth step."""
    return Line(name, list(range(len(rows[0])))[::EVERY], [row[::EVERY] for row in rows], look, dashed)


def _together(numbers: Numbers) -> Drawing:
    """Draw the error along the carry alone, time and depth in one plot."""
    looks = iter(("blue", "vermilion", "purple", "green", "ochre"))
    lines = []
    for axis in ("time", "depth"):
        for name, parts in numbers[axis].items():
            if _carried(parts):
                lines.append(_line(f"{axis}: {name}", parts["direct"], next(looks), dashed=axis == "depth"))
    panel = Panel("Carousel and stream: the error along the carry alone", "steps back, in time or depth",
                  "log10 of its size", lines)  # fmt: skip
    alt = (
        "Size of the error along the carry alone: flat for the cell of 1997 and for residual blocks, falling for gates."
    )
    return Drawing("carousel-and-stream", line_panel(panel, width=6.6), alt, CAPTION)


def tables(numbers: Numbers) -> list[Table]:
    """Return the remaining error before the first step, as factors per step."""
    rows = []
    for axis in ("time", "depth"):
        for name in numbers[axis]:
            row = [axis, name]
            for part in ("direct", "whole"):
                ends = _ends(numbers, axis, name, part)
                row += [spread(ends, 2) if len(ends) else "nothing", _factor(ends, numbers["steps"])]
            rows.append(row)
    header = ["through", "what", "carry alone, decades", "a step", "whole, decades", "a step"]
    caption = f"The error that remains after {numbers['steps']} steps, new weights; mean and deviation over seeds."
    return [Table([header[1], header[0], *header[2:]], [[r[1], r[0], *r[2:]] for r in rows], caption)]


def _factor(ends: np.ndarray, steps: int) -> str:
    return f"{10 ** (ends.mean() / steps):.3f}" if len(ends) else "0"
