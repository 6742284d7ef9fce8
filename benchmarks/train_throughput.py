"""Training speed of a CIFAR network from memory against an ordinary PyTorch loop, interleaved in one run.

Command   make bench            (or: python benchmarks/train_throughput.py --rounds 7 --model cifar_resnet56)
Ordinary  torchvision-style: DataLoader workers, PIL, RandomCrop, flip, ToTensor, Normalize; float32, contiguous
Plain     Residuum's loop on torch's own operations: channels last, the precision that a trial finds faster
Fused     the same with norm, addition and activation as one operation, where the compiled kernel is there
Prints    images/s of each (median over rounds), the ratios round by round, and the loader's share of a step
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import islice

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from residuum.compat import import_torchvision
from residuum.data import MemoryLoader, open_data
from residuum.data.pixels import Normalise
from residuum.models import create_model
from residuum.nn import fuse
from residuum.training.kernels import choose_kernels, kernels_told
from residuum.training.loop import Method, groups, train_steps
from residuum.training.optimisers import build_optimiser
from residuum.training.precision import autocast, choose_precision
from residuum.training.schedules import build_schedule

import_torchvision()
from torchvision import transforms  # noqa: E402

BATCH = 128


class Pictures(torch.utils.data.Dataset):
    """CIFAR-10 as torchvision serves it: a PIL picture through a list of transforms."""

    def __init__(self, dataset):
        self.pixels = dataset.train.pixels.permute(0, 2, 3, 1).contiguous().numpy()
        self.labels = dataset.train.labels
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(dataset.mean, dataset.std),
            ]
        )

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.pixels[index])), int(self.labels[index])


def ordinary(name, dataset, workers):
    """Yield once for each training step of the loop that everybody writes."""
    model = create_model(name)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    loader = DataLoader(Pictures(dataset), BATCH, shuffle=True, num_workers=workers, drop_last=True)
    model.train()
    for images, labels in loader:
        loss = nn.functional.cross_entropy(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()
        yield


def ours(name, dataset, precision, kernels):
    """Yield once for each training step of Residuum's loop."""
    model = create_model(name)
    model.to(memory_format=torch.channels_last)
    if kernels == "fused":
        fuse(model)
    loader = MemoryLoader(dataset.train, BATCH, 0, pad=4, flip=True)
    method = Method(
        schedule=build_schedule("cosine", len(loader)),
        criterion=nn.CrossEntropyLoss(),
        seed=0,
        autocast=autocast(precision, "cpu"),
        normalise=Normalise(dataset.mean, dataset.std),
    )
    optimiser = build_optimiser("sgd", model, lr=0.1, momentum=0.9, weight_decay=5e-4)
    steps = train_steps(model, groups(loader.batches(0), 1), optimiser, method)
    for step in steps:
        step.loss.item()
        yield


def seconds_per_step(steps, count):
    """Return the mean over ``count`` steps."""
    started = time.perf_counter()
    for _ in islice(steps, count):
        pass
    return (time.perf_counter() - started) / count


def loader_seconds(dataset, count=50):
    """Return what a batch costs before the network sees it: order, crop, flip, normalise."""
    normalise = Normalise(dataset.mean, dataset.std)
    batches = MemoryLoader(dataset.train, BATCH, 0, pad=4, flip=True).batches(0)
    normalise(next(batches)[0])
    started = time.perf_counter()
    for pixels, _ in islice(batches, count):
        normalise(pixels)
    return (time.perf_counter() - started) / count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20, help="of each loop in a round")
    parser.add_argument("--workers", type=int, default=2, help="of the ordinary loop")
    parser.add_argument("--model", default="cifar_resnet20")
    parser.add_argument("--precision", default="auto", help="auto (measured), fp32 or bf16")
    args = parser.parse_args()
    dataset = open_data("cifar10")
    print(f"{args.model}, batch {BATCH}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    trial = choose_precision(create_model(args.model), (3, 32, 32), "cpu", args.precision)
    print(f"precision: {trial.precision} ({trial.reason})")
    loops = {"ordinary": ordinary(args.model, dataset, args.workers)}
    for kernels in dict.fromkeys(("plain", choose_kernels("cpu"))):
        print(f"{kernels}: {kernels_told(kernels, 'cpu')}")
        loops[kernels] = ours(args.model, dataset, trial.precision, kernels)
    for steps in loops.values():
        seconds_per_step(steps, 5)  # warm-up
    rounds = [{name: seconds_per_step(steps, args.steps) for name, steps in loops.items()} for _ in range(args.rounds)]
    for name in loops:
        print(f"{name:>14}: {BATCH / statistics.median(seconds[name] for seconds in rounds):7,.0f} images/s")
    fastest = list(loops)[-1]
    for name in list(loops)[:-1]:
        ratios = [seconds[name] / seconds[fastest] for seconds in rounds]
        told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"{fastest} against {name}: {statistics.median(ratios):.2f} (rounds {told})")
    share = loader_seconds(dataset) / statistics.median(seconds[fastest] for seconds in rounds)
    print(f"{'loader':>14}: {100 * share:.1f} % of a step")


if __name__ == "__main__":
    main()
