"""The command ``residuum``: one file per verb. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

import sys

import typer

from ..errors import ResiduumError
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

app = typer.Typer(
    name="residuum",
    help="Build, train, explain and ship residual networks.\n\n"
    "residuum train --data digits     train on handwriting that needs no download\n\n"
    "residuum train --data PHOTOS     train on a folder of pictures, CLASS/*.jpg\n\n"
    "residuum predict RUN PICTURE     say what is on a picture",
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
    app.command(name)(verb)
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
    """Run the command line; errors that the user can mend are one line, not a traceback."""
    try:
        app()
    except ResiduumError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        sys.stderr.close()
        sys.exit(0)
