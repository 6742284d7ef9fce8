"""How long OpenMP's threads spin before they sleep: set before torch is loaded, and never in a user's program.

At the end of each parallel loop a thread waits for the others. By default GNU's OpenMP lets it spin for a long time
(GOMP_SPINCOUNT, 300,000 iterations or more by default), and Intel's and LLVM's for 200 ms
(KMP_BLOCKTIME). On an otherwise idle machine that is fastest. Beside another busy process the spinning threads keep the
processor from those that have the work, and training becomes up to twenty times slower. A short spin costs next to
nothing alone and saves most of that beside others: ``benchmarks/beside.py`` measures both, LOG.md has the figures.
``OMP_WAIT_POLICY=passive`` would not spin at all, but each of the thousands of short loops of a step would then wake
its threads by a system call.

The command line, its workers and the suite set it. ``import residuum`` does not: the environment of a user's own
program is the user's.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

SPIN = {"GOMP_SPINCOUNT": "2000", "KMP_BLOCKTIME": "1"}  # iterations (GNU), milliseconds (Intel, LLVM)
POLICY = "OMP_WAIT_POLICY"  # decides for all of them where it is set


def limit_spinning(environment: MutableMapping[str, str] | None = None) -> dict[str, str]:
    """Set the variables of ``SPIN`` that the user has not set, and return them. Call it before torch is loaded.

    >>> limit_spinning({"OMP_WAIT_POLICY": "active"})
    {}
    """
    environment = os.environ if environment is None else environment
    chosen = {} if {POLICY, *SPIN} & set(environment) else dict(SPIN)
    environment.update(chosen)
    _chosen.update(chosen)
    return chosen


_chosen: dict[str, str] = {}


def spinning() -> dict[str, str]:
    """Return how long threads spin in this process and why, human-readable."""
    found = {name: os.environ[name] for name in (POLICY, *SPIN) if name in os.environ}
    if not found:
        return {"value": "OpenMP's own time", "why": "none is set; beside other work GOMP_SPINCOUNT=2000 is faster"}
    value = ", ".join(f"{name}={text}" for name, text in found.items())
    if _chosen:
        return {"value": value, "why": "short, so that training beside other work keeps most of its speed"}
    return {"value": value, "why": "set in the environment"}
