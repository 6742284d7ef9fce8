"""The interface of studies: the names that a file in this package defines, and how they run.

A study is a module with these names, and a line in ``STUDIES`` (``experiments/__init__.py``):

    QUESTION   the question, in one or two sentences
    SOURCE     the claim's source: paper, section, figure
    COST       cost of a call without options: "about a minute on two cores"
    EXPECTED   the result expected from the literature, in a sentence; never the result we hope for
    DEFAULTS   default Options

Its docstring opens with a short question and the command, and does not repeat these.

    members(options) -> {name: settings}
        The runs to train, each a normal run directory ``OUTPUT/name``; {} for a study without training. Settings
        are the settings of ``residuum train`` (``data``, ``model``, ``model_arguments``, ``seed``, ``epochs``, ...);
        ``members.py`` has the usual twins. With ``"after": OTHER`` a member waits for another (see ``start``).
    measure(work) -> numbers
        All numbers of the study, as plain JSON: dicts, lists, floats, None for non-finite values. ``work`` is a
        ``Workspace``: options, the folder, the members' histories and models. Long computations go through
        ``work.keep(name, compute)``, which keeps the result in the folder for a second call.
    findings(numbers) -> [Finding]     claims judged by ``statistics.judged``
    answer(numbers) -> str             one sentence, chosen by the numbers
    drawings(numbers) -> [Drawing]     matplotlib figures from ``report``, with a plotly one where interaction helps
    tables(numbers) -> [Table]         the numbers with their seeds

and, optionally:

    watch(model, dataset, epoch) -> dict       measures each member before training (epoch 0) and after each epoch,
                                               on a copy, so training is undisturbed; see ``work.watched(name)``
    KEEPS_EPOCHS = True                        keeps the weights of each epoch of the members it trains: ``work.epochs``
    CHOICES = ("A", "B", ...)                  the conditions that ``options.only`` may name; by default none
    start(folder, name, settings) -> settings  completes settings that depend on finished members in ``folder/OTHER``

Everything after ``measure`` is a function of ``numbers`` alone, which ``study.json`` holds: ``residuum report FOLDER``
rebuilds the page from it. ``statistics`` gives the verdicts: an effect with its 95 % interval, paired by seed where
seeds pair (Student's t, or a bootstrap over images or blocks), and a sign test. Each claim names the
smallest effect that would matter, so "no effect larger than X" and "too weak to say" differ by the interval.
No text is fixed before the run. ``planning.py`` predicts before a run which claims it could decide.

``study.py`` runs one: ``residuum study NAME`` settles the options (``plan.json``), trains the members, measures, and
writes ``study.json`` (all numbers), each drawing as PNG and SVG, and ``NAME.html``. ``budget.py`` fits it to minutes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from ..data import Dataset, open_data
from ..files import write_text
from ..report.study_page import Drawing, Finding, Table
from ..weights import load

History = list[dict[str, float]]
Numbers = dict[str, Any]
Members = dict[str, dict[str, Any]]

EPOCHS = {"digits": 15, "cifar10": 5, "fashion_mnist": 5}
OTHER_EPOCHS = 10  # on the user's own folder


@dataclass(frozen=True)
class Options:
    """The options of a study.

    Args:
        data: a name of ``residuum train --data``; ``digits[:500]`` selects 500 training images,
            ``digits[:500,:100]`` also 100 validation images.
        model: a weights file or a run to study instead of training members; None trains them.
        seeds: number of runs per network.
        epochs: epochs per run; 0: the data set's default (EPOCHS).
        depths: counted layers of the networks compared; each study's file states their meaning.
        batch_size: images per step.
        precision: "fp32" or "bf16".
        minutes: time limit of a study without members; 0: no limit.
        seeds_of: (depth, seeds) for depths whose number of runs overrides ``seeds``.
        only: the conditions to compare, where a study offers a choice; (): all.
        runs: the folder of a finished study whose runs to measure instead of training; None trains.
    """

    data: str = "digits"
    model: str | None = None
    seeds: int = 3
    epochs: int = 0
    depths: tuple[int, ...] = ()
    batch_size: int = 128
    precision: str = "fp32"
    minutes: float = 0.0
    seeds_of: tuple[tuple[int, int], ...] = ()
    only: tuple[str, ...] = ()
    runs: str | None = None

    def seeds_at(self, depth: int) -> int:
        """Return the number of runs of a network of that depth."""
        return dict(self.seeds_of).get(depth, self.seeds)

    @property
    def training(self) -> dict[str, Any]:
        """The settings that every member shares."""
        return {
            "data": self.data,
            "epochs": self.epochs or EPOCHS.get(self.data.split("[")[0], OTHER_EPOCHS),
            "batch_size": self.batch_size,
            "precision": self.precision,
            "val_precision": "fp32",  # keeps a study's result as independent of the machine as possible
        }


@dataclass(frozen=True)
class Workspace:
    """The workspace that ``measure`` gets.

    Args:
        folder: the study's.
        options: the settled options.
        histories: one row per epoch of each member (``train_loss``, ``train_acc1``, ``val_acc1``, ...), by its name.
        tell: receives lines of progress.
    """

    folder: Path
    options: Options
    histories: dict[str, History] = field(default_factory=dict)
    tell: Callable[[str], None] = print

    @property
    def members(self) -> Path:
        """The folder that holds the members: the study's own, or the folder of the study whose runs it measures."""
        return Path(self.options.runs) if self.options.runs else self.folder

    def dataset(self) -> Dataset:
        """Open the study's data."""
        return open_data(self.options.data)

    def model(self, member: str | None = None) -> nn.Module:
        """Load a member after its last epoch, in eval mode; without a name, the model of the options."""
        if member is not None:
            return load(self.members / member / "last.safetensors")
        path = Path(str(self.options.model))
        return load(path / "model.safetensors" if path.is_dir() else str(path))

    def epochs(self, member: str) -> list[nn.Module]:
        """Load a member's model after each epoch, in order; none where the study keeps no epochs."""
        return [load(path) for path in sorted((self.members / member / EPOCHS_KEPT).glob("*.safetensors"))]

    def watched(self, member: str) -> list[dict[str, Any]]:
        """Return ``watch``'s results for a member, one row per epoch, the first before training."""
        return read_json(self.folder / member / WATCHED)

    def keep(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return ``compute``'s result as JSON; keep it, and recompute only for other options."""
        path, asked = self.folder / "parts" / f"{name}.json", json.loads(json.dumps(asdict(self.options)))
        if path.exists():
            held = read_json(path)
            if {**NEW_OPTIONS, **held["options"]} == asked:
                return held["value"]
        self.tell(f"measuring {name}")
        write_json(path, {"options": asked, "value": compute()})
        return read_json(path)["value"]


class Study(Protocol):
    """A study module, as described in the docstring above."""

    @property
    def QUESTION(self) -> str: ...  # noqa: D102
    @property
    def SOURCE(self) -> str: ...  # noqa: D102
    @property
    def COST(self) -> str: ...  # noqa: D102
    @property
    def EXPECTED(self) -> str: ...  # noqa: D102
    @property
    def DEFAULTS(self) -> Options: ...  # noqa: D102

    @staticmethod
    def members(options: Options) -> Members:
        """Return the runs to train."""
        ...

    @staticmethod
    def measure(work: Workspace) -> Numbers:
        """Return all numbers."""
        ...

    @staticmethod
    def findings(numbers: Numbers) -> Sequence[Finding]:
        """Return the claims, judged."""
        ...

    @staticmethod
    def answer(numbers: Numbers) -> str:
        """Return one sentence."""
        ...

    @staticmethod
    def drawings(numbers: Numbers) -> Sequence[Drawing]:
        """Return the figures."""
        ...

    @staticmethod
    def tables(numbers: Numbers) -> Sequence[Table]:
        """Return the numbers as text."""
        ...


NEW_OPTIONS = {"seeds_of": [], "only": [], "runs": None}  # parts kept by earlier versions lack these
WATCHED = "watched.json"
EPOCHS_KEPT = "epochs"  # a member's folder of weights, one file per epoch


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all; refuse numbers that are not finite; use None."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")
