"""The command ``residuum``: one file per verb. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

import os
import sys

import typer

from ..errors import ResiduumError
from ..spinning import limit_spinning
from . import (
    bench,
    convert,
    data,
    demo,
    diff,
    draw,
    evaluate,
    export,
    inspect,
    laws,
    machine,
    models,
    predict,
    pull,
    push,
    report,
    runs,
    saliency,
    study,
    train,
)
from .flags import TrainCommand
from .output import leave_quietly, reader_has_gone, write_any_text, written_out
from .signals import exit_code_of, stop_on_signals
from .unexpected import one_line, write_report

app = typer.Typer(
    name="residuum",
    help="Build, train, explain and ship residual networks.\n\n"
    "residuum train --data digits     train on handwriting that needs no download\n\n"
    "residuum train --data PHOTOS     train on a folder of images, CLASS/*.jpg\n\n"
    "residuum predict RUN IMAGE       classify an image",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

VERBS = {
    "train": train.train,
    "evaluate": evaluate.evaluate,
    "diff": diff.diff,
    "predict": predict.predict,
    "runs": runs.runs,
    "machine": machine.machine,
    "models": models.models,
    "inspect": inspect.inspect,
    "draw": draw.draw,
    "laws": laws.laws,
    "saliency": saliency.saliency,
    "convert": convert.convert,
    "export": export.export,
    "push": push.push,
    "pull": pull.pull,
    "demo": demo.demo,
    "study": study.study,
    "report": report.report,
}

for name, verb in VERBS.items():
    app.command(name, cls=TrainCommand if name == "train" else None)(verb)
app.add_typer(bench.app, name="bench")
app.add_typer(data.app, name="data")


def version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        from .. import __version__

        typer.echo(f"residuum {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=version, is_eager=True, help="Print the version."),
) -> None:
    """Build, train, explain and ship residual networks."""


def main() -> None:
    """Run the command line; an error prints one message; a file holds the traceback of an unexpected error."""
    limit_spinning()
    write_any_text()
    stop_on_signals()
    try:
        app()
    except ResiduumError as error:
        typer.echo(f"error: {one_line(error)}", err=True)
        sys.exit(error.exit_code)
    except SystemExit as left:
        if reader_has_gone(left):
            leave_quietly()
        code = exit_code_of(left) if left.code == 130 else left.code
        sys.exit(code if written_out() else 2)
    except KeyboardInterrupt as stopped:
        typer.echo("interrupted", err=True)
        sys.exit(exit_code_of(stopped))
    except BrokenPipeError:
        leave_quietly()
    except Exception as error:
        if not written_out():
            sys.exit(2)
        if os.environ.get("RESIDUUM_DEBUG"):
            raise
        typer.echo(f"error: {write_report(error, sys.argv)}", err=True)
        sys.exit(1)
