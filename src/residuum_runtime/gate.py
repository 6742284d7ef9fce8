"""The fresh process of the parity gate: load a file, run prepared batches, write the outputs.

python -m residuum_runtime.gate FILE ENGINE THREADS INPUTS.npz OUTPUTS.npz

Arrays named ``images...`` are uint8 batches of the right size; ``picture...`` are single images of any size, which pass
through the same resizing as a user's images.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from .engine import Engine
from .errors import ResiduumError

BATCH = 64  # batch size for a large array


def main(arguments: list[str]) -> int:
    """Run the batches; print an error as one message."""
    path, name, threads, inputs, outputs = arguments
    try:
        engine = Engine(path, engine=name, threads=int(threads))
        found = {}
        with np.load(inputs) as batches:
            for key in batches.files:
                found[key] = through(engine, key, batches[key])
        with Path(outputs).open("wb") as file:
            np.savez(file, **found)
    except ResiduumError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def through(engine: Engine, key: str, pixels: np.ndarray) -> np.ndarray:
    """Return logits of one array."""
    if key.startswith("picture"):
        return engine.logits(engine.prepare(pixels))
    parts = [engine.logits(pixels[first : first + BATCH]) for first in range(0, len(pixels), BATCH)]
    return np.concatenate(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
