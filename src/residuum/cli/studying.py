"""Run ``residuum study`` after its flags are parsed."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import typer
from rich import progress as bars
from rich.console import Console

from ..errors import StudyFailed
from ..experiments import STUDIES
from ..experiments.planning import Foreseen
from ..experiments.study import findings_of, pick_study, planned, run_study
from ..report.study_page import SHOWN
from .signals import exit_code_of
from .tables import show_json, show_table


def list_studies(json: bool) -> None:
    """Print each study's question and cost."""
    if json:
        keys = ("QUESTION", "SOURCE", "COST", "EXPECTED")
        show_json([
            {"name": name, **{key.lower(): getattr(study, key) for key in keys}} for name, study in STUDIES.items()
        ])  # fmt: skip
        return
    show_table(["study", "question", "cost"], [(name, study.QUESTION, study.COST) for name, study in STUDIES.items()])


def run(
    name: str, given: dict[str, Any], output: Path, *, budget: float, workers: int, check: bool, json: bool
) -> None:
    """Run a study, print its progress and report its findings."""
    pick_study(name)
    try:
        with StudyConsole(quiet=json) as console:
            found = run_study(
                name, given, output, budget=budget, workers=workers, tell=console.tell, progress=console.progress
            )
    except KeyboardInterrupt as stopped:
        typer.echo(f"\ninterrupted; the same command resumes the runs in {output}", err=True)
        raise typer.Exit(exit_code_of(stopped)) from None
    if json:
        show_json({**found, "folder": str(output)})
    else:
        say(found, output / f"{name}.html")
    missing = [finding.claim for finding in findings_of(found) if finding.verdict != SHOWN]
    if check and missing:
        raise StudyFailed(f"{len(missing)} of {len(found['findings'])} claims are not shown: {'; '.join(missing)}")


def show_plan(name: str, given: dict[str, Any], output: Path, *, workers: int, json: bool) -> None:
    """Print a study's cost and expected intervals; the spread comes from finished studies beside its folder."""
    folders = sorted(path.parent for path in output.parent.glob("*/study.json"))
    plan = planned(name, given, output, folders, workers=workers)
    if json:
        show_json({**plan._asdict(), "findings": [_without_infinity(finding) for finding in plan.findings]})
        return
    typer.echo(f"{plan.runs} runs, {plan.epochs} epochs in all, about {plan.minutes:.0f} minutes; nothing trained yet")
    if not plan.findings:
        typer.echo(
            f"no finished study of {name} with at least two seeds lies in {output.parent}, so the intervals are unknown"
        )
        return
    typer.echo(f"expected 95 % intervals over {plan.seeds} seeds, from the spread in {plan.earlier}:")
    rows = [
        (f.claim, f.matters, f"± {f.half:.2g}", "yes" if f.enough else "no", f.seeds_needed or "-")
        for f in plan.findings
    ]
    show_table(["claim", "smallest effect that matters", "interval", "detectable", "seeds needed"], rows)


def _without_infinity(finding: Foreseen) -> dict[str, Any]:
    """Return the fields for JSON, which has no infinity: one seed leaves the interval unbounded."""
    return {**finding._asdict(), "half": finding.half if math.isfinite(finding.half) else None}


def say(found: dict[str, Any], page: Path) -> None:
    """Print numbers, verdicts and the answer."""
    for table in pick_study(found["study"]).tables(found["numbers"]):
        typer.echo()
        show_table(table.header, table.rows, numbers=table.header[1:])
    typer.echo()
    for finding in findings_of(found):
        typer.echo(f"{finding.words}: {finding.claim}; {finding.ours}")
    typer.echo(f"\n{found['answer']}\n")
    typer.echo(f"see {page}")


class StudyConsole:
    """Lines as they arrive, and below them on a terminal a progress bar of the epochs; a pipe gets only the lines.

    Args:
        quiet: standard output is for a program, so that lines go to standard error.
        console: where the bar is drawn [default: standard error].
    """

    def __init__(self, quiet: bool, console: Console | None = None) -> None:
        self.quiet, self.started, self.task = quiet, time.perf_counter(), None
        console = console or Console(stderr=True)
        self.bar = bars.Progress(
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("epochs"),
            bars.TimeRemainingColumn(),
            console=console,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # otherwise the bar would enter the pipe
            disable=not console.is_terminal,
        )

    def tell(self, line: str) -> None:
        """Print a line with the elapsed seconds."""
        line = f"{time.perf_counter() - self.started:6.0f} s  {line}"
        on_screen = (sys.stderr if self.quiet else sys.stdout).isatty()
        if on_screen and self.bar.live.is_started:
            self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            typer.echo(line, err=self.quiet)

    def progress(self, done: int, total: int) -> None:
        """Draw the progress in epochs."""
        if self.task is None:
            self.task = self.bar.add_task("", total=total, completed=done)
            self.bar.start()
        self.bar.update(self.task, completed=done)
        if done >= total:
            self.bar.stop()

    def __enter__(self) -> StudyConsole:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.bar.stop()
