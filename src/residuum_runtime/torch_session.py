"""Run an exported program with torch, the only engine here that needs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .card import KEY, Card, from_text
from .errors import InputError


def open_session(path: Path, threads: int) -> TorchSession:
    """Load a ``.pt2``."""
    return TorchSession(path, threads)


class TorchSession:
    """A program loaded by torch for the CPU."""

    def __init__(self, path: Path, threads: int) -> None:
        import torch

        extra = {KEY: ""}
        try:
            program = torch.export.load(path, extra_files=extra)
        except Exception as error:  # its errors have no common base
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise InputError(f"{path} cannot be read by torch ({reason}); export it again") from error
        self.card: Card = from_text(extra[KEY], path)
        torch.set_num_threads(threads)
        # guards state tracing's assumptions on memory at one size; the gate checks other sizes
        self.module = program.module(check_guards=False)

    def run(self, images: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return the file's output for a batch [N, C, H, W]."""
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(images)).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            return self.module(tensor).numpy()
