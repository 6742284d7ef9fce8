"""``residuum diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .saying import say

if TYPE_CHECKING:
    from ..runs.diff import Difference, Table, Weights


def diff(
    run_a: Annotated[Path, typer.Argument(help="a run folder")],
    run_b: Annotated[Path, typer.Argument(help="another")],
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Report where two runs differ: configuration, data, environment, first step, first epoch, weights.

    Exits with code 0 if they are identical to the bit, else with 1. The command reports the environment (versions,
    processor, kernels) but does not count it as a difference.

    residuum diff runs/digits-1 runs/digits-2

    residuum diff runs/digits-1 runs/digits-2 --json
    """
    from dataclasses import asdict

    from ..runs.diff import diff_runs
    from .tables import show_json

    found = diff_runs(run_a, run_b)
    if json:
        show_json({"same": found.same, **asdict(found)})
    else:
        _say(found)
    if not found.same:
        raise typer.Exit(1)


def _say(found: Difference) -> None:
    _values("configuration", found.configuration)
    _values("data", found.data)
    _values("environment", found.environment)
    say(_table(found.steps, "step"), f"{'steps':<18}")
    say(_table(found.epochs, "epoch"), f"{'epochs':<18}")
    for name, weights in found.weights.items():
        say(_weights(weights), f"{name:<18}")
    say(f"\n{_conclusion(found)}")


def _values(title: str, pairs: dict[str, tuple[Any, Any]]) -> None:
    typer.echo(f"{title:<18}{'differs:' if pairs else 'equal'}")
    for name, (a, b) in pairs.items():
        say(f"{a} | {b}", f"  {name:<15} ")


def _table(table: Table, row: str) -> str:
    a, b = table.rows
    if a is None or b is None:
        return "not recorded in " + " and ".join(
            name for name, rows in (("the first", a), ("the second", b)) if rows is None
        )
    if table.first is None:
        return f"equal, {a:,} rows"
    if not table.columns:
        return f"equal up to the end of the shorter one: the first has {a:,} rows, the second {b:,}"
    values = "; ".join(f"{name} {_apart(*pair)}" for name, pair in table.columns.items())
    return f"differ from {row} {table.first}: {values}"


def _apart(one: Any, other: Any) -> str:
    """Return two values side by side; numbers get enough digits to differ, at least six."""
    try:
        a, b = float(one), float(other)
    except (TypeError, ValueError):
        return f"{one} | {other}"
    digits = next((digits for digits in (6, 9, 12) if f"{a:.{digits}g}" != f"{b:.{digits}g}"), 17)
    return f"{a:.{digits}g} | {b:.{digits}g}"


def _weights(weights: Weights) -> str:
    if weights.same:
        return "neither has one" if weights.sha256[0] is None else f"equal, sha256 {weights.sha256[0][:16]}"
    if None in weights.sha256:
        return f"only the {'second' if weights.sha256[0] is None else 'first'} has one"
    if not weights.tensors:
        return "equal numbers; the descriptions differ"
    more = f" and {len(weights.tensors) - 1} more" if len(weights.tensors) > 1 else ""
    return f"differ in {weights.tensors[0]}{more}, by at most {weights.largest:.3g}"


def _conclusion(found: Difference) -> str:
    if found.same:
        return "identical to the bit"
    if not found.steps.same:
        return f"they differ from step {found.steps.first}"
    if not found.epochs.same:
        return f"they differ from epoch {found.epochs.first}"
    if not any(weights.tensors or None in weights.sha256 for weights in found.weights.values()):
        return "their settings differ, their numbers are equal"
    return "their weights differ"
