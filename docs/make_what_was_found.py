"""Write docs/what-was-found.md from finished studies: ``python docs/make_what_was_found.py STUDY_FOLDER...``.

Each row of CLAIMS is a claim of the literature: the sources' statements, on both sides if they disagree, and the study
that tests it, with its options. A finished folder of that study on CIFAR-10 (or on its own data) gives measurement,
strength and figure; without one the page prints "not run yet" and the expected hours.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

from residuum.experiments import STUDIES
from residuum.experiments.form import read_json
from residuum.experiments.study import STUDY, study_data
from residuum.files import write_bytes, write_text
from residuum.report.study_page import HOW_JUDGED
from residuum.report.style import png

DOCS = Path(__file__).parent
IMAGES = "images/found"


class Claim(NamedTuple):
    """A row of the page."""

    title: str
    says: str  # the sources' statements, in terms that a student knows
    command: str  # the arguments of ``residuum study`` that test it
    hours: float  # of both cores, as --plan predicts them from seconds an epoch; 0: negligible beside training

    @property
    def study(self) -> str:
        """The study's name."""
        return self.command.split()[0]


# seconds per epoch of CIFAR-10 on two cores: 20 layers 21, 56 layers 60, 110 layers 125, 1,202 layers 1,440
CLAIMS = (
    Claim("Deeper plain networks train worse",
          "He et al. (2015, figure 6) stack plain layers: 56 layers end with a higher training error than 20. With a "
          "shortcut past every two layers the order reverses. Since the training error is higher, this is not "
          "overfitting.",
          "degradation --data cifar10 --depths 20:5,32:3,44:3,56:5,110:2 --seeds 3 --epochs 10", 5.2),
    Claim("More than 100 layers train",
          "He et al. (2015) train 110 layers, He et al. (2016) 164. Plain ones reportedly do not train.",
          "very-deep --data cifar10 --depths 110,164 --epochs 3 --batch-size 128 --seeds 3", 1.6),
    Claim("More than 1,000 layers train",
          "He et al. (2015) train 1,202 layers and He et al. (2016) 1,001; the first overfits, the second does not.",
          "very-deep --data cifar10 --depths 1001,1202 --epochs 2 --batch-size 64 --seeds 1", 3.2),
    Claim("Kinds of shortcut",
          "He et al. (2015, table 3) find that projections help a little. He et al. (2016, table 1) find that "
          "anything on the shortcut, projections too, hurts 110 layers.",
          "shortcuts --data cifar10 --depths 56 --epochs 8 --seeds 3", 3.2),
    Claim("Kinds of shortcut, 110 layers",
          "He et al. (2016, table 1): constant scaling costs 5.7 points, dropout on the shortcut does not converge.",
          "shortcuts --data cifar10 --depths 110 --epochs 8 --seeds 3 --only constant_scaling,dropout", 2.5),
    Claim("Order of norm, activation and convolution",
          "He et al. (2016, table 2) put norm and activation before each convolution; the gain grows with depth.",
          "activations --data cifar10 --depths 56 --epochs 8 --seeds 3", 2.0),
    Claim("Order of norm, activation and convolution, 110 layers",
          "He et al. (2016, table 2): full pre-activation 6.37 % test error, the original order 6.61 %.",
          "activations --data cifar10 --depths 110 --epochs 8 --seeds 3", 4.2),
    Claim("Length of a skip",
          "Popular accounts prefer skips over one layer, or over two or three. He et al. (2016, table 3) and "
          "Zagoruyko and Komodakis (2016, table 3) find two better than one.",
          "skip-length-convolutions --data cifar10 --depths 56 --epochs 8 --seeds 3", 1.6),
    Claim("Lesions",
          "Veit et al. (2016) remove a block of a trained network: the residual one hardly changes, its twin fails.",
          "lesions --data cifar10 --depths 56 --epochs 10 --seeds 5 --runs RUNS", 0.3),
    Claim("Short paths carry the gradient",
          "Veit et al. (2016) find that most of the gradient comes through paths shorter than half of the blocks.",
          "paths --data cifar10 --depths 56:5,110:2 --epochs 10 --runs RUNS", 0.1),
    Claim("Early training uses few layers",
          "Popular accounts say that a residual network starts shallow and uses all of its layers only later.",
          "effective-depth --data cifar10 --depths 56:5,110:2 --epochs 10 --runs RUNS", 0.1),
    Claim("Residual layers respond less",
          "He et al. (2015, figure 7): layers with a shortcut change the signal less, and less in deeper networks.",
          "responses --data cifar10 --depths 20:5,56:5,110:2 --epochs 10 --runs RUNS", 0.1),
    Claim("Features grow with depth",
          "Zeiler and Fergus (2014) and Alain and Bengio (2016): a linear probe separates the classes better with "
          "every layer.",
          "features --data cifar10 --depths 20 --epochs 10 --seeds 5 --runs RUNS", 0.3),
    Claim("The loss is smoother around residual networks",
          "Li et al. (2018) plot the loss around a plain network of 56 layers as chaotic, around its twin as smooth.",
          "landscape --data cifar10 --depths 56 --epochs 10 --seeds 5 --runs RUNS", 1.5),
    Claim("Plain networks are more fragile",
          "Popular accounts claim it; Hendrycks and Dietterich (2019), the authors of the corruptions, compare no "
          "such twins.",
          "robustness --data cifar10 --depths 20,56 --epochs 10 --seeds 5 --only cifar-10-c --runs RUNS", 0.5),
    Claim("Plain networks need more data",
          "Popular accounts claim it; none gives a figure.",
          "data-need --data cifar10 --depths 20 --epochs 10 --seeds 3 --only 1,3,10,30,100", 1.8),
    Claim("Causes of degradation",
          "Popular accounts name vanishing gradients, the optimiser or the initial weights. He et al. (2015, section "
          "4.1) answer that with batch norm gradients do not vanish, and that plain networks degrade all the same.",
          "causes --data cifar10 --depths 20,56 --epochs 4 --seeds 3", 4.4),
    Claim("Transformers need skips",
          "Popular accounts name BERT and GPT; Dong et al. (2021) prove that attention alone loses rank.",
          "transformer-skips", 3.0),
    Claim("A memory carried unchanged",
          "Hochreiter and Schmidhuber (1997) carry it over 1,000 steps; Gers et al. (2000) let the cell forget it.",
          "adding-problem", 3.0),
    Claim("Ensembles and crops",
          "He et al. (2015, tables 4 and 5) average six networks over ten crops at several scales.",
          "ensembles --data cifar10 --runs RECIPE_RUNS", 0.2),
)  # fmt: skip

