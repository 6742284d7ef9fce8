"""Choose the engine that runs a file fastest on this machine: measured once, then cached."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import numpy as np

from .machine import features, processor
from .remembered import recall, remember
from .sessions import Session, engine_version, engines_for, installed, open_session

CACHE = "engines"
SECONDS = 2.0  # total time of measuring, over all engines
LEAST = 5  # fewest runs of each engine


def choose(path: Path, threads: int) -> tuple[str, Session | None]:
    """Return the fastest engine for the file, and its session if already open.

    Only engines that passed the file's parity gate take part; a single one needs no measurement.
    """
    able = [engine for engine in engines_for(path) if installed(engine)]
    if len(able) < 2:
        return able[0] if able else engines_for(path)[0], None
    key = json.dumps(
        [processor(), features(), threads, path.stat().st_size, [f"{e} {engine_version(e)}" for e in able]]
    )
    key += f" {path.resolve()}"
    if (remembered := recall(CACHE).get(key)) in able:
        return remembered, None
    sessions = {engine: open_session(path, engine, threads) for engine in able}
    card = sessions[able[0]].card
    passed = [engine for engine in able if card.measured.get(engine, {}).get("passed")]
    best = fastest({engine: sessions[engine] for engine in passed}) if passed else able[0]
    remember(CACHE, key, best)
    return best, sessions[best]


def fastest(sessions: dict[str, Session]) -> str:
    """Return the engine with the lowest median time for one image."""
    seconds = median_seconds(sessions)
    return min(seconds, key=lambda engine: seconds[engine])


def median_seconds(sessions: dict[str, Session]) -> dict[str, float]:
    """Return each session's median time for one image; they take turns, so that noise affects all equally."""
    card = next(iter(sessions.values())).card
    image = np.zeros((card.batch or 1, card.channels, *card.size), dtype=np.uint8 if card.pixels else np.float32)
    for session in sessions.values():
        session.run(image)
    times: dict[str, list[float]] = {engine: [] for engine in sessions}
    stop = time.perf_counter() + SECONDS
    while time.perf_counter() < stop or min(map(len, times.values())) < LEAST:
        for engine, session in sessions.items():
            started = time.perf_counter()
            session.run(image)
            times[engine].append(time.perf_counter() - started)
    return {engine: statistics.median(values) for engine, values in times.items()}
