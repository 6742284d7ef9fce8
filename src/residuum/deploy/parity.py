"""The parity gate: the file, loaded by its engine in a fresh process, must return the reference's outputs."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from residuum_runtime.engine import Accuracy

from ..errors import InputError, ParityFailed
from .intermediate import first_parting
from .prepare import Prepared
from .probes import Probes


class Tolerance(NamedTuple):
    """How far logits may be from the reference's, in standard deviations of the reference's logits over all probes."""

    largest: float
    mean: float
    clear: float  # an image is clear if the reference's best logit leads by more than this
    agreement: float  # share of the clear images that must get the same best class


# int8 clips values outside the calibrated ranges, as noise and chequers cause them, so single logits may be far
# off; the mean, the classes of clear images and accuracy must still hold.
TOLERANCES = {
    "fp32": Tolerance(largest=5e-4, mean=5e-5, clear=1e-3, agreement=1.0),
    "bf16": Tolerance(largest=0.25, mean=0.03, clear=0.5, agreement=1.0),
    "int8": Tolerance(largest=20.0, mean=0.15, clear=1.0, agreement=0.97),
}

ROUNDING = 2.0**-11  # the largest relative error of a float16 number
FEATURES = 4.0  # logits may be differences of larger features

RESIZED = 0.05  # added for whole images: engines and torch round a few resized pixels to neighbouring levels


def tolerance_of(precision: str, graph: nn.Module) -> Tolerance:
    """Return how far a file of that precision may be off.

    For float16 it follows from its rounding: a layer rounds its weights and its output, each by a relative error that
    is uniform within ROUNDING, so of variance ROUNDING² / 3. Errors of layers are independent: after L layers their
    deviation is ROUNDING √(2 L / 3). The mean of a normal error is 0.8 deviations, the largest of many is below 6, and
    two classes change places only where they are nearer than twice the largest.

    Args:
        precision: the file's precision.
        graph: the network, for its number of layers.
    """
    if precision != "fp16":
        return TOLERANCES[precision]
    layers = sum(parameter.ndim > 1 for parameter in graph.parameters())
    deviation = FEATURES * ROUNDING * math.sqrt(2 * max(layers, 1) / 3)
    return Tolerance(largest=6 * deviation, mean=0.8 * deviation, clear=12 * deviation, agreement=1.0)


@dataclass
class Gate:
    """The requirements on a file."""

    tolerance: Tolerance
    drop: float  # largest loss of accuracy, in points
    threads: int = 1


def check(prepared: Prepared, path: Path, engine: str, probes: Probes, gate: Gate) -> dict[str, Any]:
    """Return the measurements of a file that passes.

    Raises:
        ParityFailed: its outputs differ from the reference's; the message names the first differing layer.
        InputError: the engine refuses a batch, or the file.
    """
    measured = measure(probes, run_fresh(path, engine, probes, gate.threads), gate)
    if not measured["passed"]:
        where = first_parting(prepared, path, engine, probes, gate.tolerance.mean)
        raise ParityFailed(
            f"the exported file must equal the model, but {engine} differs: {'; '.join(measured['failures'])}. "
            f"{where}. Nothing was written"
        )
    return measured


def run_fresh(path: Path, engine: str, probes: Probes, threads: int) -> dict[str, NDArray[np.float32]]:
    """Return the file's logits for every probe, computed by the engine in its own process."""
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = Path(folder) / "inputs.npz", Path(folder) / "outputs.npz"
        np.savez(inputs, **probes.arrays)  # type: ignore[arg-type]
        command = [sys.executable, "-m", "residuum_runtime.gate", path, engine, str(threads), inputs, outputs]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"])[-1]
            raise InputError(f"{engine} must run the exported file at every batch and size, but: {reason}")
        with np.load(outputs) as found:
            return dict(found)


def measure(probes: Probes, found: Mapping[str, NDArray[np.float32]], gate: Gate) -> dict[str, Any]:
    """Compare the file's logits with the reference's."""
    scale = float(np.concatenate([logits.ravel() for logits in probes.reference.values()]).std()) or 1.0
    cases = {name: np.abs(found[name] - probes.reference[name]) / scale for name in probes.reference}
    largest = {name: _finite(difference.max()) for name, difference in cases.items()}
    exact = [name for name in cases if not name.startswith("picture")]  # no other library has resized these images
    result: dict[str, Any] = {
        "largest": max(largest[name] for name in exact),
        "mean": _finite(np.concatenate([cases[name].ravel() for name in exact]).mean()),
        "agreement": _agreement(probes.reference, found, 0.0),
        "clear_agreement": _agreement(probes.reference, found, gate.tolerance.clear * scale),
        "logits_std": scale,
        "cases": largest,
        "tolerance": gate.tolerance._asdict(),
    }
    if probes.labels is not None:
        result["accuracy"] = _accuracy(probes, found)
    result["failures"] = _failures(result, gate)
    result["passed"] = not result["failures"]
    return result


def _finite(value: Any) -> float:
    """Return the number; NaN counts as infinite."""
    return float(value) if np.isfinite(value) else float(np.finfo(np.float32).max)


def _agreement(
    reference: Mapping[str, NDArray[np.float32]], found: Mapping[str, NDArray[np.float32]], ahead: float
) -> float:
    same, of = 0, 0
    for name, logits in reference.items():
        ordered = np.sort(logits, axis=1)
        clear = ordered[:, -1] - ordered[:, -2] > ahead if logits.shape[1] > 1 else np.ones(len(logits), bool)
        same += int((logits.argmax(1) == found[name].argmax(1))[clear].sum())
        of += int(clear.sum())
    return same / of if of else 1.0


def _accuracy(probes: Probes, found: Mapping[str, NDArray[np.float32]]) -> dict[str, Any]:
    assert probes.labels is not None
    rows: dict[str, Any] = {"pictures": len(probes.labels)}
    for name, logits in (("reference", probes.reference), ("exported", found)):
        right = int((logits["images_labelled"].argmax(1) == probes.labels).sum())
        accuracy = Accuracy(right, len(probes.labels))
        rows[name] = {"percent": accuracy.percent, "interval": list(accuracy.interval)}
    rows["drop"] = rows["reference"]["percent"] - rows["exported"]["percent"]
    return rows


def _failures(result: dict[str, Any], gate: Gate) -> list[str]:
    limits, failures = gate.tolerance, []
    for name, value in result["cases"].items():
        allowed = limits.largest + (RESIZED if name.startswith("picture") else 0)
        if value > allowed:
            failures.append(f"{name} by {value:.3g} standard deviations of its logits, allowed {allowed:g}")
    if result["mean"] > limits.mean:
        failures.append(f"the mean by {result['mean']:.3g}, allowed {limits.mean:g}")
    if result["clear_agreement"] < limits.agreement:
        failures.append(f"{100 * result['clear_agreement']:.1f} % of clear images get the same class, "
                        f"needed {100 * limits.agreement:g} %")  # fmt: skip
    drop = result.get("accuracy", {}).get("drop", 0.0)
    if drop > gate.drop + 1e-9:
        failures.append(f"accuracy falls by {drop:.2f} points, allowed {gate.drop:g}")
    return failures[:4]
