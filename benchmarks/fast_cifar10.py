"""The fast recipe beside airbench94_muon on the same processor: parts of each in turn, and the time of a whole run.

Command   python benchmarks/fast_cifar10.py airbench94_muon.py [THREADS [ROUNDS]]
Needs     the file of github.com/KellerJordan/cifar10-airbench, which is no part of Residuum (peers/airbench.py runs it)
Prints    medians and ranges of the seconds for 2,000 images, and of the ratio of whole runs: airbench's 8 epochs,
          in 3 of which it trains its first layer's shift, against the recipe's, with six views of the 10,000 test
          images at the end of both; the start of each and the work between epochs do not count
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from residuum import create_model, evaluate
from residuum.data import open_data
from residuum.training import Step, new_run, train
from residuum.training.state import use_kernels

PEER = Path(__file__).parent / "peers" / "airbench.py"
EPOCHS, LEARNING = 8, 3  # of airbench, and the number of those in which it trains its first layer's shift
STEPS, JUDGED = 25, 5  # of 2,000 images in an epoch, and in the evaluation at the end


def main(path: str, threads: int, rounds: int) -> None:
    """Measure both in turn, print the figures and remove all files."""
    command = [sys.executable, str(PEER), path, str(threads)]
    given = {"recipe": "fast-cifar10", "data": "cifar10[:50000,:100]", "threads": threads}
    with tempfile.TemporaryDirectory() as folder, _opened(command) as peer:
        run = new_run(Path(folder) / "run", given)
        steps = (event for event in train(run, report=False) if isinstance(event, Step))
        pair = 2000 // run.settings.batch_size  # steps of the recipe for 2,000 images
        model, held_out = create_model(run.settings.model), open_data("cifar10[:100,:2000]")
        use_kernels(model, run.settings)

        def airbench(how: str) -> float:
            assert peer.stdin is not None and peer.stdout is not None
            peer.stdin.write(f"{how}\n")
            peer.stdin.flush()
            return float(peer.stdout.readline())

        def recipe() -> float:
            started = time.perf_counter()
            for _ in range(pair):
                next(steps)
            return time.perf_counter() - started

        def views() -> float:
            started = time.perf_counter()
            evaluate(model, held_out, views=run.settings.views, precision=run.settings.precision)
            return time.perf_counter() - started

        turns: dict[str, Callable[[], float]] = {
            "airbench, its shift learns": lambda: airbench("learns"),
            "airbench, after that": lambda: airbench("rests"),
            "airbench, six views": lambda: airbench("judges"),
            "fast-cifar10": recipe,
            "fast-cifar10, six views": views,
        }
        assert rounds < STEPS, "more rounds would reach the end of an epoch"
        for turn in turns.values():
            turn()
        seconds = {name: [] for name in turns}
        for _ in range(rounds):
            for name, turn in turns.items():
                seconds[name].append(turn())
        steps.close()
    for name, found in seconds.items():
        print(f"{name:<28} {statistics.median(found):.2f} s ({min(found):.2f}-{max(found):.2f})")
    theirs, ours = [], []
    for learns, rests, judges, step, judged in zip(*seconds.values(), strict=True):
        theirs.append(STEPS * (LEARNING * learns + (EPOCHS - LEARNING) * rests) + JUDGED * judges)
        ours.append(STEPS * run.settings.epochs * step + JUDGED * judged)
    ratios = [a / b for a, b in zip(theirs, ours, strict=True)]
    runs = f"{statistics.median(theirs):.0f} s beside {statistics.median(ours):.0f} s of the recipe"
    print(f"whole runs: {runs}, {statistics.median(ratios):.2f} times as long ({min(ratios):.2f}-{max(ratios):.2f})")


def _opened(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


if __name__ == "__main__":
    numbers = [int(number) for number in sys.argv[2:]]
    main(sys.argv[1], *[*numbers, *(2, 5)[len(numbers) :]])
