"""``residuum study``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def study(
    name: Annotated[str | None, typer.Argument(help="which study; without a name, all are listed")] = None,
    data: Annotated[
        str | None, typer.Option(help="digits, cifar10, fashion_mnist or a folder; digits[:500] for a part of it")
    ] = None,
    model: Annotated[str | None, typer.Option(help="study this weights file or run instead of training")] = None,
    seeds: Annotated[int | None, typer.Option(help="runs of each network")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="of each run")] = None,
    depths: Annotated[
        str | None, typer.Option(help="layers of the networks, as in 20,56; 20:5,56 trains 20 layers with 5 seeds")
    ] = None,
    only: Annotated[str | None, typer.Option(help="compare these conditions alone, as in A,dropout")] = None,
    runs: Annotated[
        str | None, typer.Option(help="measure the trained runs of this study's folder instead of training")
    ] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", "-b", help="images a step")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32 or bf16 [default: the faster one here]")] = None,
    budget: Annotated[float, typer.Option(help="minutes it may train; epochs, then images become fewer")] = 0.0,
    workers: Annotated[int, typer.Option("--workers", "-j", help="runs side by side [default: one a core]")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="the study's folder [default: runs/study-NAME]")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="list the studies: question and cost")] = False,
    check: Annotated[bool, typer.Option("--check", help="end with exit code 1 where a claim is not shown")] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="report runs, minutes and the expected intervals; train nothing")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Answer a question about residual networks by running: what was claimed, and what is found here.

    residuum study                                              (which there are)

    residuum study degradation                                  (a minute, on digits that need no download)

    residuum study degradation --data cifar10 --budget 60       (what an hour allows)

    residuum study degradation --data cifar10 --seeds 5 --plan  (what it would cost and could see)

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
    """Return the options that ``20:5,56`` asks for."""
    from ..errors import InputError

    pairs = [[number.strip() for number in part.split(":")] for part in text.split(",")]
    if not all(len(pair) < 3 and all(number.isdigit() for number in pair) for pair in pairs):
        raise InputError(f"--depths must be whole numbers with commas between, such as 20,56 or 20:5,56, got {text!r}")
    seeds = tuple((int(pair[0]), int(pair[1])) for pair in pairs if len(pair) == 2)
    return {"depths": tuple(int(pair[0]) for pair in pairs), **({"seeds_of": seeds} if seeds else {})}
