"""The edges of the command line: unexpected errors, other code pages, readers that leave."""

import os
import re
import subprocess
import sys

import pytest

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
    assert "no report could be written (No space left on device)" in unexpected.told_with_file(ValueError("x"), ["r"])


def test_the_file_lies_in_the_run_that_the_command_names(tmp_path):
    (tmp_path / "config.yaml").touch()
    for words in (["--resume", tmp_path], [f"--output={tmp_path}"], ["-o", tmp_path]):
        told = unexpected.told_with_file(ValueError("x"), ["residuum", "train", *map(str, words)])
        assert f"report it with {tmp_path}" in told
    assert len(list(tmp_path.glob("residuum-error-*.txt"))) == 3
    assert str(tmp_path) not in unexpected.told_with_file(ValueError("x"), ["residuum", "train", "-o", "nowhere"])


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
@pytest.mark.parametrize("verb", ["models", "study --list", "--help"])
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
    assert spinning() == {"value": "OMP_WAIT_POLICY=passive", "why": "the environment says so"}
    monkeypatch.delenv("OMP_WAIT_POLICY")
    limit_spinning()
    assert spinning()["value"] == "GOMP_SPINCOUNT=2000, KMP_BLOCKTIME=1"
    assert re.search("beside other work", spinning()["why"])
    for name in SPIN:
        monkeypatch.delenv(name)
