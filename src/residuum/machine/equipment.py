"""What this machine is, what Residuum chose for it and why, and what to install for more."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from pathlib import Path
from typing import Any

import torch

from residuum_runtime.machine import features, processor, thread_count, usable_cores

from ..data.decode import jpeg_decoder
from ..kernels.tail import vectors
from ..models import build
from ..spinning import spinning
from .kernel_choice import choose_kernels, kernels_told
from .precision_trial import choose_device, choose_precision

TRIED = "cifar_resnet20"  # the network of the trial of precisions; each run makes its own
TRIED_SHAPE = (3, 32, 32)


def equipment() -> dict[str, Any]:
    """Return processor, memory, GPU and torch; what was chosen, each with its reason; and what more would help.

    Makes a trial of precisions, a second or two, where none is remembered.
    """
    device = choose_device("auto")
    return {
        "processor": processor(),
        "features": features(),
        "cores": {"here": os.cpu_count(), "usable": thread_count()},
        "memory_bytes": memory_bytes(),
        "gpu": _gpu(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "chosen": chosen(device),
        "install": advice(device),
    }


def chosen(device: str) -> dict[str, dict[str, str]]:
    """Return, for each choice that a run makes by itself, its value and the reason."""
    kernels = choose_kernels(device)
    trial = choose_precision(build(TRIED), TRIED_SHAPE, device, kernels=kernels)
    only = "torch sees no GPU" if device == "cpu" else "it is faster than the processor"
    decoder = jpeg_decoder() is not None
    return {
        "device": {"value": device, "why": only},
        "precision": {"value": trial.precision, "why": f"for {TRIED}, {trial.reason}; each network has its own trial"},
        "memory format": {"value": "channels last", "why": "convolutions are fastest so, on processors and GPUs"},
        "kernels": {"value": kernels, "why": kernels_told(kernels, device)},
        "threads": {"value": str(torch.get_num_threads()), "why": _threads_told()},
        "waiting threads": spinning(),
        "JPEG decoder": {
            "value": "torchvision" if decoder else "Pillow",
            "why": "the quicker one" if decoder else "torchvision's does not load beside this torch",
        },
    }


def advice(device: str) -> list[dict[str, str]]:
    """Return what to install or set, each with what it is good for; what is there already is left out."""
    found = []
    if device == "cpu" and vectors() is None:
        has = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        first = "" if has else "a C compiler (Debian: apt install gcc) first; then "
        found.append(
            {
                "what": f"{first}install residuum again with pip, which compiles it",
                "for": "the kernel that takes norm, addition and activation as one operation: faster training",
            }
        )
    if device == "cpu" and _nvidia():
        found.append(
            {"what": "a torch built for CUDA (pip install torch)", "for": "the NVIDIA GPU, which this torch cannot use"}
        )
    if jpeg_decoder() is None:
        found.append(
            {
                "what": "the torchvision that belongs to this torch, both from one index",
                "for": "its JPEG decoder: photographs are read up to a quarter sooner",
            }
        )
    if importlib.util.find_spec("openvino") is None:
        found.append(
            {"what": "pip install 'residuum[deploy]'", "for": "OpenVINO and int8: the fastest answers on processors"}
        )
    if (usable := usable_cores()) > thread_count():
        found.append(
            {"what": f"unset OMP_NUM_THREADS, or set it to {usable}", "for": "all processors that may be used"}
        )
    return found


def memory_bytes() -> int | None:
    """Return how much memory there is for this process, by its control group where that has a limit."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return whole
    return min(whole, int(limit)) if limit.isdecimal() else whole


def _gpu() -> dict[str, Any] | None:
    if torch.cuda.is_available():
        about = torch.cuda.get_device_properties(0)
        return {"name": about.name, "count": torch.cuda.device_count(), "memory_bytes": about.total_memory}
    if torch.backends.mps.is_available():
        return {"name": "Apple", "count": 1, "memory_bytes": None}
    return None


def _nvidia() -> bool:
    return not torch.cuda.is_available() and Path("/proc/driver/nvidia/version").exists()


def _threads_told() -> str:
    if told := os.environ.get("OMP_NUM_THREADS"):
        return f"OMP_NUM_THREADS is {told}"
    return "torch's own choice: a thread a core"
