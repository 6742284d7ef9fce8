"""Run a study: settle its options, train its members, measure, and write the results."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from residuum_runtime.missing import files_like

from .. import __version__
from ..errors import InputError, nearest, pick
from ..files import locked, make_folder, write_bytes, write_text
from ..machine.precision import refuse_unknown
from ..report.study_page import Finding, StudyData, study_page
from ..report.style import png, svg_file
from ..settings.file import read_settings
from ..training.run import CONFIG
from . import STUDIES
from .adopting import adopted_histories
from .budget import fitted, measured_precision
from .form import History, Options, Study, Workspace, read_json, write_json
from .members import train_members, training_seconds
from .planning import Plan, plan_study

STUDY, PLAN = "study.json", "plan.json"
Tell = Callable[[str], None]
Progress = Callable[[int, int], None]  # finished epochs, all epochs


def pick_study(name: str) -> Study:
    """Return the study of that name; the error for unknown names lists all."""
    return pick(STUDIES, name, "study", listed=False, more=" `residuum study` lists all")


def run_study(
    name: str,
    asked: dict[str, Any],
    output: Path,
    *,
    budget: float = 0.0,
    workers: int = 0,
    tell: Tell = print,
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Run a study to its end and write ``study.json``, its figures and its page into the folder.

    Args:
        name: in STUDIES.
        asked: the user's fields of Options; they override the study's defaults.
        output: the study's folder. A second call with the same options resumes the first.
        budget: minutes; 0: no limit.
        workers: number of members that train at a time; 0: one per core.
        tell: receives lines of progress.
        progress: receives the number of finished epochs and of all epochs.

    Returns: the content of ``study.json``.
    """
    study, workers = pick_study(name), workers or os.cpu_count() or 1
    make_folder(output)
    with locked(output / ".study.lock", f"{output} is in use by another study; wait for it or choose another --output"):
        options, notes = _settle_plan(study, asked, output, budget, workers, tell)
        histories = _train_runs(name, options, output, workers, tell, progress)
        numbers = study.measure(Workspace(output, options, histories, tell))
        result = {
            "study": name,
            "residuum": __version__,
            "options": asdict(options),
            "repeat": _command(name, options),
            "members": len(histories),
            "seconds": round(training_seconds(Path(options.runs) if options.runs else output, histories), 1),
            "notes": notes,
            "numbers": numbers,
            "answer": study.answer(numbers),
            "findings": [vars(finding) for finding in study.findings(numbers)],
        }
        write_json(output / STUDY, result)
        write_pages([output], output / f"{name}.html")
    return result


def planned(name: str, asked: dict[str, Any], output: Path, folders: Sequence[Path], *, workers: int = 0) -> Plan:
    """Return a study's predicted cost and intervals; train and write nothing (``planning.py``).

    Args:
        name: in STUDIES.
        asked: the user's fields of Options; they override the study's defaults.
        output: the study's folder; existing runs there determine the precision.
        folders: finished studies that may provide the spread.
        workers: number of parallel runs; 0: one per core.
    """
    study = pick_study(name)
    options = _settled(study, asked, output)
    return plan_study(study, name, options, workers or os.cpu_count() or 1, folders)


def write_pages(folders: list[Path], page: Path) -> None:
    """Write the figures of each study into its folder, and one page on all studies."""
    studies = [study_data(folder) for folder in folders]
    for folder, data in zip(folders, studies, strict=True):
        for drawing in data.drawings:
            write_bytes(folder / f"{drawing.name}.png", png(drawing.figure))
            write_text(folder / f"{drawing.name}.svg", svg_file(drawing.figure, drawing.alt))
    write_text(page, study_page(studies))


def study_data(folder: Path) -> StudyData:
    """Return a study's section of a page, redrawn from the numbers in its folder."""
    if not (folder / STUDY).exists():
        near = "" if folder.is_dir() else f"{files_like(folder)}; or "
        raise InputError(
            f"{folder} is no finished study: it has no {STUDY}; {near}run `residuum study NAME --output {folder}`"
        )
    held = read_json(folder / STUDY)
    try:
        return _drawn(held)
    except KeyError as lacking:
        raise InputError(
            f"{folder} must hold the numbers that this version draws, but Residuum {held.get('residuum', '?')} did not "
            f"measure {lacking}; run `{held.get('repeat', 'residuum study NAME')} --output {folder}` again, which "
            "measures the runs in it again"
        ) from lacking


def _drawn(held: dict[str, Any]) -> StudyData:
    study, numbers = pick_study(held["study"]), held["numbers"]
    return StudyData(
        title=held["study"].replace("-", " ").capitalize(),
        question=study.QUESTION,
        answer=study.answer(numbers),
        drawings=study.drawings(numbers),
        tables=study.tables(numbers),
        findings=study.findings(numbers),
        cost=_cost(held),
        repeat=held["repeat"],
        notes=[f"Source: {study.SOURCE}.", f"Expected beforehand: {study.EXPECTED}", *held["notes"]],
        settings={key: str(value) for key, value in held["options"].items()},
    )


def findings_of(result: dict[str, Any]) -> list[Finding]:
    """Return the findings that ``study.json`` holds."""
    return [Finding(**finding) for finding in result["findings"]]


