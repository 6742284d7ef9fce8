"""The command ``residuum-runtime``: classify images with an exported file and without torch."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

from .errors import ResiduumError
from .reading import MAX_PIXELS
from .sessions import ENGINES

EXAMPLES = """examples:
  residuum-runtime predict exported/ photo.jpg
  residuum-runtime predict exported/model.xml *.jpg --top 1 --json
  residuum-runtime predict exported/ PHOTOS        (all images below a folder)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; print errors that the user can fix as one message.

    Exit codes: 0 done, 1 some images could not be read, 2 no image could be read, or other wrong input.
    """
    parser = argparse.ArgumentParser(
        prog="residuum-runtime",
        description="Run an export of `residuum export`.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    predict = verbs.add_parser("predict", help="classify images")
    predict.add_argument("file", metavar="FILE", help="an export folder, or its model.xml, model.onnx or model.pt2")
    predict.add_argument("images", metavar="IMAGE", nargs="+", help="images of any common format, folders, patterns")
    predict.add_argument("--engine", default="auto", help=f"auto (measured once), {', '.join(ENGINES)}")
    predict.add_argument("--threads", type=int, help="number of threads [default: all available]")
    predict.add_argument("--top", type=int, default=5, help="number of classes to print [default: 5]")
    predict.add_argument("--max-pixels", type=int, help=f"largest image, pixels [default: {MAX_PIXELS:,}]")
    predict.add_argument("--json", action="store_true", help="print JSON")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # escapes characters that the code page lacks
    try:
        return show(parser.parse_args(arguments))
    except ResiduumError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def show(asked: argparse.Namespace) -> int:
    """Predict and print: a row for each class, tab-separated, or JSON."""
    from .engine import Engine
    from .showing import COLUMNS, show_answers, show_tabs

    engine = Engine(asked.file, engine=asked.engine, threads=asked.threads)
    print(f"engine: {engine}", file=sys.stderr)
    answers = engine.predict_each(asked.images, top=asked.top, max_pixels=asked.max_pixels)
    if not asked.json:
        show_tabs([COLUMNS])
    return show_answers(answers, None if asked.json else show_tabs)


if __name__ == "__main__":
    sys.exit(main())
