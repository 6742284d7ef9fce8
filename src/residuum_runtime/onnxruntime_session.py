"""Run a file with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .card import KEY, Card, from_text
from .errors import InputError


def open_session(path: Path, threads: int) -> OnnxruntimeSession:
    """Load an ``.onnx``."""
    return OnnxruntimeSession(path, threads)


class OnnxruntimeSession:
    """A file loaded by ONNX Runtime for the CPU."""

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no common base
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"{path} cannot be read by ONNX Runtime ({reason}); export it again") from error
        self.card: Card = from_text(self.session.get_modelmeta().custom_metadata_map.get(KEY), path)
        self.input = self.session.get_inputs()[0].name

    def run(self, images: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return the file's output for a batch [N, C, H, W]."""
        return self.session.run(None, {self.input: np.ascontiguousarray(images)})[0]  # type: ignore[return-value]
