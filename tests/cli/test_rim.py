"""The edges of the command line: unexpected errors, other code pages, readers that leave."""

import errno
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from residuum import cli
from residuum.cli import unexpected
from residuum.spinning import SPIN, limit_spinning, spinning

FAILING = """
from residuum import cli

def fail(token: str = ""):
    {failure}

next(verb for verb in cli.app.registered_commands if verb.name == "demo").callback = fail
cli.main()
"""


def run(*command, **environment):
    env = {name: text for name, text in os.environ.items() if name not in ("RESIDUUM_DEBUG", *SPIN)}
    return subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, env={**env, **environment}
    )


def failing(failure, *flags, **environment):
    return run("-c", FAILING.format(failure=failure), "demo", *flags, **environment)


def test_an_unexpected_error_is_one_line_and_a_file_with_the_traceback(tmp_path):
    done = failing("raise IndexError('target 7 of https://me:word@host is out of bounds')", "--token", "mine",
                   TMPDIR=str(tmp_path))  # fmt: skip
    (report,) = tmp_path.glob("residuum-error-*.txt")
    assert done.returncode == 1
    assert done.stderr == (
        "error: IndexError: target 7 of https://***@host is out of bounds. This was not expected: please report it "
        f"with {report}, which holds the traceback; RESIDUUM_DEBUG=1 shows the traceback\n"
    )
    text = report.read_text()
    assert "Traceback (most recent call last)" in text and "torch " in text and "python " in text
    assert "command   residuum demo --token ***" in text
    assert "mine" not in text and "word" not in text


def test_a_developer_sees_the_traceback():
    done = failing("raise RuntimeError('shapes')", RESIDUUM_DEBUG="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "RuntimeError: shapes" in done.stderr


def test_where_no_file_can_be_written_the_line_says_so(monkeypatch):
    def refuse(text, command):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unexpected, "_write", refuse)
    assert "no report could be written (No space left on device)" in unexpected.write_report(ValueError("x"), ["r"])


def test_a_report_that_the_run_s_folder_refuses_lies_with_the_temporary_files(tmp_path, monkeypatch):
    run, others = tmp_path / "run", tmp_path / "others"
    for folder in (run, others):
        folder.mkdir()
    (run / "config.yaml").touch()
    make = tempfile.mkstemp

    def refuse(**named):
        if named["dir"] == run:
            raise OSError(errno.EROFS, "Read-only file system")
        return make(**named)

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    monkeypatch.setattr(tempfile, "tempdir", str(others))
    told = unexpected.write_report(ValueError("x"), ["residuum", "train", "--resume", str(run)])
    assert f"please report it with {others}/residuum-error-" in told and len(list(others.iterdir())) == 1


def test_a_report_that_a_full_disk_cuts_off_is_removed(tmp_path, monkeypatch):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(unexpected.os, "fdopen", lambda handle, *_, **__: os.close(handle) or Full())
    told = unexpected.write_report(ValueError("x"), ["residuum"])
    assert "no report could be written (No space left on device); RESIDUUM_DEBUG=1" in told
    assert list(tmp_path.iterdir()) == []


