"""A process that runs one network for a benchmark, so that memory and cold start are its own.

python -m residuum_runtime.worker FILE ENGINE THREADS

It answers lines of JSON on its standard input: ``{"batch": 1, "runs": 10}`` with the seconds of each run, until the
input ends.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .engine import Engine
from .errors import ResiduumError


def serve(run: Callable[[Any], Any], channels: int, size: tuple[int, int]) -> None:
    """Predict once, say so, and answer until nobody asks any more; images are float32 [batch, channels, *size]."""
    images: dict[int, Any] = {1: np.zeros((1, channels, *size), np.float32)}
    run(images[1])
    answer({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        batch = asked["batch"]
        if batch not in images:
            images[batch] = np.random.default_rng(0).standard_normal((batch, channels, *size), np.float32)
        seconds = []
        for _ in range(asked["runs"]):
            started = time.perf_counter()
            run(images[batch])
            seconds.append(time.perf_counter() - started)
        answer({"seconds": seconds, "memory_mb": peak_memory()})


def peak_memory() -> float:
    """Return the most memory that this process has held, in megabytes.

    Linux's ``getrusage`` would count what the process that started this one held.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def answer(content: dict[str, Any]) -> None:
    """Write one line."""
    print(json.dumps(content), flush=True)


def main(arguments: list[str]) -> int:
    """Serve an exported file."""
    path, name, threads = arguments
    try:
        engine = Engine(path, engine=name, threads=int(threads))
        serve(engine.run, engine.card.channels, engine.card.size)
    except ResiduumError as error:
        answer({"error": str(error)})
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
