"""Other ways to run the same network: torch itself, and other libraries' networks of that name.

python -m residuum.bench.peers PEER WEIGHTS THREADS, answering as ``residuum_runtime.worker`` does
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import nn

from residuum_runtime.worker import answer, serve

from ..compat import import_torchvision
from ..errors import InputError
from ..models import describe
from ..weights import load


def eager(model: nn.Module) -> nn.Module:
    """Return the model unchanged."""
    return model


def eager_bf16(model: nn.Module) -> nn.Module:
    """Return the model in bfloat16, channels last."""
    return model.bfloat16().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def compiled(model: nn.Module) -> Any:
    """Return the model compiled with its weights frozen in, channels last."""
    torch._inductor.config.freezing = True  # type: ignore[attr-defined]
    return torch.compile(model.to(memory_format=torch.channels_last))  # type: ignore[call-overload]


def compiled_bf16(model: nn.Module) -> Any:
    """Return the same in bfloat16."""
    return compiled(model.bfloat16())


def torchvision_eager(model: nn.Module) -> nn.Module:
    """Return torchvision's network of that name, with new weights."""
    return import_torchvision().models.get_model(describe(model).model, weights=None)


def timm_eager(model: nn.Module) -> nn.Module:
    """Return timm's network of that name, with new weights."""
    return _timm().create_model(describe(model).model)


def _timm() -> Any:
    import_torchvision()  # timm imports it, and it fails to load beside some builds of torch
    import timm

    return timm


class Peer(NamedTuple):
    """Another way to run a network."""

    build: Callable[[nn.Module], Any]
    precision: str
    same_weights: bool = True  # whether the weights equal the model's


PEERS = {
    "torch eager": Peer(eager, "fp32"),
    "torch eager bf16": Peer(eager_bf16, "bf16"),
    "torch.compile": Peer(compiled, "fp32"),
    "torch.compile bf16": Peer(compiled_bf16, "bf16"),
    "torchvision eager": Peer(torchvision_eager, "fp32", same_weights=False),
    "timm eager": Peer(timm_eager, "fp32", same_weights=False),
}


def available(name: str, model: str) -> bool:
    """Return whether the peer is installed and has a network of that name."""
    if name == "torchvision eager":
        return model in import_torchvision().models.list_models()
    if name == "timm eager":
        return find_spec("timm") is not None and _timm().is_model(model)
    return True


def main(arguments: list[str]) -> int:
    """Serve a peer."""
    name, weights, threads = arguments
    torch.set_num_threads(int(threads))
    model = load(weights)
    preprocessing = describe(model).preprocessing
    assert preprocessing is not None
    peer = PEERS[name]
    kind = torch.bfloat16 if peer.precision == "bf16" else torch.float32
    network = peer.build(model).eval()
    layout = torch.contiguous_format if name.endswith("eager") else torch.channels_last

    def run(images: Any) -> Any:
        with torch.inference_mode():
            return network(torch.from_numpy(images).to(kind, memory_format=layout)).float().numpy()

    try:
        serve(run, len(preprocessing.mean), preprocessing.size)
    except (InputError, RuntimeError) as error:  # no compiler, an operator that cannot be compiled
        answer({"error": str(error).strip().splitlines()[0]})
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
