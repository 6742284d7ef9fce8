"""Images per second of one core: a PIL DataLoader as in torchvision's examples, Residuum's files, and its cache.

Command   python benchmarks/input.py        (or with --pictures 300 --rounds 9)
PIL       ImageFolder, RandomResizedCrop, flip, ToTensor, Normalize; once more with freed memory kept, as in Residuum
Files     Residuum's folders without a cache; cache of N: with a cache of N pixels on the shorter side
Prints    medians over rounds, and the median of the ratios to PIL, paired by round

Writes JPEG files of 500x375 from a seed to a temporary folder. Each path delivers batches of 32 images at 224x224,
cropped, mirrored and normalised, ready for a training step: one process per path, one thread, no workers. The
paths take turns, so noise affects all equally. The figures count processor time, user and system, which another process
on the same core hardly changes. A warm-up round, not counted, brings files and caches into memory.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

from residuum.compat import import_torchvision
from residuum.data import StreamLoader, open_data, pack_images
from residuum.data.decode import jpeg_decoder
from residuum.data.folder import IMAGENET_MEAN, IMAGENET_STD
from residuum.data.packed import kept_at
from residuum.data.pixels import Normalise
from residuum.machine.allocator import keep_freed_memory
from residuum_runtime.machine import processor

BATCH, SIZE, SCALE = 32, 224, (0.35, 1.0)
Epochs = Callable[[int], Iterator[Tensor]]


def write_images(root: Path, count: int) -> None:
    """Write soft shapes with some noise, which compress about as well as photographs (60 KB each)."""
    draw = torch.Generator().manual_seed(0)
    for number in range(count):
        folder = root / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        soft = F.interpolate(torch.rand(1, 3, 24, 32, generator=draw), (375, 500), mode="bicubic").clamp(0, 1)[0]
        pixels = (255 * soft + 6 * torch.randn(3, 375, 500, generator=draw)).clamp(0, 255).byte()
        Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(folder / f"{number:05}.jpg", quality=90)


def ordinary(root: Path, *, keep: bool) -> Epochs:
    """Return epochs of torchvision's ImageFolder with the transforms of its early reference scripts."""
    if keep:
        keep_freed_memory()
    torchvision = import_torchvision()
    transforms = torchvision.transforms
    steps = [
        transforms.RandomResizedCrop(SIZE, scale=SCALE),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
    ]
    dataset = torchvision.datasets.ImageFolder(str(root), transforms.Compose(steps))
    loader = DataLoader(dataset, BATCH, shuffle=True, drop_last=True)
    return lambda epoch: (images for images, _ in loader)


def ours(root: Path, *, cache: int) -> Epochs:
    """Return epochs of Residuum's loader, in a process set up as for training."""
    keep_freed_memory()
    dataset = open_data(root)
    dataset = pack_images(dataset, cache) if cache else dataset
    loader, normalise = StreamLoader(dataset.train, BATCH, 0, (SIZE, SIZE), 0), Normalise(IMAGENET_MEAN, IMAGENET_STD)
    return lambda epoch: (normalise(pixels) for pixels, _ in loader.batches(epoch))


WAYS: dict[str, Callable[[Path], Epochs]] = {
    "PIL": partial(ordinary, keep=False),
    "PIL, freed memory kept": partial(ordinary, keep=True),
    "files": partial(ours, cache=0),
    "cache of 256": partial(ours, cache=256),
    "cache of 375": partial(ours, cache=375),
}


def serve(name: str, root: Path, calls: Connection) -> None:
    """Run an epoch for each number received, and send back images per second of processor time."""
    torch.set_num_threads(1)
    epochs = WAYS[name](root)
    calls.send("ready")
    while (epoch := calls.recv()) is not None:
        started, count = time.process_time(), 0
        for images in epochs(epoch):
            count += len(images)
        calls.send(count / (time.process_time() - started))


def measure(root: Path, rounds: int) -> dict[str, list[float]]:
    """Run an epoch of each path in turn, and return the rates by path."""
    spawned, calls, processes = multiprocessing.get_context("spawn"), {}, []
    for name in WAYS:
        calls[name], theirs = spawned.Pipe()
        processes.append(spawned.Process(target=serve, args=(name, root, theirs)))
        processes[-1].start()
        calls[name].recv()
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    for epoch in range(rounds + 1):
        for name, call in calls.items():
            call.send(epoch)
            rate = call.recv()
            rates[name] += [rate] if epoch else []
    for call in calls.values():
        call.send(None)
    for process in processes:
        process.join()
    return rates


def report(root: Path, rates: dict[str, list[float]]) -> dict[str, Any]:
    """Return the figures to quote."""
    first = rates["PIL"]
    ratios = {name: [one / other for one, other in zip(each, first, strict=True)] for name, each in rates.items()}
    return {
        "processor": processor(),
        "torch": torch.__version__,
        "JPEG decoder": "torchvision" if jpeg_decoder() else "Pillow",
        "rounds": len(first),
        "cache MB": {side: round(kept_at(root, side).stat().st_size / 1e6, 1) for side in (256, 375)},
        "images per core-second": {name: round(statistics.median(each)) for name, each in rates.items()},
        "ratio": {name: round(statistics.median(each), 2) for name, each in ratios.items()},
        "ratio, least and most": {name: [round(min(each), 2), round(max(each), 2)] for name, each in ratios.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RESIDUUM_CACHE"] = f"{folder}/cache"
        root = Path(folder) / "images"
        write_images(root, asked.pictures)
        print(json.dumps(report(root, measure(root, asked.rounds)), indent=1))


if __name__ == "__main__":
    main()
