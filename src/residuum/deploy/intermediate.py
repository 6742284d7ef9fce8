"""Find where a file and its reference differ: compare the outputs of their layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from residuum_runtime.card import whole_batches
from residuum_runtime.openvino_session import HINTS, read
from residuum_runtime.pictures import match_channels, normalise
from residuum_runtime.sessions import open_session

from ..data.pixels import Normalise
from .prepare import Prepared
from .probes import Probes

Outputs = dict[str, NDArray[np.float32]]


def first_parting(prepared: Prepared, path: Path, engine: str, probes: Probes, limit: float) -> str:
    """Return a sentence that names the first layer whose output is off by more than ``limit`` of its deviation.

    The layers are compared in the order in which the reference computes them, on one batch.
    """
    pixels = next(array for name, array in probes.arrays.items() if name.startswith("images_8"))
    card = open_session(path, engine, 1).card
    pixels = match_channels(pixels, card.channels)
    pixels = next(whole_batches(pixels, card.batch or len(pixels)))
    theirs: NDArray[Any] = pixels if card.pixels else normalise(pixels, card.mean, card.std)
    ours = (
        torch.from_numpy(pixels)
        if card.pixels
        else Normalise(prepared.card.mean, prepared.card.std)(torch.from_numpy(pixels))
    )
    if _apart(theirs, ours.numpy()) > limit:
        return "They differ before the first layer: mean and standard deviation of the preprocessing differ"
    expected = reference_outputs(prepared.graph, ours)
    found = OUTPUTS[engine](path, theirs, list(expected))
    for name, value in expected.items():
        if name in found and _apart(found[name], value) > limit:
            before = ", or the preprocessing before it," if card.pixels and name == next(iter(expected)) else ""
            return (
                f"The first layer that differs is {name}{before} by {_apart(found[name], value):.3g} of its deviations"
            )
    return "No single layer differs on one batch of eight; the differences add up"


def _apart(found: NDArray[Any], expected: NDArray[Any]) -> float:
    if found.shape != expected.shape:
        return float("inf")
    difference = np.abs(found.astype(np.float64) - expected).mean()
    return float(difference / (expected.astype(np.float64).std() or 1.0)) if np.isfinite(difference) else float("inf")


@torch.no_grad()
def reference_outputs(graph: nn.Module, images: Tensor) -> Outputs:
    """Return the output of every layer with weights, in the order of computation."""
    outputs: Outputs = {}
    hooks = []
    for name, layer in graph.named_modules():
        if next(layer.children(), None) is None and next(layer.parameters(), None) is not None:
            hooks.append(layer.register_forward_hook(_keep(outputs, name.removeprefix("network."))))
    graph(images)
    for hook in hooks:
        hook.remove()
    return outputs


def _keep(outputs: Outputs, name: str) -> Callable[..., None]:
    def hook(layer: nn.Module, inputs: Any, output: Tensor) -> None:
        outputs[name] = output.float().numpy()

    return hook


def onnxruntime_outputs(path: Path, images: NDArray[Any], names: list[str]) -> Outputs:
    """Return the wanted values of an ONNX file that exist in it."""
    import onnx
    import onnxruntime

    model = onnx.load(path)
    made = {value for node in model.graph.node for value in node.output}
    wanted = [name for name in names if name in made]
    have = {entry.name for entry in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted if name not in have)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run(wanted, {session.get_inputs()[0].name: images})
    return dict(zip(wanted, values, strict=True))  # type: ignore[arg-type]


def openvino_outputs(path: Path, images: NDArray[Any], names: list[str]) -> Outputs:
    """Return the wanted values of an OpenVINO file that exist in it."""
    import openvino

    core = openvino.Core()
    model = read(core, path)
    made = {name for node in model.get_ops() for output in node.outputs() for name in output.get_names()}
    wanted = [name for name in names if name in made]
    model.add_outputs(wanted)
    precision = open_session(path, "openvino", 1).card.precision
    run = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": HINTS[precision]})(images)
    return {name: run[name] for name in wanted}


class _Watching(torch.fx.Interpreter):
    """Run a program and keep each module's last output."""

    def __init__(self, module: torch.fx.GraphModule) -> None:
        super().__init__(module)
        self.outputs: Outputs = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        value = super().run_node(n)
        stack = list(n.meta.get("nn_module_stack", {}).values())
        if stack and isinstance(value, Tensor):
            self.outputs[stack[-1][0].removeprefix("network.")] = value.float().numpy()
        return value


def torch_outputs(path: Path, images: NDArray[Any], names: list[str]) -> Outputs:
    """Return the outputs of the given modules of a program."""
    program = torch.export.load(path).module(check_guards=False)
    watching = _Watching(program)  # type: ignore[arg-type]
    with torch.no_grad():
        watching.run(torch.from_numpy(images))
    return {name: value for name, value in watching.outputs.items() if name in names}


OUTPUTS: dict[str, Callable[[Path, NDArray[Any], list[str]], Outputs]] = {
    "openvino": openvino_outputs,
    "onnxruntime": onnxruntime_outputs,
    "torch": torch_outputs,
}
