"""Load every network of timm's ResNet families, written with random weights and its configuration, and compare logits.

Each must load as the same network (largest difference at most 1e-4 of the largest logit) or be refused by name; the
script fails if one loads as a different network. ``--bare`` writes the tensors without the configuration and so shows
the published networks that share names and shapes with one of Residuum's.

    .venv/bin/python benchmarks/timm_names.py [--bare] [--most MILLIONS]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch

import residuum
from residuum.compat import import_torchvision
from residuum.errors import InputError

FAMILIES = ("resnet", "resnetv2", "densenet", "vgg", "senet", "sknet", "byobnet", "ecaresnet")
TOLERANCE = 1e-4


def main() -> None:
    """Print a line for each name, then the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bare", action="store_true", help="without a configuration")
    parser.add_argument("--most", type=float, default=30, help="limit in millions of parameters, to save memory")
    asked = parser.parse_args()
    import_torchvision()
    import timm

    found: dict[str, list[str]] = {"equal": [], "refused": [], "another": [], "too large": []}
    names = [name for family in FAMILIES for name in timm.list_models(module=family)]
    for name in sorted(set(names)):
        verdict, reason = judge(timm, name, asked.bare, asked.most * 1e6)
        found[verdict].append(name)
        print(f"{name:32} {verdict:10} {reason}", flush=True)
    print(", ".join(f"{verdict} {len(names)}" for verdict, names in found.items()))
    raise SystemExit(bool(found["another"]) and not asked.bare)


@torch.no_grad()
def judge(timm: object, name: str, bare: bool, most: float) -> tuple[str, str]:
    """Return the verdict on one name and its reason."""
    from timm.models import save_for_hf

    with torch.device("meta"):
        if sum(each.numel() for each in timm.create_model(name).parameters()) > most:  # type: ignore[attr-defined]
            return "too large", ""
    torch.manual_seed(0)
    theirs = timm.create_model(name).eval()  # type: ignore[attr-defined]
    for module in theirs.modules():
        if isinstance(getattr(module, "running_var", None), torch.Tensor):
            module.running_var.uniform_(0.5, 2)
            module.running_mean.normal_(0, 0.3)
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1)  # zero gammas would hide the branches
    with tempfile.TemporaryDirectory() as folder:
        save_for_hf(theirs, folder)
        if bare:
            (Path(folder) / "config.json").unlink()
        try:
            ours = residuum.load(next(Path(folder).glob("*.bin"), None) or next(Path(folder).glob("*.safetensors")))
        except InputError as error:
            return "refused", str(error).replace("\n", " ")[:150]
        image = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
        logits = theirs(image)
        difference = float((ours(image) - logits).abs().max() / logits.abs().max())
    return ("equal" if difference <= TOLERANCE else "another"), f"{ours.description.model}, {difference:.1g}"


if __name__ == "__main__":
    main()
