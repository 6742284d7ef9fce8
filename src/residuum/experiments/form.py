"""The common form of studies: what a file of this room offers, and how it is run.

A study is a module with these names, and a line in ``STUDIES`` (``experiments/__init__.py``):

    QUESTION   what is asked, in one or two sentences
    SOURCE     whose claim it is: paper, section, figure
    COST       what a call with no options takes: "about a minute on two cores"
    EXPECTED   what the literature leads one to expect, in a sentence; never what we hope to print
    DEFAULTS   Options that a call starts from

Its docstring opens with a short question and the command, and does not repeat these.

    members(options) -> {name: settings}
        The runs to train, each a normal run directory ``OUTPUT/name``; {} for a study of a model as it is. Settings
        are those of ``residuum train`` (``data``, ``model``, ``model_arguments``, ``seed``, ``epochs``, ...);
        ``members.py`` has the twins that most need. ``"after": OTHER`` makes a member wait for another (see ``start``).
    measure(work) -> numbers
        All numbers of the study, as plain JSON: dicts, lists, floats, None for what is not finite. ``work`` is a
        ``Workspace``: options, the folder, the members' histories and models. What takes long goes through
        ``work.keep(name, compute)``, which keeps its result in the folder, so that a second call goes on from there.
    findings(numbers) -> [Finding]     claims judged by ``statistics.judged``
    answer(numbers) -> str             one sentence, chosen by the numbers
    drawings(numbers) -> [Drawing]     matplotlib figures from ``report``, with a plotly one where looking needs it
    tables(numbers) -> [Table]         the numbers with their seeds

and, where it needs them:

    watch(model, dataset, epoch) -> dict       measured on each member before training (epoch 0) and after each epoch,
                                               on a copy: it cannot disturb the training; ``work.watched(name)`` has it
    KEEPS_EPOCHS = True                        keeps the weights of each epoch of the members it trains: ``work.epochs``
    CHOICES = ("A", "B", ...)                  conditions that ``options.only`` may name; without it none may
    start(folder, name, settings) -> settings  settles what depends on members that are finished, in ``folder/OTHER``

Everything after ``measure`` is a function of ``numbers`` alone, which ``study.json`` holds: ``residuum report FOLDER``
makes the page anew from it. Verdicts are made by ``statistics``: an effect with its 95 % interval, paired by seed where
seeds pair (Student's t, or a bootstrap over pictures or blocks), and a sign test. Each claim names the
smallest effect that would matter, so "no effect larger than X" and "too weak to say" are told apart by the interval.
No text is fixed before the run. ``planning.py`` says before a run which claims it could settle.

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
from ..report.study import Drawing, Finding, Table
from ..weights import load

History = list[dict[str, float]]
Numbers = dict[str, Any]
Members = dict[str, dict[str, Any]]

EPOCHS = {"digits": 15, "cifar10": 5, "fashion_mnist": 5}
OTHER_EPOCHS = 10  # on a folder of one's own


@dataclass(frozen=True)
class Options:
    """What a study is asked with.

    Args:
        data: a name of ``residuum train --data``; ``digits[:500]`` takes 500 training pictures,
            ``digits[:500,:100]`` 100 validation pictures too.
        model: a weights file or a run to study instead of training members; None trains them.
        seeds: runs of each network.
        epochs: of each run; 0: as many as the data are worth (EPOCHS).
        depths: counted layers of the networks compared; what they mean for a study, its file says.
        batch_size: pictures a step.
        precision: "fp32" or "bf16".
        minutes: what a study without members may take; 0: no limit.
        seeds_of: (depth, seeds) of the depths whose networks get another number of runs than ``seeds``.
        only: the conditions that are compared, where a study offers a choice; (): all.
        runs: the folder of a finished study whose runs are measured instead of training; None trains.
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
        """Return the runs of a network of that depth."""
        return dict(self.seeds_of).get(depth, self.seeds)

    @property
    def training(self) -> dict[str, Any]:
        """The settings that every member shares."""
        return {
            "data": self.data,
            "epochs": self.epochs or EPOCHS.get(self.data.split("[")[0], OTHER_EPOCHS),
            "batch_size": self.batch_size,
            "precision": self.precision,
            "val_precision": "fp32",  # what a study finds is not to depend on the machine more than it must
        }


@dataclass(frozen=True)
class Workspace:
    """What ``measure`` works with.

    Args:
        folder: the study's.
        options: what was asked.
        histories: a row an epoch of each member (``train_loss``, ``train_acc1``, ``val_acc1``, ...), by its name.
        tell: what is done with a line of progress.
    """

    folder: Path
    options: Options
    histories: dict[str, History] = field(default_factory=dict)
    tell: Callable[[str], None] = print

    @property
    def members(self) -> Path:
        """The folder that holds the members: the study's own, or that of the study whose runs it measures."""
        return Path(self.options.runs) if self.options.runs else self.folder

    def dataset(self) -> Dataset:
        """Open the study's data."""
        return open_data(self.options.data)

    def model(self, member: str | None = None) -> nn.Module:
        """Load a member as its last epoch left it, ready to predict; without a name, the model that was asked for."""
        if member is not None:
            return load(self.members / member / "last.safetensors")
        path = Path(str(self.options.model))
        return load(path / "model.safetensors" if path.is_dir() else str(path))

    def epochs(self, member: str) -> list[nn.Module]:
        """Load what each epoch of a member left, the first one first; none where the study keeps no epochs."""
        return [load(path) for path in sorted((self.members / member / EPOCHS_KEPT).glob("*.safetensors"))]

    def watched(self, member: str) -> list[dict[str, Any]]:
        """Return what ``watch`` saw of a member, a row an epoch, the first before training."""
        return read_json(self.folder / member / WATCHED)

    def keep(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return what ``compute`` gives, as JSON; it is kept, and computed again only for other options."""
        path, asked = self.folder / "parts" / f"{name}.json", json.loads(json.dumps(asdict(self.options)))
        if path.exists():
            held = read_json(path)
            if {**NEW_OPTIONS, **held["options"]} == asked:
                return held["value"]
        self.tell(f"measuring {name}")
        write_json(path, {"options": asked, "value": compute()})
        return read_json(path)["value"]


class Study(Protocol):
    """A module of this room, as the docstring above says."""

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


NEW_OPTIONS = {"seeds_of": [], "only": [], "runs": None}  # parts that earlier versions kept do not name these
WATCHED = "watched.json"
EPOCHS_KEPT = "epochs"  # a member's folder of weights, one file an epoch


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all; numbers that are not finite are refused, so say None."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")
