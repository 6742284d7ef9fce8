"""The process that runs one row of a benchmark, with the JSON-lines protocol of ``residuum_runtime.worker``."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any


class Worker:
    """A process that answers requests. Once it has ended, every answer gives the reason: {"error": ...}.

    Args:
        command: the process's command line.
    """

    def __init__(self, command: Sequence[str]) -> None:
        # nobody reads it, so a pipe would fill up; stop closes the file
        self.said = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True
        )

    def read(self) -> dict[str, Any]:
        """Return its next line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        return self._ended()

    def ask(self, **question: Any) -> dict[str, Any]:
        """Return its answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return self._ended()
        return self.read()

    def stop(self) -> None:
        """Stop the process."""
        self.process.kill()
        self.process.wait()
        self.said.close()

    def _ended(self) -> dict[str, Any]:
        """Return its exit code and the last line of its standard error."""
        code = self.process.wait()
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        return {"error": f"its process ended with code {code}{f': {lines[-1]}' if lines else ''}"}
