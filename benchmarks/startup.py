"""The time a user waits: for the help, and from a command's start to the first training step.

Command   python benchmarks/startup.py [ROUNDS]
Runs      residuum --help, and residuum train --data digits until its first step, each in a fresh process
Prints    the median and the range over the rounds in seconds; the first of each is a warm-up
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

COMMAND = (sys.executable, "-m", "residuum")
FIRST_STEP = """
import sys
from residuum.training import Step, new_run, train
for event in train(new_run(sys.argv[1], {"data": "digits"}), report=False):
    print(type(event).__name__, flush=True)
"""  # the command's work, without parsing its flags


def seconds_of_help() -> float:
    """Return the seconds until the end of the help."""
    started = time.perf_counter()
    subprocess.run([*COMMAND, "--help"], check=True, capture_output=True)
    return time.perf_counter() - started


def seconds_to_first_step() -> float:
    """Return the seconds until ``train --data digits`` has made its first step."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = [sys.executable, "-c", FIRST_STEP, str(Path(folder) / "run")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            event = process.stdout.readline().strip()
            seconds = time.perf_counter() - started
            process.kill()
        assert event == "Step", f"the run must print Step, got {event!r}"
    return seconds


def describe(name: str, measure: Callable[[], float], rounds: int) -> str:
    """Return a line with the median and the range over the rounds."""
    measure()
    found = [measure() for _ in range(rounds)]
    return f"{name:<40} {statistics.median(found):6.2f} s ({min(found):.2f}-{max(found):.2f})"


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(describe("residuum --help", seconds_of_help, rounds))
    print(describe("first step of train --data digits", seconds_to_first_step, rounds))
