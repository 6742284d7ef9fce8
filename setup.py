"""The compiled parts. Where they cannot be built the installation goes on, and torch's own operators serve."""

import sys
from pathlib import Path
from zlib import crc32

from setuptools import Extension, setup

# OpenMP's library is not linked: torch has loaded one, whose threads are to be shared.
FLAGS = [] if sys.platform == "win32" else ["-O3", "-std=gnu11", "-Wno-psabi"]
OPENMP = ["-fopenmp"] if sys.platform == "linux" else []


def part(name: str) -> Extension:
    """Return a part that knows the checksum of its source (kernels/compiled.py)."""
    files = sorted(Path("src/residuum/kernels").glob(f"{name}.[ch]"))
    return Extension(
        f"residuum.kernels._{name}",
        sources=[path.as_posix() for path in files if path.suffix == ".c"],
        depends=[path.as_posix() for path in files if path.suffix == ".h"],
        define_macros=[("SOURCE", f"{crc32(b''.join(path.read_bytes() for path in files))}u")],
        extra_compile_args=[*FLAGS, *OPENMP],
        optional=True,
    )


setup(ext_modules=[part(name) for name in ("small_conv", "pool", "tail", "winograd")])
