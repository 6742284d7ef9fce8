"""Export a model: fold, write, reload, compare, and only then move into place."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from residuum_runtime.card import Card
from residuum_runtime.machine import thread_count
from residuum_runtime.sessions import engine_version, engines_for, installed

from ..data import Dataset, open_data
from ..errors import InputError, ParityFailed
from ..weights import load
from .calibration import make_calibration
from .choose import choose_precision
from .form import USUAL, Form
from .parity import Gate, check, tolerance_of
from .prepare import Prepared, prepare
from .probes import LABELLED, Probes, make_probes
from .quantise import controlled
from .targets import Target, pick_target
from .whole import MARK, appearing, check_free


@dataclass(frozen=True)
class Exported:
    """An export that passed its gate."""

    folder: Path
    file: Path
    card: Card
    why: str  # reason for the precision


def export(
    model: nn.Module | str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    to: str = "openvino",
    precision: str = "auto",
    data: Dataset | str | Path | None = None,
    drop: float = 0.5,
    pictures: int = LABELLED,
    form: Form = USUAL,
    **named: bool | int,
) -> Exported:
    """Write a model as a folder of an engine's files and ``parity.json``, or write nothing.

    The file's own engine loads it in a fresh process, and its outputs are compared with the eager float32
    model at batches of 1, 3 and 8 and two sizes; other engines that can run it are compared too, and only recorded.

    Args:
        model: from ``load`` or ``create_model``, or any argument of ``load``.
        output: the folder; replaces an earlier export there.
        to: "openvino", "onnx" or "torch".
        precision: "fp32", "bf16", "fp16" (ONNX), "int8", or "auto": bf16 where a trial on this
            machine finds it faster, else fp32.
        data: a data set, its name, or a folder of images. Its training images calibrate int8; parity and
            accuracy are measured on its held-out images.
        drop: largest loss of accuracy, in points.
        pictures: number of held-out images to measure accuracy on.
        form: the file's inputs: images or pixels, shapes, ONNX operator version.
        named: fields of the form by name, such as ``pixels=True``.

    Raises:
        InputError: a model, an argument or data that do not fit; an operator or a size that the engine lacks.
        ParityFailed: the file's outputs differ from the model's; the message names the first layer that differs.

    >>> export("runs/mine", "exported", to="openvino", precision="fp32").file.name  # doctest: +SKIP
    'model.xml'
    >>> export("runs/mine", "exported", to="tensorflow")
    Traceback (most recent call last):
    residuum_runtime.errors.InputError: to must be one of openvino, onnx, torch, got 'tensorflow'
    """
    form = form.but(**named)
    target, folder = pick_target(to, precision, form.opset), Path(output)
    check_free(folder)
    if not installed(target.engine):
        raise InputError(f"--to {to} needs {target.engine}, which is not installed; pip install 'residuum[deploy]'")
    dataset = open_data(data) if isinstance(data, str | Path) else data
    prepared = prepare(model if isinstance(model, nn.Module) else load(model), form)
    if precision == "int8":
        if dataset is None:
            raise InputError("int8 must be calibrated on images like its future inputs; give --data (data=)")
        prepared.made["calibration"] = make_calibration(prepared, dataset)
    probes = make_probes(prepared, dataset, pictures)
    with appearing(folder) as temporary:
        chosen, why = choose_precision(prepared, to, target) if precision == "auto" else (precision, "as asked")
        card = prepared.carded(target=to, precision=chosen)
        if chosen == "int8":
            card = controlled(prepared, target.write, target.engine, card, drop)
        gate = Gate(tolerance_of(chosen, prepared.graph), drop, thread_count())
        file = target.write(prepared, temporary, card)
        card = dataclasses.replace(card, made=card.made | target.facts(file))
        card = run_gates(prepared, file, target, card, probes, gate)
        target.seal(file, card)
        write_parity(temporary, card)
    return Exported(folder, folder / file.name, card, why)


def run_gates(prepared: Prepared, file: Path, target: Target, card: Card, probes: Probes, gate: Gate) -> Card:
    """Return the card with the gate's figures: the target's engine must pass; other engines are only recorded."""
    results: dict[str, Any] = {}
    for engine in engines_for(file):
        if not installed(engine):
            continue
        try:
            results[engine] = check(prepared, file, engine, probes, gate) | {"version": engine_version(engine)}
        except (InputError, ParityFailed) as error:
            if engine == target.engine:
                raise
            results[engine] = {"passed": False, "why": str(error)}
    return dataclasses.replace(card, measured=results)


def write_parity(folder: Path, card: Card) -> None:
    """Write the file's card and the hashes of the folder's files."""
    content = dataclasses.asdict(card)
    content["files"] = {
        path.name: {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(folder.iterdir())
    }
    (folder / MARK).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
