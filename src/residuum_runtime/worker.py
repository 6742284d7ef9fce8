"""A process that runs one network for a benchmark, so that memory and cold start are measured for it alone.

python -m residuum_runtime.worker FILE ENGINE THREADS

It answers lines of JSON on standard input until end of file: ``{"batch": 1, "runs": 10}`` with the seconds of each
run, ``{"pictures": FILE, "batch": 16}`` with the number that it classifies correctly.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .engine import Engine
from .errors import ResiduumError
from .pictures import normalise


def serve(run: Callable[[Any], Any], channels: int, size: tuple[int, int]) -> None:
    """Predict once, report it, and answer until the input ends; images are float32 [batch, channels, *size]."""
    images: dict[int, Any] = {1: np.zeros((1, channels, *size), np.float32)}
    run(images[1])
    answer({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        batch = asked["batch"]
        if "pictures" in asked:
            answer({"right": count_right(run, asked["pictures"], batch)})
            continue
        if batch not in images:
            images[batch] = np.random.default_rng(0).standard_normal((batch, channels, *size), np.float32)
        run(images[batch])  # not timed: the processor's caches hold other processes' data
        seconds = []
        for _ in range(asked["runs"]):
            started = time.perf_counter()
            run(images[batch])
            seconds.append(time.perf_counter() - started)
        answer({"seconds": seconds, "memory_mb": peak_memory()})


def count_right(run: Callable[[Any], Any], path: str, batch: int) -> int:
    """Return the number of correctly classified images; the ``.npz`` holds pixels, labels, mean and std.

    The last batch is padded with images that do not count: some engines compile for each shape.
    """
    with np.load(path) as held:
        pixels, labels, mean, std = (held[name] for name in ("pixels", "labels", "mean", "std"))
    right = 0
    for first in range(0, len(pixels), batch):
        part = np.resize(pixels[first : first + batch], (batch, *pixels.shape[1:]))
        found = np.asarray(run(normalise(part, mean, std)))[: len(pixels) - first].argmax(1)
        right += int((found == labels[first : first + batch]).sum())
    return right


def peak_memory() -> float:
    """Return the peak memory of this process, in megabytes.

    Linux's ``getrusage`` would include the parent process's memory. NaN where the system reports neither.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
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
