"""The compiled parts. Where they cannot be built the installation goes on, and torch's own operators serve."""

import sys

from setuptools import Extension, setup

# OpenMP's library is not linked: torch has loaded one, whose threads are to be shared.
FLAGS = [] if sys.platform == "win32" else ["-O3", "-std=gnu11", "-Wno-psabi"]
OPENMP = ["-fopenmp"] if sys.platform == "linux" else []

setup(
    ext_modules=[
        Extension(
            f"residuum.nn._{name}",
            sources=[f"src/residuum/nn/{name}.c"],
            depends=["src/residuum/nn/winograd.h"] if name == "winograd" else [],
            extra_compile_args=[*FLAGS, *OPENMP],
            optional=True,
        )
        for name in ("small_conv", "pool", "tail", "winograd")
    ]
)
