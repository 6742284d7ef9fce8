"""Studies and reports from the command line, as a user runs them."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from rich.console import Console

from residuum.cli import main
from residuum.cli.studying import StudyConsole
from residuum.experiments import STUDIES

KEPT = []  # what the first test to need it ran
TINY = ("--data", "digits[:64,:64]", "--depths", "8,14", "--epochs", "1", "-b", "32", "-j", "1", "--precision", "fp32")


@pytest.fixture
def residuum(monkeypatch, capsys):
    """Return the command, run in this process: what it printed on stdout and on stderr, its exit code checked."""

    def run(*arguments, cwd, code=0):
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["residuum", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
            sys.exit(0)
        out, err = capsys.readouterr()
        assert (stopped.value.code or 0) == code, f"{arguments}\n{out}\n{err}"
        return out, err

    return run


@pytest.fixture
def finished(residuum, tmp_path_factory):
    """Return a folder in which a study was run (once), and what it printed when it was."""
    if not KEPT:
        folder = tmp_path_factory.mktemp("study")
        KEPT.append((folder, residuum("study", "degradation", *TINY, "--seeds", "2", cwd=folder)[0]))
    return KEPT[0]


def test_a_study_tells_its_runs_its_verdicts_and_its_answer(finished):
    folder, printed = finished
    assert printed.count("validation") >= 8 and "8/8" in printed
    assert ": The deeper plain network trains worse; " in printed and "on the claimed side" in printed
    assert "see runs/study-degradation/degradation.html" in printed
    assert (folder / "runs" / "study-degradation" / "degradation.html").exists()


def test_json_goes_to_stdout_alone_and_a_check_fails_where_a_claim_is_not_shown(finished, residuum):
    folder, _ = finished
    out, err = residuum("study", "degradation", *TINY, "--seeds", "2", "--json", "--check", cwd=folder, code=1)
    found = json.loads(out)
    assert found["study"] == "degradation" and found["folder"] == "runs/study-degradation"
    missing = [finding["claim"] for finding in found["findings"] if finding["verdict"] != "shown"]
    assert f"{len(missing)} of {len(found['findings'])} claims are not shown: {'; '.join(missing)}" in err


def test_a_plan_reports_cost_and_expected_intervals_and_trains_nothing(finished, residuum):
    folder, _ = finished
    before = sorted(folder.rglob("*"))
    out, _ = residuum("study", "degradation", *TINY, "--seeds", "4", "--plan", cwd=folder)
    assert (
        "16 runs, 16 epochs in all, about " in out and "over 4 seeds, from the spread in runs/study-degradation" in out
    )
    rows = [line.split("\t") for line in out.splitlines() if "\t± " in line]
    assert len(rows) == 6 and all(row[2].startswith("± ") and row[3] in {"yes", "no"} for row in rows)
    plan = json.loads(residuum("study", "degradation", *TINY, "--seeds", "4", "--plan", "--json", cwd=folder)[0])
    assert plan["runs"] == 16 and [finding["claim"] for finding in plan["findings"]] == [row[0] for row in rows]
    alone = json.loads(
        residuum("study", "degradation", *TINY, "--seeds", "1", "--plan", "--json", cwd=folder)[0],
        parse_constant=lambda name: pytest.fail(f"{name} is no JSON"),
    )
    assert [finding["half"] for finding in alone["findings"]] == [None] * 6
    _, err = residuum("study", "degradation", *TINY[:-1], "fp16", "--plan", cwd=folder, code=2)
    assert "precision must be fp32 or bf16, got 'fp16'" in err
    out, _ = residuum("study", "paths", "--data", "digits[:64,:64]", "--depths", "8", "--plan", cwd=folder)
    assert "no finished study of paths" in out and sorted(folder.rglob("*")) == before


def test_a_report_puts_studies_on_one_page(finished, residuum, tmp_path):
    folder, _ = finished
    out, _ = residuum("report", "runs/study-degradation", "--output", tmp_path / "all.html", cwd=folder)
    assert f"see {tmp_path / 'all.html'}" in out and "<h1>Degradation</h1>" in (tmp_path / "all.html").read_text()
    _, err = residuum("report", tmp_path, cwd=folder, code=2)
    assert "is no finished study" in err


def test_without_a_name_the_studies_are_listed(residuum, tmp_path):
    out, _ = residuum("study", cwd=tmp_path)
    assert [line.split("\t")[0] for line in out.splitlines()] == ["study", *STUDIES]
    found = json.loads(residuum("study", "--list", "--json", cwd=tmp_path)[0])
    assert [row["name"] for row in found] == list(STUDIES) and all(row["question"] and row["cost"] for row in found)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("degradtion",), "no study is named 'degradtion'; did you mean degradation"),
        (("degradation", "--depths", "20,x"), "--depths must be comma-separated whole numbers, such as 20,56"),
        (("degradation", "--depths", "21"), "depth must be 6n + 2"),
        (("degradation", "--precision", "fp16"), "precision must be fp32 or bf16, got 'fp16'"),
        (("degradation", "--data", "digits[:9999]"), "1 to 1438 train images, got 9999"),
    ],
)
def test_wrong_wishes_end_with_a_line_and_code_2(arguments, message, residuum, tmp_path):
    _, err = residuum("study", *arguments, "-j", "1", cwd=tmp_path, code=2)
    assert message in err and len(err.strip().splitlines()) == 1


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_by_a_signal_it_goes_on_with_its_runs(tmp_path, number, code):
    command = [sys.executable, "-m", "residuum", "study", "degradation", "--data", "digits[:640]", "--depths", "8,14",
               "--seeds", "1", "--epochs", "40", "-b", "16", "-j", "2", "-o", "s"]  # fmt: skip
    study = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a suite in the background ignores it
    )
    while study.poll() is None and len(list((tmp_path / "s").glob("*/summary.csv"))) < 2:
        time.sleep(0.2)
    os.kill(study.pid, number)
    _, err = study.communicate(timeout=200)  # no worker holds its output any longer
    assert study.returncode == code and "the same command resumes the runs in s" in err and "Traceback" not in err
    kept = {path.parent.name: path.read_text() for path in (tmp_path / "s").glob("*/summary.csv")}
    assert len(kept) == 2 and all(text.count("\n") < 41 for text in kept.values())
    assert all(list((tmp_path / "s" / name / "checkpoints").glob("*.pt")) for name in kept)


def test_a_pipe_gets_the_lines_of_a_study_alone(capsys):
    drawn = io.StringIO()
    with StudyConsole(quiet=False, console=Console(file=drawn, force_terminal=False)) as console:
        console.progress(0, 4)
        console.tell("1/2  member")
        console.progress(4, 4)
    assert drawn.getvalue() == "" and capsys.readouterr().out == "     0 s  1/2  member\n"


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("quiet", [False, True])
def test_a_terminal_gets_a_bar_of_the_epochs_too(quiet, piped, capsys, monkeypatch):
    """What resumes begins where it stands; the lines of a study stay, the bar goes when all is done."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: not piped)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    drawn = io.StringIO()
    with StudyConsole(quiet=quiet, console=Console(file=drawn, force_terminal=True, width=60)) as console:
        console.progress(3, 12)
        console.tell("[1/2]  member")
        console.progress(5, 12)
        console.bar.refresh()
        console.progress(12, 12)
        assert not console.bar.live.is_started
    assert all(words in drawn.getvalue() for words in ("3/12", "5/12", "epochs"))
    out, err = capsys.readouterr()
    where = out if piped and not quiet else drawn.getvalue()
    assert "     0 s  [1/2]  member\n" in where and (where + out + err).count("[1/2]  member") == (
        2 if where == out else 1
    )


def test_an_error_takes_the_bar_away(monkeypatch):
    console = StudyConsole(quiet=False, console=Console(file=io.StringIO(), force_terminal=True))
    with pytest.raises(ZeroDivisionError), console:
        console.progress(1, 2)
        assert console.bar.live.is_started
        raise ZeroDivisionError
    assert not console.bar.live.is_started
