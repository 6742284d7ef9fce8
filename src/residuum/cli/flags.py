"""The flags of ``residuum train``: one for every setting, from their table, and the verb's own."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from ..errors import InputError, nearest
from ..settings.declaring import AUTO, DATA, MODEL, PANELS, RUN, Open, Setting, Value
from ..settings.reading import ALIASES, OF_THE_MODEL, gather_parts, parse_value
from ..settings.table import PARTS, SETTINGS

# What is no setting of a run.
OWN = [
    Setting("decode", "switch", DATA, "decode a folder once: docs/input.md", flag="--cache", everyday=True),
    Setting("entry", "str", MODEL, "which entry or network of --weights, such as teacher"),
    Setting("output", "path", RUN, "the run's folder [runs/DATA-N]", short="-o", everyday=True),
    Setting("resume", "path", RUN, "resume the run in this folder", everyday=True),
    Setting("seeds", "count", RUN, "run N seeds; print mean and deviation", everyday=True),
    Setting("against", "settings", RUN, "a second way to train, compared seed by seed"),
    Setting("lr_find", "switch", RUN, "try rates, draw, suggest one, and stop", everyday=True),
    Setting("show", "switch", RUN, "print the recipe and stop"),
    Setting("tensorboard", "switch", RUN, "write its events into the run's folder"),
]
FLAGS = [*SETTINGS.values(), *PARTS.values(), *OWN]

METAVARS = {"int": "N", "CacheSize": "N", "float": "X", "str": "NAME", "Size": "SIZE", "list[float]": "X,X",
            "dict[str, Any]": "YAML", "path": "FOLDER", "count": "N", "settings": "SETTING=VALUE"}  # fmt: skip
# What typer reads; all other kinds it leaves as text, so that each value has one reader and one error.
TYPES: dict[str, Any] = {"bool": bool | None, "switch": bool, "path": Path | None, "count": int | None,
                         "settings": list[str] | None}  # fmt: skip


def signature() -> inspect.Signature:
    """Return the signature that typer reads the flags from."""
    return inspect.Signature(
        [
            *(_parameter(flag.name, TYPES.get(flag.kind, str | None), typer.Option(*flag.flags)) for flag in FLAGS),
            _parameter("help_all", bool, typer.Option("--help-all", is_eager=True, callback=_show_all)),
        ]
    )


def _parameter(name: str, kind: Any, option: Any) -> inspect.Parameter:
    default = False if kind is bool else None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def read_flags(given: Mapping[str, Any]) -> dict[str, Value]:
    """Return the settings that flags ask for, each read and checked."""
    text = {flag.name: given[flag.name] for flag in FLAGS if flag not in OWN and given.get(flag.name) is not None}
    asked = {name: value if isinstance(value, bool) else parse_value(name, value) for name, value in text.items()}
    if given["decode"]:
        asked.setdefault("cache", AUTO)
    if given["entry"] and asked.get("weights"):
        asked["weights"] = f"{asked['weights']}::{given['entry']}"
    return gather_parts(asked)


class TrainCommand(TyperCommand):
    """The verb: help by panel, and hints for flags of other names."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the everyday flags, on one screen."""
        formatter.write(help_text(everything=False))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the flags; an unknown one is answered as an unknown setting is."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            option = getattr(error, "option_name", None)
            if type(error).__name__ != "NoSuchOption" or not isinstance(option, str):
                raise
            if option.partition("=")[0] in _main_flags():  # a switch that was given a value, say
                raise
            raise InputError(f"train has no flag {option}; {_flag_hint(option)}") from None


def _flag_hint(option: str) -> str:
    name = option.lstrip("-").replace("-", "_")
    if name in OF_THE_MODEL:
        return f"it is an argument of the model: --model-arguments '{{{name}: ...}}'"
    if name in ALIASES:
        return f"did you mean --{ALIASES[name].replace('_', '-')}?"
    return nearest(option, _main_flags())


def _main_flags() -> list[str]:
    return sorted(flag.flags[0].partition("/")[0] for flag in FLAGS)


def _show_all(wanted: bool) -> None:
    if wanted:
        typer.echo(help_text(everything=True))
        raise typer.Exit


def help_text(*, everything: bool) -> str:
    """Return the help: the everyday flags or all of them, by panel."""
    chosen = [flag for flag in FLAGS if everything or flag.everyday]
    names = {flag.name: _named(flag, everything=everything) for flag in chosen}
    left, width = min(30, max(map(len, names.values()))), max(60, shutil.get_terminal_size().columns)
    about = "Train a network on images. What you leave open is chosen, with its reason."
    lines = ["Usage: residuum train [OPTIONS]", "", about, *(["", *EXAMPLES] if everything else [])]
    for panel in PANELS:
        lines += ["", panel.capitalize()] if everything else [panel.capitalize()]
        for flag in (flag for flag in chosen if flag.panel == panel):
            lines += _row(names[flag.name], flag.help + (_otherwise(flag.default) if everything else ""), left, width)
    if not everything:
        lines += ["", f"--help-all shows all {len(FLAGS)} flags; docs/settings.md explains the settings."]
    return "\n".join(lines)


def _named(flag: Setting, *, everything: bool) -> str:
    shown = [name for name in flag.flags if everything or name == flag.flags[0] or not name.startswith("--")]
    return f"{', '.join(shown)} {METAVARS.get(flag.kind.removesuffix(' | None'), '')}".rstrip()


def _otherwise(default: Any) -> str:
    if isinstance(default, Open):
        return f" [from {default.by}]"
    return "" if default is None or default is False else f" [default {default}]"


def _row(name: str, said: str, left: int, width: int) -> list[str]:
    column = f"  {name:<{left}}  "
    lines = textwrap.wrap(said, width - left - 4) or [""]
    first = [f"  {name}", " " * (left + 4) + lines[0]] if len(name) > left else [column + lines[0]]
    return [*first, *(" " * (left + 4) + line for line in lines[1:])]


EXAMPLES = """\
  residuum train --data digits
  residuum train --data PHOTOS                   PHOTOS/CLASS/*.jpg, or PHOTOS/train and PHOTOS/val
  residuum train --data cifar10 --model cifar_resnet56 --epochs 50 -b 128 --lr 0.1 --output runs/c56
  residuum train --recipe he2015-cifar --model cifar_resnet56      docs/recipes.md; --show prints one
  residuum train --recipe mine.yaml              a recipe of your own
  residuum train --data digits --seeds 5 --against opt=adamw --against lr=0.001
  residuum train --data PHOTOS --weights runs/c56/model.safetensors      fine-tuning
  residuum train --data PHOTOS --cache           decoded once, not in each epoch
  residuum train --data cifar10 --processes 2    or: torchrun --nproc-per-node 2 -m residuum train ...
  residuum train --resume runs/c56               after Ctrl-C or a crash""".splitlines()
