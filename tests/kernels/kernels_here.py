"""The compiled parts as this processor runs them, or in plain C where it lacks what they need."""

import contextlib
import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

import residuum.kernels

HERE, SOURCES = Path(__file__).parent, Path(residuum.kernels.__file__).parent
FLAGS = ["-std=gnu11", "-O1", "-Wno-psabi", "-Wno-unknown-pragmas", "-DSOURCE=0", "-shared", "-fPIC"]
PLAIN = f"-I{HERE / 'plain'}"  # AVX-512 in plain C


@cache
def built(name, *flags):
    """Return the library that a C file gives with some more flags; skip the test where there is no compiler for it."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler here")
    output = Path(tempfile.mkdtemp()) / f"{name}.so"
    command = [compiler, *FLAGS, *flags, str(SOURCES / f"{name}.c"), "-lm", "-o", str(output)]
    if (done := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
        pytest.skip(f"this C compiler does not build it: {done.stderr[:200]}")
    return ctypes.CDLL(str(output))


@contextlib.contextmanager
def serving(room, name, pays):
    """Let a room's kernel serve inside the block wherever it runs, whether or not it pays there.

    Args:
        room: the module of the kernel, with ``kernel``, ``declare`` and a function named ``pays``.
        name: of the C file.
        pays: the name of the function that asks whether the kernel is worth it on this processor.
    """
    library = room.kernel()
    if library is None or not getattr(library, f"{name}_runs")():
        library = room.declare(built(name, PLAIN))
        if not getattr(library, f"{name}_runs")():
            pytest.skip("this kernel is for x86-64")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "kernel", lambda: library)
        patch.setattr(room, pays, lambda: True)
        yield