def test_an_error_that_cannot_say_what_it_is_is_named():
    class Speechless(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    assert unexpected.one_line(Speechless()) == "Speechless"
    assert unexpected.write_report(Speechless(), ["residuum"]).startswith("Speechless: Speechless. This was not")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_an_output_that_refuses_is_one_line_and_code_2(unbuffered, tmp_path):
    script = FAILING.format(failure="print(7)")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", script, "demo"], stdout=full, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
    assert done.stderr == ("error: could not write the output: No space left on device; free space, or redirect it\n")
    assert done.returncode == 2 and list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_output_is_read_by_nobody(closed):
    script = FAILING.format(failure="print(7); import sys; print(8, file=sys.stderr)")
    command = f"'{sys.executable}' -c \"$SCRIPT\" demo {closed}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env={**os.environ, "SCRIPT": script})
    assert done.returncode == 0
    assert (done.stdout, done.stderr) == ("" if closed[0] == ">" else "7\n", "8\n" if closed == ">&-" else "")


VERBS = {
    "models": ["models", "cifar_resnet2*"],
    "study": ["study", "--list"],
    "recipe": ["train", "--recipe", "he2015-cifar", "--show"],
    "stats": ["data", "stats", "猫"],
    "inspect": ["inspect", "猫/model.safetensors"],
    "runs": ["runs", "猫"],
    "machine": ["machine"],
    "diff": ["diff", "猫", "猫"],
    "predict": ["predict", "猫", "猫/x.png"],
    "draw": ["draw", "cifar_resnet20"],
    "resume": ["train", "--resume", "猫"],
}


@pytest.mark.parametrize("page", ["ascii", "cp1252", "latin-1"])
@pytest.mark.parametrize("name", VERBS)
def test_every_verb_writes_to_any_code_page(name, page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "猫").mkdir()
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(cli, "limit_spinning", dict)
    written = {}
    for stream in ("stdout", "stderr"):
        written[stream] = io.BytesIO()
        monkeypatch.setattr(sys, stream, io.TextIOWrapper(written[stream], encoding=page, write_through=True))
    monkeypatch.setattr(sys, "argv", ["residuum", *VERBS[name]])
    with pytest.raises(SystemExit) as left:
        cli.main()
    errors = written["stderr"].getvalue().decode("utf-8")
    assert left.value.code in (0, 2) and "not expected" not in errors, errors
    assert any(stream.getvalue() for stream in written.values())


def test_odd_homes_and_caches_only_cost_time(tmp_path):
    """Nobody's home, a file for a cache and a folder of temporary files that is not there."""
    (tmp_path / "file").touch()
    done = run("-m", "residuum", "models", "cifar_resnet20", HOME="/proc/nowhere", TMPDIR=str(tmp_path / "none"),
               XDG_CACHE_HOME=str(tmp_path / "file"), RESIDUUM_CACHE="")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "cifar_resnet20" in done.stdout and "Traceback" not in done.stderr


def test_the_file_lies_in_the_run_that_the_command_names(tmp_path):
    (tmp_path / "config.yaml").touch()
    for words in (["--resume", tmp_path], [f"--output={tmp_path}"], ["-o", tmp_path]):
        told = unexpected.write_report(ValueError("x"), ["residuum", "train", *map(str, words)])
        assert f"report it with {tmp_path}" in told
    assert len(list(tmp_path.glob("residuum-error-*.txt"))) == 3
    assert str(tmp_path) not in unexpected.write_report(ValueError("x"), ["residuum", "train", "-o", "nowhere"])


def test_an_error_that_a_worker_sends_is_one_line():
    sent = "Caught InputError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n  File x\n"
    assert unexpected.one_line(ValueError(f"{sent}residuum.errors.InputError: a/b.png cannot be read")) == (
        "a/b.png cannot be read"
    )
    assert unexpected.one_line(ValueError("plain")) == "plain"


@pytest.mark.parametrize("page", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_text_that_a_code_page_lacks_is_escaped(page):
    script = FAILING.format(failure="print('\\u732b \\udcff'); raise cli.ResiduumError('\\u732b')")
    env = {**os.environ, "PYTHONIOENCODING": page, "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", script, "demo"], capture_output=True, env=env)
    assert done.returncode == 2
    assert done.stdout.decode(page) == ("猫" if page == "utf-8" else "\\u732b") + " \\udcff\n"
    errors = done.stderr.decode("utf-8" if page == "ascii" else page)  # click takes ASCII for an oversight
    assert errors == ("error: 猫\n" if page in ("utf-8", "ascii") else "error: \\u732b\n")


def test_json_stays_json_on_any_code_page():
    code = "from residuum.cli.tables import show_json; show_json({'猫': '\\udcff'})"
    for page in ("ascii", "cp1252"):
        assert run("-c", code, PYTHONIOENCODING=page).stdout == '{\n  "\\u732b": "\\udcff"\n}\n'


@pytest.mark.skipif(sys.platform == "win32", reason="no pipe of a shell")
@pytest.mark.parametrize("verb", ["models cifar_resnet2", "study --list", "--help"])
def test_a_reader_that_leaves_early_ends_the_command_quietly(verb):
    script = f"'{sys.executable}' -m residuum {verb} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.parametrize(
    "own", [{"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "7"}, {"KMP_BLOCKTIME": "200"}], ids=str
)
def test_what_the_user_says_of_threads_is_left_alone(own):
    environment = dict(own)
    assert limit_spinning(environment) == {}
    assert environment == own


def test_the_command_limits_spinning_before_torch_is_loaded_and_a_program_does_not():
    look = "import os, sys; print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
    assert failing(look).stdout == "2000 False\n"
    assert failing(look, GOMP_SPINCOUNT="9").stdout == "9 False\n"
    assert run("-c", f"import residuum; {look}").stdout == "None False\n"
    import_all = f"from residuum import train_model; {look}"
    assert run("-c", import_all).stdout == "None True\n"


def test_the_machine_says_how_long_threads_spin(monkeypatch):
    for name in ("OMP_WAIT_POLICY", *SPIN):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("residuum.spinning._chosen", {})
    assert spinning()["value"] == "OpenMP's own time"
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    assert spinning() == {"value": "OMP_WAIT_POLICY=passive", "why": "set in the environment"}
    monkeypatch.delenv("OMP_WAIT_POLICY")
    limit_spinning()
    assert spinning()["value"] == "GOMP_SPINCOUNT=2000, KMP_BLOCKTIME=1"
    assert re.search("beside other work", spinning()["why"])
    for name in SPIN:
        monkeypatch.delenv(name)
