"""The spin time of waiting threads: ResNet-20's training alone, and beside one busy process.

Command   python benchmarks/beside.py [--rounds 3] [--steps 20] [--batch-size 128] [--threads 2]
                                       [--precision bf16|fp32]
Prints    images/s of each variant in each round, alone and beside a ResNet-20 that trains without end, and the ratios
          to OpenMP's default, paired by round. Needs an otherwise quiet machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

VARIANTS: dict[str, dict[str, str]] = {
    "as it is": {},
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "GOMP_SPINCOUNT=200": {"GOMP_SPINCOUNT": "200"},
    "GOMP_SPINCOUNT=2000": {"GOMP_SPINCOUNT": "2000", "KMP_BLOCKTIME": "1"},
    "GOMP_SPINCOUNT=20000": {"GOMP_SPINCOUNT": "20000"},
}


def work(steps: int, batch_size: int, threads: int, precision: str) -> None:
    """Train ResNet-20 on noise and print images/s; with 0 steps train until the process is killed."""
    import torch
    import torch.nn.functional as F

    from residuum import create_model

    torch.set_num_threads(threads)
    model = create_model("cifar_resnet20").to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.SGD(model.parameters(), 0.01)
    images = torch.randn(batch_size, 3, 32, 32).to(memory_format=torch.channels_last)
    labels = torch.arange(batch_size) % 10

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = model(images)
        F.cross_entropy(logits.float(), labels).backward()
        optimiser.step()
        optimiser.zero_grad()

    step()
    print("ready", flush=True)
    while steps == 0:
        step()
    started = time.perf_counter()
    for _ in range(steps):
        step()
    print(steps * batch_size / (time.perf_counter() - started), flush=True)


def start(steps: int, batch_size: int, threads: int, precision: str, variant: dict[str, str]) -> subprocess.Popen[str]:
    """Start a training process with only the variables of a variant."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    command = [sys.executable, __file__, "--work", *map(str, (steps, batch_size, threads)), precision]
    return subprocess.Popen(command, env={**clean, **variant}, stdout=subprocess.PIPE, text=True)


def rate(steps: int, batch_size: int, threads: int, precision: str, variant: dict[str, str]) -> float:
    """Return the images/s of one process."""
    output, _ = start(steps, batch_size, threads, precision, variant).communicate()
    return float(output.split()[-1])


def measure(
    rounds: int, steps: int, batch_size: int, threads: int, precision: str
) -> dict[str, dict[str, list[float]]]:
    """Return images/s by place and variant; the variants take turns. The busy process has no variables."""
    found: dict[str, dict[str, list[float]]] = {place: {name: [] for name in VARIANTS} for place in ("alone", "beside")}
    for number in range(rounds):
        for name, variant in VARIANTS.items():
            found["alone"][name].append(rate(steps, batch_size, threads, precision, variant))
        busy = start(0, batch_size, threads, precision, {})
        try:
            assert busy.stdout is not None
            busy.stdout.readline()  # it trains now
            for name, variant in VARIANTS.items():
                found["beside"][name].append(rate(steps, batch_size, threads, precision, variant))
        finally:
            busy.kill()
            busy.communicate()
        print(f"round {number + 1} of {rounds} done", file=sys.stderr)
    return found


def describe(found: dict[str, dict[str, list[float]]]) -> list[str]:
    """Return a line for each place and variant: images/s by round, and the ratios to the first variant."""
    lines = []
    for place, rates in found.items():
        usual = next(iter(rates.values()))
        for name, speeds in rates.items():
            ratios = [speed / base for speed, base in zip(speeds, usual, strict=True)]
            each, by_round = (
                ", ".join(f"{x:{form}}" for x in row) for row, form in ((speeds, ",.0f"), (ratios, ".2f"))
            )
            lines.append(f"{place:<7} {name:<21} {each} images/s; ratio {statistics.median(ratios):.2f} ({by_round})")
    return lines


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(*map(int, sys.argv[2:5]), sys.argv[5])
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        for flag, default in (("rounds", 3), ("steps", 20), ("batch-size", 128), ("threads", 2)):
            parser.add_argument(f"--{flag}", type=int, default=default)
        parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
        asked = parser.parse_args()
        print("\n".join(describe(measure(**vars(asked)))))
