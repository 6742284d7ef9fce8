"""``residuum study``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def study(
    name: Annotated[str | None, typer.Argument(help="name of the study; lists all without it")] = None,
    data: Annotated[
        str | None, typer.Option(help="digits, cifar10, fashion_mnist or a folder; digits[:500] selects a part")
    ] = None,
    model: Annotated[str | None, typer.Option(help="study this weights file or run instead of training")] = None,
    seeds: Annotated[int | None, typer.Option(help="number of runs per network")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="number of epochs per run")] = None,
    depths: Annotated[
        str | None, typer.Option(help="depths of the networks, such as 20,56; 20:5,56 trains 20 layers with 5 seeds")
    ] = None,
    only: Annotated[str | None, typer.Option(help="compare only these conditions, such as A,dropout")] = None,
    runs: Annotated[
        str | None, typer.Option(help="measure the trained runs in this study folder instead of training")
    ] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", "-b", help="images per step")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32 or bf16 [default: the faster one here]")] = None,
    budget: Annotated[float, typer.Option(help="limit on training in minutes; reduces epochs, then images")] = 0.0,
    workers: Annotated[int, typer.Option("--workers", "-j", help="parallel runs [default: one per core]")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="the study folder [default: runs/study-NAME]")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="list the studies with question and cost")] = False,
    check: Annotated[bool, typer.Option("--check", help="exit with code 1 if a claim is not shown")] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="report runs, minutes and the expected intervals; train nothing")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Test a published claim about residual networks by experiment, and compare the result with the claim.

    residuum study                                              (list the studies)

    residuum study degradation                                  (one minute, on digits, without a download)

    residuum study degradation --data cifar10 --budget 60       (within an hour)

    residuum study degradation --data cifar10 --seeds 5 --plan  (cost and expected intervals)

    Ctrl-C stops it, and the same command resumes it.
    """
    from .studying import list_studies, run, show_plan

    if listed or name is None:
        list_studies(json)
        return
    given: dict[str, Any] = {
        "data": data,
        "model": model,
        "seeds": seeds,
        "epochs": epochs,
        **({} if depths is None else _depths(depths)),
        "only": None if only is None else tuple(part.strip() for part in only.split(",")),
        "runs": runs,
        "batch_size": batch_size,
        "precision": precision,
    }
    given = {key: value for key, value in given.items() if value is not None}
    output = output or Path("runs") / f"study-{name}"
    if plan:
        show_plan(name, given, output, workers=workers, json=json)
        return
    run(name, given, output, budget=budget, workers=workers, check=check, json=json)


def _depths(text: str) -> dict[str, Any]:
    """Return the options for ``20:5,56``."""
    from ..errors import InputError

    pairs = [[number.strip() for number in part.split(":")] for part in text.split(",")]
    if not all(len(pair) < 3 and all(number.isdigit() for number in pair) for pair in pairs):
        raise InputError(f"--depths must be comma-separated whole numbers, such as 20,56 or 20:5,56, got {text!r}")
    seeds = tuple((int(pair[0]), int(pair[1])) for pair in pairs if len(pair) == 2)
    return {"depths": tuple(int(pair[0]) for pair in pairs), **({"seeds_of": seeds} if seeds else {})}
