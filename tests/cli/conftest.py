"""What the tests of several verbs share."""

import sys

import pytest

from residuum import cli


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the command and gives what it printed: its errors, where an exit code is expected."""

    def command(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["residuum", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        printed = capsys.readouterr()
        assert (stopped.value.code or 0) == code, printed
        return printed.err if code else printed.out

    return command
