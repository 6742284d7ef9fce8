"""What a run's last bits depend on beside its settings: versions, processor, kernels."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

import torch

from residuum_runtime.machine import cpuinfo
from residuum_runtime.names import printable

from .. import __version__
from ..data import Dataset
from ..data.fingerprint import OF_FILES, fingerprint
from ..errors import InputError
from ..files import write_text
from ..kernels.tail import vectors

PACKAGES = ("torch", "torchvision", "numpy", "pillow")
INSTRUCTIONS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "sve", "bf16")
# Each changes which kernels run, or how many threads share their work.
SWITCHES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR")


def environment() -> dict[str, Any]:
    """Return versions, processor, kernels and threads of this process; no host, path or time."""
    return {
        "residuum": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "instructions": _instructions(),
        "kernels": torch.backends.cpu.get_cpu_capability(),  # what torch's own take of them; oneDNN takes all
        "onednn": torch.backends.mkldnn.is_available(),
        "fused": vectors(),  # the vectors of our own kernel; none where it is not compiled
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "cudnn": torch.backends.cudnn.version() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "switches": {name: os.environ[name] for name in SWITCHES if name in os.environ},
    }


def record(path: Path, dataset: Dataset, step: int) -> None:
    """Note the data and this process's environment, from that step on, where it differs from the one before.

    A run that was interrupted and resumed in one environment has one entry.
    """
    noted, now = read_record(path), environment()
    parts = [part for part in noted.get("parts", []) if part["from_step"] < step]
    if not parts or changes(parts[-1], now):
        parts.append({"from_step": step, **now})
    data = noted.get("data") or fingerprint(dataset)  # what was noted before, the resume has checked
    text = json.dumps({"data": data, "parts": parts}, indent=2) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def read_record(path: Path) -> dict[str, Any]:
    """Return what was noted; empty for the runs of versions that noted nothing."""
    if not path.exists():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not JSON ({error}); remove it, it only says where the run was made") from error


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two environments, by name: before and after."""
    names = dict.fromkeys([*before, *after])
    pairs = {name: (before.get(name), after.get(name)) for name in names if name != "from_step"}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def moved(path: Path) -> list[str]:
    """Return the human-readable differences from the environment that the run had last: its bits may differ."""
    parts = read_record(path).get("parts", [])
    found = changes(parts[-1], environment()) if parts else {}
    if not found:
        return []
    told = "; ".join(f"{name} was {before}, is {after}" for name, (before, after) in found.items())
    return [f"the run goes on in another environment, so its last bits may be others than there: {told}"]


def check_data(path: Path, dataset: Dataset, *, moved: bool = False) -> None:
    """Raise InputError where the images are not those that the run was begun with.

    Of images in memory the pixels count, of files the names, and the content: in a small set that of each, in a large
    one, where its folder has ``moved``, the size in all and the content of some.
    """
    before, now = read_record(path).get("data"), fingerprint(dataset)
    if before is None:
        return
    if difference := _difference(before, now, moved=moved):
        remedy = "name the folder that holds them" if moved else f"put it back, or {_another(path)}"
        raise InputError(f"a resumed run needs the images that it was begun with, but {difference}; {remedy}")
    if all(before[key] == now[key] for key in before if key not in OF_FILES):
        return
    alike = ", but of other names, labels or pixels" if _counts(before) == _counts(now) else ""
    counts = "{train} to train on, {val} to validate on, {classes} classes"
    raise InputError(
        f"a resumed run needs the images that it was begun with: {counts.format(**before)} then, "
        f"{counts.format(**now)} now{alike}. Put them back, or {_another(path)}"
    )


def _another(path: Path) -> str:
    return f"start another run with --weights {path.parent / 'model.safetensors'}"


def _difference(before: dict[str, Any], now: dict[str, Any], *, moved: bool) -> str:
    """Name the first file that differs, where that is known; runs of earlier versions noted less, or nothing.

    Of a large set the content of some files is known and the size of all. That is held against a folder that has
    moved, and against one in its place the names.
    """
    if "images" in before and "images" in now:
        return _first_of(before["images"], now["images"])
    if not moved or _counts(before) != _counts(now):
        return ""
    if first := _first_of(before.get("sample", {}), now.get("sample", {})):
        return first
    if (size := before.get("bytes", now.get("bytes"))) != now.get("bytes"):
        return f"their files had {size:,} bytes in all, those in the folder of --data have {now.get('bytes', 0):,}"
    return ""


def _first_of(before: dict[str, str], now: dict[str, str]) -> str:
    """Return how the files, by name and content, differ: the first that is gone, new or changed, and how many are."""
    gone, new = [name for name in before if name not in now], [name for name in now if name not in before]
    changed = [name for name in before if before[name] != now.get(name, before[name])]
    if gone and (names := [name for name in new if now[name] == before[gone[0]]]):
        found = f"{printable(gone[0])} is named {printable(names[0])} now"
    elif gone:
        found = f"{printable(gone[0])} is not among them"
    elif new:
        found = f"{printable(new[0])} was not among them"
    elif changed:
        found = f"{printable(changed[0])} has another content"
    else:
        return ""
    more = max(len(gone), len(new)) + len(changed) - 1
    return f"{found}, and {more} more differ{'s' if more == 1 else ''}" if more else found


def _counts(data: dict[str, Any]) -> list[int]:
    return [data[key] for key in ("train", "val", "classes")]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    return cpuinfo().get("model name") or platform.processor() or "unknown"


def _instructions() -> list[str]:
    flags = cpuinfo().get("flags", cpuinfo().get("Features", "")).split()
    return [name for name in INSTRUCTIONS if name in flags]
