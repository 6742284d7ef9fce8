"""What ``residuum study`` does once its flags are read."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

import typer

from ..errors import StudyFailed
from ..experiments import STUDIES
from ..experiments.planning import Foreseen
from ..experiments.study import findings_of, pick_study, planned, run_study
from ..report.study import SHOWN
from .signals import exit_code_of
from .tables import show_json, show_table


def list_studies(json: bool) -> None:
    """Print what each study asks and costs."""
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
    console = _Console(quiet=json)
    try:
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
    """Print what a study would cost and could see; the spread comes from finished studies beside its folder."""
    folders = sorted(path.parent for path in output.parent.glob("*/study.json"))
    plan = planned(name, given, output, folders, workers=workers)
    if json:
        show_json({**plan._asdict(), "findings": [_without_infinity(finding) for finding in plan.findings]})
        return
    typer.echo(
        f"{plan.runs} runs, {plan.epochs} epochs in all, about {plan.minutes:.0f} minutes; nothing is trained yet"
    )
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
    show_table(["claim", "smallest effect that matters", "interval", "could see it", "seeds needed"], rows)


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
    typer.echo(f"look at {page}")


class _Console:
    """Lines as they come; between them, on a terminal, one that is written over."""

    def __init__(self, quiet: bool) -> None:
        self.quiet, self.terminal, self.started = quiet, sys.stderr.isatty(), time.perf_counter()
        self.drawn, self.at_start = False, -1

    def tell(self, line: str) -> None:
        """Print a line, with the seconds so far; on stderr where stdout is for a program."""
        if self.drawn:
            sys.stderr.write("\r\x1b[K")
            self.drawn = False
        typer.echo(f"{time.perf_counter() - self.started:6.0f} s  {line}", err=self.quiet)

    def progress(self, done: int, total: int) -> None:
        """Draw how far the epochs are."""
        if not self.terminal:
            return
        self.at_start = done if self.at_start < 0 else self.at_start
        made, seconds = done - self.at_start, time.perf_counter() - self.started
        left = f", about {(total - done) * seconds / made / 60:.0f} min left" if made else ""
        sys.stderr.write(f"\r\x1b[K{done} of {total} epochs{left}")
        sys.stderr.flush()
        self.drawn = True
