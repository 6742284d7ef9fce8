"""The one compiled part. Where it cannot be built the installation goes on, and torch's own operators serve."""

import sys

from setuptools import Extension, setup

# OpenMP's library is not linked: torch has loaded one, whose threads are to be shared.
FLAGS = [] if sys.platform == "win32" else ["-O3", "-std=gnu11", "-Wno-psabi"]
OPENMP = ["-fopenmp"] if sys.platform == "linux" else []

setup(
    ext_modules=[
        Extension(
            "residuum.nn._tail",
            sources=["src/residuum/nn/tail.c"],
            extra_compile_args=[*FLAGS, *OPENMP],
            optional=True,
        )
    ]
)
