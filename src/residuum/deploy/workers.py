"""The process that runs one row of a benchmark, spoken to in lines of JSON as ``residuum_runtime.worker`` says."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any


class Worker:
    """A process that answers questions. Once it has ended, every answer says why: {"error": ...}.

    Args:
        command: that starts it.
    """

    def __init__(self, command: Sequence[str]) -> None:
        # a pipe would fill up, as nobody reads it; stop closes the file
        self.said = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True
        )

    def read(self) -> dict[str, Any]:
        """Return what it says next."""
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
        """End it."""
        self.process.kill()
        self.process.wait()
        self.said.close()

    def _ended(self) -> dict[str, Any]:
        """Return its exit code and the last line that it wrote to its errors."""
        code = self.process.wait()
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        return {"error": f"its process ended with code {code}{f': {lines[-1]}' if lines else ''}"}
