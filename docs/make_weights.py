"""Write the trained twins of a study as a release artefact: ``python docs/make_weights.py STUDY_FOLDER [OUTPUT]``.

For each network of 20, 56 and 110 layers write the run of seed 0 as a folder ``build/weights/NAME`` with
``model.safetensors``, its last epoch, and a model card ``README.md``. ``SHA256SUMS`` lists the files. STUDY_FOLDER is
the folder of a finished degradation study; the script writes nothing into the repository.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from residuum.experiments.form import read_json
from residuum.experiments.study import STUDY
from residuum.files import write_text
from residuum.weights import load
from residuum.weights.sharing import write_folder

DEPTHS = (20, 56, 110)
OUTPUT = Path("build/weights")


def main(study: Path, output: Path = OUTPUT) -> int:
    """Write the weights and return the number of networks."""
    if not (study / STUDY).exists():
        sys.exit(f"{study} must be the folder of a finished study, it has no {STUDY}; finish it first")
    held, written = read_json(study / STUDY), []
    for name in (f"{kind}-{depth}" for kind in ("plain", "residual") for depth in DEPTHS):
        file = study / f"{name}-seed0" / "last.safetensors"
        if not file.exists():
            print(f"left out: {study} holds no {name}-seed0", file=sys.stderr)
            continue
        write_folder(load(file), output / name, f"{name}/model.safetensors")
        card = output / name / "README.md"
        write_text(card, f"{card.read_text(encoding='utf-8')}\nTrained by `{held['repeat']}`, seed 0.\n")
        written.append(name)
    if not written:
        sys.exit(f"{study} holds none of the twins of {', '.join(map(str, DEPTHS))} layers; give a degradation study")
    sums = [f"{_sha256(path)}  {path.relative_to(output)}" for path in sorted(output.glob("*/*"))]
    write_text(output / "SHA256SUMS", "\n".join(sums) + "\n")
    print(f"{len(written)} networks in {output}")
    return len(written)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python docs/make_weights.py STUDY_FOLDER [OUTPUT]")
    main(*map(Path, sys.argv[1:]))
