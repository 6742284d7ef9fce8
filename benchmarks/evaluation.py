"""Evaluation in float32 and in bf16: images/s of networks in turn, or the accuracy of trained ones.

Command   python benchmarks/evaluation.py [THREADS [ROUNDS]]
          python benchmarks/evaluation.py accuracy FILE...      (weights with CIFAR-10's classes)
Prints    for each network images/s in float32, in plain bf16, and in bf16 as evaluation uses it: medians, with
          their ratios to float32; or for each file top-1 on CIFAR-10's test images in both and the mean difference
"""

from __future__ import annotations

import copy
import statistics
import sys
import time

import torch
from torch import nn

from residuum import create_model, load
from residuum.data import open_data
from residuum.evaluation import predictions_of
from residuum.evaluation.precision import made_for
from residuum.kernels import fuse, use_winograd
from residuum.machine.precision import autocast

NETWORKS = {  # pixels on a side, images in a batch
    "cifar_resnet20": (32, 256),
    "cifar_resnet56": (32, 256),
    "resnet18": (224, 32),
    "resnet50": (224, 32),
    "fast_resnet8": (32, 500),
}


@torch.no_grad()
def speed(threads: int, rounds: int) -> None:
    """Measure the precisions in turn on each network."""
    torch.set_num_threads(threads)
    for name, (side, count) in NETWORKS.items():
        model = create_model(name, num_classes=10).eval().to(memory_format=torch.channels_last)
        ways = {"fp32": model, "bf16": model, "bf16, norms folded": made_for("bf16", model)}
        if name == "fast_resnet8":
            ways["bf16, --winograd"] = made_for("bf16", use_winograd(fuse(copy.deepcopy(model))))
        images = torch.randn(count, 3, side, side).to(memory_format=torch.channels_last)
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(rounds + 1):  # the first is a warm-up
            for way, network in ways.items():
                seconds[way] += [_seconds(network, images, way)] * (number > 0)
        first = statistics.median(seconds["fp32"])
        medians = [f"{way} {count / (t := statistics.median(s)):,.0f} ({first / t:.2f}x)" for way, s in seconds.items()]
        print(f"{name:<15}", "   ".join(medians), flush=True)


def _seconds(network: nn.Module, images: torch.Tensor, way: str) -> float:
    started = time.perf_counter()
    with autocast(way[:4], "cpu"):
        network(images)
    return time.perf_counter() - started


def accuracy(files: list[str]) -> None:
    """Compare the accuracy of trained networks in both precisions."""
    dataset, differences = open_data("cifar10"), []
    for file in files:
        exact, found = (predictions_of(load(file), dataset, precision=name).scores for name in ("fp32", "bf16"))
        differences.append(found.top1 - exact.top1)
        apart = int((found.ranked[:, 0] != exact.ranked[:, 0]).sum())
        print(f"{file}   fp32 {exact.top1:.2f} %   bf16 {found.top1:.2f} %   {apart} predictions differ", flush=True)
    spread = statistics.stdev(differences) if len(differences) > 1 else 0.0
    print(f"bf16 minus fp32: {statistics.mean(differences):+.3f}, deviation {spread:.3f}, {len(differences)} files")


if __name__ == "__main__":
    if sys.argv[1:2] == ["accuracy"]:
        accuracy(sys.argv[2:])
    else:
        speed(*[*map(int, sys.argv[1:]), *(2, 9)[len(sys.argv) - 1 :]])