def _settle_plan(
    study: Study, asked: dict[str, Any], output: Path, budget: float, workers: int, tell: Tell
) -> tuple[Options, list[str]]:
    """Settle the options, or reuse the options that an earlier call with the same arguments settled.

    Trials are not repeatable, and a study must resume its existing runs.
    """
    wishes = {"asked": json.loads(json.dumps(asked)), "budget": budget}
    plan = output / PLAN
    if plan.exists() and (held := read_json(plan))["wishes"] == wishes:
        return _read_options(held["options"]), held["notes"]
    options, notes = _settled(study, asked, output), []
    if budget:
        tell("a short trial of each network, to fit the study to its budget")
        options, notes = fitted(study, options, budget, workers)
        for note in notes:
            tell(note)
    write_json(plan, {"wishes": wishes, "options": asdict(options), "notes": notes})
    return options, notes


def _settled(study: Study, asked: dict[str, Any], output: Path) -> Options:
    options = _checked(study, replace(study.DEFAULTS, **asked))
    return options if "precision" in asked else replace(options, precision=_precision(study, options, output))


def _read_options(held: dict[str, Any]) -> Options:
    """Return the options from JSON."""
    options = Options(**{**held, "depths": tuple(held["depths"]), "only": tuple(held.get("only", ()))})
    return replace(options, seeds_of=tuple((depth, seeds) for depth, seeds in options.seeds_of))


def _checked(study: Study, options: Options) -> Options:
    for key in ("seeds", "batch_size"):
        if getattr(options, key) < 1:
            raise InputError(f"{key} must be at least 1, got {getattr(options, key)}")
    if options.epochs < 0:
        raise InputError(f"epochs must be at least 1, got {options.epochs}; leave it out for the study's own")
    refuse_unknown(options.precision)
    if few := [f"{depth}:{seeds}" for depth, seeds in options.seeds_of if seeds < 1]:
        raise InputError(f"a depth needs at least 1 seed, got {few[0]}")
    choices: tuple[str, ...] = getattr(study, "CHOICES", ())
    if unknown := [name for name in options.only if name not in choices]:
        say = nearest(unknown[0], list(choices)) if choices else "this study offers no choice; leave --only out"
        raise InputError(f"--only names {unknown[0]!r}, which is not a condition of this study; {say}")
    if options.runs and options.model:
        raise InputError("--runs and --model both select the networks to measure; leave one of them out")
    if options.runs and not Path(options.runs).is_dir():
        near = files_like(options.runs)
        raise InputError(f"--runs must be the folder of a finished study, but {options.runs} is not a folder; {near}")
    if options.seeds_of and study.members(options) == study.members(replace(options, seeds_of=())):
        raise InputError("this study gives each depth the same number of seeds; use --seeds and plain --depths")
    return options


def _precision(study: Study, options: Options, output: Path) -> str:
    """Return the precision of the folder's members; else float32 for the digits, and the faster one for others."""
    home = Path(options.runs) if options.runs else output
    for name in study.members(options):
        if (home / name / CONFIG).exists():
            return read_settings(home / name / CONFIG).precision
    small = options.data.split("[")[0] == "digits"
    return options.precision if small else measured_precision(study, options)


def _train_runs(
    name: str, options: Options, output: Path, workers: int, tell: Tell, progress: Progress
) -> dict[str, History]:
    study = pick_study(name)
    members = study.members(options)
    if options.runs:
        return adopted_histories(study, members, Path(options.runs), output)
    if not members:
        return {}
    total, found = sum(settings["epochs"] for settings in members.values()), 0
    tell(f"{len(members)} runs on {options.data}, {options.precision}; runs in {output} are resumed")
    histories: dict[str, History] = {}
    for event in train_members(members, output, study=name, workers=workers):
        if isinstance(event, int):
            progress(event, total)
            continue
        member, history = event
        histories[member], found, last = history, found + 1, history[-1]
        accuracies = f"training {last['train_acc1']:5.1f} %  validation {last['val_acc1']:5.1f} %"
        tell(f"{found:>3}/{len(members)}  {member:<28} {accuracies}")
    return {member: histories[member] for member in members}


def _cost(held: dict[str, Any]) -> str:
    if not held["members"]:
        return "No run was trained: the study measured an existing model."
    return f"{held['members']} runs, {held['seconds'] / 60:.1f} minutes of training on one thread, added up."


def _command(name: str, options: Options) -> str:
    """Return the command that repeats the study, with every settled option."""
    words = ["residuum", "study", name, "--data", options.data]
    words += ["--model", options.model] if options.model else []
    words += ["--depths", _depths(options)] if options.depths else []
    words += ["--only", ",".join(options.only)] if options.only else []
    words += ["--runs", options.runs] if options.runs else []
    words += ["--seeds", str(options.seeds), "--epochs", str(options.training["epochs"])]
    words += ["--batch-size", str(options.batch_size), "--precision", options.precision]
    words += ["--budget", f"{options.minutes:g}"] if options.minutes else []
    return shlex.join(words)


def _depths(options: Options) -> str:
    """Return the depths as ``--depths`` takes them: 20:5,56:5,110 where some have their own number of seeds."""
    seeds = dict(options.seeds_of)
    return ",".join(f"{depth}:{seeds[depth]}" if depth in seeds else str(depth) for depth in options.depths)