HEAD = """# Findings

The claims of the literature on residual networks, with the measurements of these runs. ✓ shown, ✗ opposite shown,
≈ no effect larger than the figure given, ? too weak to say.

{judged}

`docs/make_what_was_found.py` writes this page from the folders of the studies; RUNS is the folder of the first study,
RECIPE_RUNS the folder of the runs of `he2015-cifar`, which take 57 minutes each for 20 layers and 2.7 hours for 56:
`residuum train --recipe he2015-cifar`.
"""


def main(folders: Sequence[Path], page: Path = DOCS / "what-was-found.md") -> int:
    """Write the page and return the number of claims with a finished run."""
    held = {folder: read_json(folder / STUDY) for folder in folders if (folder / STUDY).exists()}
    for folder in folders:
        if folder not in held:
            print(f"left out: {folder} has no {STUDY}, its study is not finished", file=sys.stderr)
    sections, found = [], 0
    for claim in CLAIMS:
        folder = answering(claim, held)
        found += folder is not None
        sections.append(_not_run(claim) if folder is None else _measured(claim, folder, held[folder], page.parent))
    write_text(page, "\n".join([HEAD.format(judged=fill(HOW_JUDGED, 120)), *sections]))
    print(f"{found} of {len(CLAIMS)} claims have a finished run; {page}")
    return found


def wanted(claim: Claim) -> dict[str, str]:
    """Return the options that the claim's run must have, under their command line names."""
    words = shlex.split(claim.command)[1:]
    return {key.removeprefix("--").replace("-", "_"): value for key, value in zip(words[::2], words[1::2], strict=True)}


def answering(claim: Claim, held: dict[Path, dict[str, Any]]) -> Path | None:
    """Return the folder of the claim's study on its data and depths, of several the one with the most seeds."""
    options, fitting = wanted(claim), []
    depths = [int(depth.split(":")[0]) for depth in options.get("depths", "").split(",") if depth]
    for folder, study in held.items():
        has = study["options"]
        same_data = "data" not in options or has["data"] == options["data"]
        if study["study"] == claim.study and same_data and (not depths or sorted(has["depths"]) == depths):
            fitting.append((has["seeds"], str(folder), folder))
    return max(fitting)[-1] if fitting else None


def _not_run(claim: Claim) -> str:
    assert claim.study in STUDIES
    return (
        f"## {claim.title}\n\n{fill(claim.says, 120)}\n\nNot run yet: about {claim.hours:g} hours of two cores, "
        f"`residuum study {claim.command}`.\n"
    )


def _measured(claim: Claim, folder: Path, held: dict[str, Any], docs: Path) -> str:
    """Write a claim's figure beside the page and return its section."""
    data, name = study_data(folder), f"{claim.title.lower().replace(' ', '-').replace(',', '')}.png"
    drawing = data.drawings[0]
    write_bytes(docs / IMAGES / name, png(drawing.figure))
    verdicts = [f"- {one.words}: {one.claim}; {one.ours} (matters: {one.matters})" for one in data.findings]
    seeds, epochs = held["options"]["seeds"], held["options"]["epochs"]
    command = held["repeat"]
    if runs := held["options"].get("runs"):
        command = command.replace(runs, "RUNS")
    return "\n".join([
        f"## {claim.title}", "", fill(claim.says, 120), "",
        f"Measured with {seeds} seeds, {epochs} epochs: **{data.answer}**", "",
        f"![{drawing.alt}]({IMAGES}/{name})", "", *verdicts, "", f"{data.cost} Again: `{command}`", "",
    ])  # fmt: skip


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
