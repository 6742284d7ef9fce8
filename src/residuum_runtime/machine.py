"""Facts about this machine: threads, the processor's name, and its instruction sets."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from .errors import InputError

# flag of /proc/cpuinfo: its name for the choice of a precision
FEATURES = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI (int8)",
    "avx_vnni": "AVX VNNI (int8)",
    "avx512_bf16": "AVX-512 BF16",
    "amx_int8": "AMX int8",
    "amx_bf16": "AMX bf16",
    "asimddp": "NEON dot product (int8)",
    "i8mm": "NEON int8 matrices",
    "bf16": "NEON bf16",
}


def thread_count(asked: int | None = None) -> int:
    """Return the number of threads: as asked, else ``OMP_NUM_THREADS``, else the available processors."""
    if asked is not None:
        if asked < 1:
            raise InputError(f"threads must be 1 or more, got {asked}")
        return asked
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    return usable_cores()


def usable_cores() -> int:
    """Return the number of processors available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """Return the processor's name."""
    return cpuinfo().get("model name") or platform.processor() or platform.machine()


def features() -> list[str]:
    """Return the processor's relevant instruction sets; empty where unknown."""
    known = cpuinfo()
    flags = set((known.get("flags") or known.get("Features") or "").split())
    return [meaning for flag, meaning in FEATURES.items() if flag in flags]


def cache_directory() -> Path:
    """Return the folder of caches: ``RESIDUUM_CACHE``, else the user's cache directory.

    Raises InputError where neither is known: the user has no home directory (``HOME`` is not set), or the folder is
    below that of a user whom this system does not have.
    """
    try:
        if chosen := os.environ.get("RESIDUUM_CACHE"):
            return Path(chosen).expanduser()
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:  # pathlib raises nothing more specific
        raise InputError(
            f"the cache needs a folder, but the home directory is unknown ({error}); set RESIDUUM_CACHE to a folder"
        ) from error
    return Path(base) / "residuum"


def cpuinfo() -> dict[str, str]:
    """Return Linux's facts about the first processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in lines}
