"""What glibc's malloc does with freed memory, which decides how fast large tensors are made again."""

from __future__ import annotations

import ctypes
import platform

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of malloc.h
DEFAULT = 2**17  # bytes, of both
LARGEST = 2**31 - 1  # mallopt takes an int


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, and take large blocks from it; return whether it does now.

    By default glibc maps each block above 32 MB afresh and gives it back when freed, so that every step pays for its
    pages again: up to a quarter of a step with large batches (LOG.md). Elsewhere than on glibc nothing is done.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(MMAP_THRESHOLD, 2**30) and mallopt(TRIM_THRESHOLD, LARGEST))


def release_freed_memory() -> None:
    """Give back what the process keeps, and keep no more of it: where memory is short, other sizes need its room."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(TRIM_THRESHOLD, DEFAULT)
        libc.mallopt(MMAP_THRESHOLD, DEFAULT)
        libc.malloc_trim(0)
