"""Pictures a second of one core: a PIL DataLoader as torchvision's examples have it, Residuum's files, and its cache.

    python benchmarks/input.py [--pictures 300] [--rounds 7]

Makes JPEG files of 500x375 from a seed in a temporary folder. Every way brings batches of 32 pictures at 224x224,
cropped, mirrored and normalised, to where a training step takes them; in one process without workers, one thread. Ways
take turns, so that noise hits all alike. What counts is processor time (of the process, user and system): another
process on the same core costs wall time, but no work. The median of paired ratios is what is to be quoted. The cache is
measured from its second epoch on, as is all else: the files lie in memory by then.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

from residuum.compat import import_torchvision
from residuum.data import StreamLoader, open_data, packed
from residuum.data.decode import jpeg_decoder
from residuum.data.packed import kept_at
from residuum.data.pixels import Normalise
from residuum_runtime.machine import processor

BATCH, SIZE, SCALE = 32, 224, (0.35, 1.0)


def make_pictures(root: Path, count: int) -> None:
    """Write soft shapes with some noise, which compress about as photographs do (60 KB each)."""
    draw = torch.Generator().manual_seed(0)
    for number in range(count):
        folder = root / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        soft = F.interpolate(torch.rand(1, 3, 24, 32, generator=draw), (375, 500), mode="bicubic").clamp(0, 1)[0]
        pixels = (255 * soft + 6 * torch.randn(3, 375, 500, generator=draw)).clamp(0, 255).byte()
        Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(folder / f"{number:05}.jpg", quality=90)


def ordinary(root: Path, mean: tuple[float, ...], std: tuple[float, ...]) -> Callable[[int], Iterator[Tensor]]:
    """Return epochs of torchvision's ImageFolder with its first transforms, as its reference scripts had them."""
    torchvision = import_torchvision()
    transforms = torchvision.transforms
    steps = [
        transforms.RandomResizedCrop(SIZE, scale=SCALE),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(mean, std),
    ]
    pictures = torchvision.datasets.ImageFolder(str(root), transforms.Compose(steps))
    loader = DataLoader(pictures, BATCH, shuffle=True, drop_last=True)
    return lambda epoch: (images for images, _ in loader)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RESIDUUM_CACHE"] = f"{folder}/cache"
        root = Path(folder) / "pictures"
        make_pictures(root, asked.pictures)
        report(root, asked.rounds)


def report(root: Path, rounds: int) -> None:
    """Measure and print."""
    files = open_data(root)
    started = time.process_time()
    caches = {side: packed(files, side) for side in (256, 375)}
    packing = 2 * len(files.train) / (time.process_time() - started)
    normalise = Normalise(files.mean, files.std)
    ways = {"PIL DataLoader": ordinary(root, files.mean, files.std)}
    for name, data in {"files": files, **{f"cache of {side}": cache for side, cache in caches.items()}}.items():
        loader = StreamLoader(data.train, BATCH, 0, (SIZE, SIZE), 0)
        ways[name] = lambda epoch, loader=loader: (normalise(pixels) for pixels, _ in loader.batches(epoch))
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for epoch in range(rounds + 1):
        for name, epochs in ways.items():
            started, count = time.process_time(), 0
            for images in epochs(epoch):
                count += len(images)
            if epoch:  # the first one warms up
                rates[name].append(count / (time.process_time() - started))
    first = rates["PIL DataLoader"]
    found = {
        name: {
            "images_per_core_second": statistics.median(each),
            "ratio": statistics.median(one / other for one, other in zip(each, first, strict=True)),
        }
        for name, each in rates.items()
    }
    about = {
        "machine": processor(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "jpeg": "torchvision" if jpeg_decoder() else "Pillow",
        "packing_images_per_core_second": packing,
        "cache_mb": {side: kept_at(root, side).stat().st_size / 1e6 for side in caches},
        "rounds": rounds,
        "ways": found,
    }
    print(json.dumps(about, indent=1))


if __name__ == "__main__":
    main()
