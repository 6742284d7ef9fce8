"""The command ``residuum-runtime``: say what is on pictures, with an exported file and without torch."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence

from .errors import ResiduumError
from .sessions import ENGINES

EXAMPLES = """examples:
  residuum-runtime predict exported/ photo.jpg
  residuum-runtime predict exported/model.xml *.jpg --top 1 --json
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; errors that the user can mend are one line. Exit codes: 0 done, 2 wrong input."""
    parser = argparse.ArgumentParser(
        prog="residuum-runtime",
        description="Run what `residuum export` has written.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    predict = verbs.add_parser("predict", help="say what is on pictures")
    predict.add_argument("file", metavar="FILE", help="an export's folder, or its model.xml, model.onnx or model.pt2")
    predict.add_argument("images", metavar="IMAGE", nargs="+", help="pictures of any common kind")
    predict.add_argument("--engine", default="auto", help=f"auto (measured once), {', '.join(ENGINES)}")
    predict.add_argument("--threads", type=int, help="of the processor [default: all that it may use]")
    predict.add_argument("--top", type=int, default=5, help="how many classes [default: 5]")
    predict.add_argument("--json", action="store_true", help="print JSON")
    try:
        return show(parser.parse_args(arguments))
    except ResiduumError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def show(asked: argparse.Namespace) -> int:
    """Predict and print: a row for each class, tab-separated, or JSON."""
    from .engine import Engine

    engine = Engine(asked.file, engine=asked.engine, threads=asked.threads)
    print(f"engine: {engine}", file=sys.stderr)
    predictions = engine.predict(asked.images, top=asked.top)
    if asked.json:
        print(json.dumps([dataclasses.asdict(prediction) for prediction in predictions], indent=2, ensure_ascii=False))
        return 0
    print("picture\tclass\t%")
    for prediction in predictions:
        for rank, (name, probability) in enumerate(zip(prediction.classes, prediction.probabilities, strict=True)):
            print(f"{prediction.name if rank == 0 else ''}\t{name}\t{100 * probability:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
