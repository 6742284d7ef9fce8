"""Which members of the family pass the parity gate, for every target and precision.

Command   python benchmarks/gate.py                       (--members dense,vit for some of them)
Exports   the small networks of the tests, with batch norm statistics as after training and ImageNet's preprocessing;
          windows of two photographs calibrate int8
Prints    the largest and the mean difference of the logits, in standard deviations of the reference's, the share of
          clear images with the same first class, and the failures. The limits are those of `residuum export`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from residuum.deploy import TARGETS
from residuum.deploy.calibration import make_calibration
from residuum.deploy.parity import Gate, measure, run_fresh, tolerance_of
from residuum.deploy.prepare import Prepared, prepare
from residuum.deploy.probes import Probes, make_probes, photograph_set
from residuum.errors import ResiduumError

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from shipped_members import MEMBERS, ready

CALIBRATED = 64  # windows of photographs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", default=",".join(MEMBERS), help="comma-separated")
    failed = 0
    print("member\ttarget\tprecision\tlargest\tmean\tsame class %\tpassed")
    for name in parser.parse_args().members.split(","):
        torch.manual_seed(0)
        prepared = prepare(ready(name))
        probes = make_probes(prepared, None)
        prepared.made["calibration"] = make_calibration(prepared, photograph_set(prepared.card.size), CALIBRATED)
        for target, row in TARGETS.items():
            for precision in row.precisions:
                found = tried(prepared, target, precision, probes)
                failed += not found["passed"]
                numbers = (f"{found['largest']:.2g}\t{found['mean']:.2g}\t{100 * found['clear_agreement']:.1f}"
                           if "mean" in found else "\t\t")  # fmt: skip
                verdict = "yes" if found["passed"] else f"no: {'; '.join(found['failures'])}"
                print(f"{name}\t{target}\t{precision}\t{numbers}\t{verdict}", flush=True)
    return int(failed > 0)


def tried(prepared: Prepared, target: str, precision: str, probes: Probes) -> dict[str, Any]:
    """Write the network, run it in a fresh process, and compare."""
    row = TARGETS[target]
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = row.write(prepared, Path(folder), prepared.carded(target=target, precision=precision))
            found = run_fresh(path, row.engine, probes, threads=1)
        except ResiduumError as error:
            return {"passed": False, "failures": [str(error)]}
        return measure(probes, found, Gate(tolerance_of(precision, prepared.graph), drop=0.5))


if __name__ == "__main__":
    sys.exit(main())
