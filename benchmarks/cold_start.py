"""From a process's start to its first prediction with an exported file: seconds, processor time, memory.

Command   python benchmarks/cold_start.py                (ResNet-50 with new weights, in float32, bf16 and int8)
          make runtime                                   (a small network, by residuum-runtime in a fresh environment)
Takes     residuum predict EXPORT PICTURE, and residuum-runtime predict where --runtime names it, in turn
Prints    the medians over the processes, and whether one of them loaded torch
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from residuum.data.folder import IMAGENET_MEAN, IMAGENET_STD
from residuum.deploy import export
from residuum.deploy.probes import photograph_set, photographs
from residuum.models import Preprocessing, build


def main() -> None:
    asked = arguments()
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "photo.png"
        Image.fromarray(photographs(1)[0].permute(1, 2, 0).numpy()).save(picture)
        print(f"{asked.model}, {asked.size} x {asked.size} pixels, threads: {asked.threads}, processes: {asked.runs}")
        print("command\tprecision\tseconds\tprocessor seconds\tMB\tloads torch")
        for precision in asked.precisions.split(","):
            shipped = shipped_model(asked.model, asked.size, precision, Path(folder) / precision)
            ends = ["predict", str(shipped), str(picture), "--threads", str(asked.threads)]
            commands = {"residuum": [sys.executable, "-m", "residuum", *ends]}
            if asked.runtime:
                commands["residuum-runtime"] = ["env", "-u", "PYTHONPATH", asked.runtime, *ends]
            figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
            for _ in range(asked.runs):
                for name, command in commands.items():
                    figures[name].append(first_prediction(command))
            for name, found in figures.items():
                seconds, processor, memory = (statistics.median(values) for values in zip(*found, strict=True))
                torch = "yes" if loads_torch(commands[name]) else "no"
                print(f"{name}\t{precision}\t{seconds:.2f}\t{processor:.2f}\t{memory:.0f}\t{torch}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet50")
    parser.add_argument("--size", type=int, default=224, help="of its images, pixels")
    parser.add_argument("--precisions", default="fp32,bf16,int8", help="with commas between them")
    parser.add_argument("--runs", type=int, default=9, help="processes of each command")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runtime", help="the command residuum-runtime of an environment")
    return parser.parse_args()


def shipped_model(name: str, size: int, precision: str, folder: Path) -> Path:
    """Export the network with new weights: its speed and its memory are those of trained ones."""
    model = build(name)
    model.description.preprocessing = Preprocessing((size, size), IMAGENET_MEAN, IMAGENET_STD)  # type: ignore[union-attr]
    data = photograph_set((size, size)) if precision == "int8" else None
    return export(model.eval(), folder, precision=precision, data=data, drop=100).folder


# In a small process of its own: Linux counts into a process's peak what the one that started it held.
LAUNCHER = """
import json, os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(json.dumps([time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
sys.exit(status != 0)
"""


def first_prediction(command: list[str]) -> tuple[float, float, float]:
    """Return seconds, processor seconds and megabytes of a process from its start to its end."""
    launched = [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(launched, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} must predict, but says: {done.stderr.strip().splitlines()[-1:]}")
    seconds, processor, memory = json.loads(done.stdout)
    return seconds, processor, memory


def loads_torch(command: list[str]) -> bool:
    """Return whether the process imports torch."""
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPROFILEIMPORTTIME": "1"})
    loaded = {line.rsplit("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "openvino" in loaded, "the process must tell what it imports"
    return "torch" in loaded


if __name__ == "__main__":
    main()
