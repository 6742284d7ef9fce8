"""Kill training runs at random moments, again and again, and compare every byte with an uninterrupted run.

Command   python benchmarks/soak.py --minutes 30 [--seed 0]
Kills     real processes of ``residuum train``, by SIGKILL from outside, at random times after their start
Prints    a line for each run: its settings, the number of kills, whether it ended with the same bytes
Ends      with exit code 1 and keeps the folders for ``residuum diff`` as soon as a run has different bytes
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from residuum.data import open_data

BASE = ["--model", "cifar_resnet", "--depth", "8", "--epochs", "3", "--threads", "1"]


def write_images(folder):
    """Write real digits of two sizes, so that training reads them from files."""
    images = open_data("digits").train
    for number in range(160):
        label = int(images.labels[number])
        image = Image.fromarray(images.pixels[number, 0].numpy())
        path = folder / f"digit-{label}" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        (image.resize((12, 12)) if number % 2 else image).save(path)
    return folder


def draw_flags(draw, files):
    """Draw a run's flags."""
    data = ["--data", str(files), "--image-size", "8", "-b", "16", "--workers", str(draw.choice([0, 2]))]
    flags = draw.choice([data, ["--data", "digits", "-b", "128"]])
    choices = {
        "--opt": ["sgd", "nesterov", "sgdw", "adamw"],
        "--precision": ["fp32", "bf16"],
        "--grad-accum": [1, 3],
        "--ema": [0, 0.95],
        "--clip-grad": [0, 1.0],
        "--mixup": [0, 0.2],
        "--checkpoint-every": [0, 1, 4],
        "--keep": [1, 3],
        "--seed": range(100),
    }
    lr = ["--lr", "0.02"]
    return [*BASE, *flags, *lr, *(str(word) for key, values in choices.items() for word in (key, draw.choice(values)))]


def command(*words):
    return [sys.executable, "-m", "residuum", "train", *map(str, words)]


def train_and_kill(run, flags, draw, longest):
    """Train to the end, killing each process that does not finish in time; return the number of kills."""
    kills = 0
    while True:
        started = (run / "config.yaml").exists()
        process = subprocess.Popen(
            command("--resume", run) if started else command(*flags, "-o", run),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            _, errors = process.communicate(timeout=draw.uniform(0.3, 1.2) * longest)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        if process.returncode:
            sys.exit(f"{' '.join(process.args)} failed:\n{errors.decode()}")
        return kills


def contents(run):
    """Return the bytes of every file that must repeat, by name."""
    exact = {path.relative_to(run).as_posix(): path for path in run.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in sorted(exact.items())
        if path.suffix in {".csv", ".pt", ".safetensors"} and name != "timing.csv"
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0, help="seed of the settings and the moments")
    args = parser.parse_args()
    draw, folder, end = random.Random(args.seed), Path(tempfile.mkdtemp()), time.monotonic() + 60 * args.minutes
    files, runs, kills = write_images(folder / "images"), 0, 0
    while time.monotonic() < end:
        flags = draw_flags(draw, files)
        whole, other = folder / "whole", folder / "killed"
        started = time.monotonic()
        subprocess.run(command(*flags, "-o", whole), check=True, stdout=subprocess.DEVNULL)
        count = train_and_kill(other, flags, draw, time.monotonic() - started)
        runs, kills = runs + 1, kills + count
        same = contents(whole) == contents(other)
        print(f"{'same bytes' if same else 'DIFFERENT BYTES'} after {count} kills: {' '.join(flags[4:])}", flush=True)
        if not same:
            sys.exit(f"compare with: residuum diff {whole} {other}")
        shutil.rmtree(whole)
        shutil.rmtree(other)
    print(f"{runs} runs, {kills} kills, all with the bytes of the uninterrupted run")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
