"""Write docs/gallery/ from finished studies: ``python docs/make_gallery.py STUDY_FOLDER...``.

Read the folders that ``residuum study`` has written (skip those without a study.json and name them) and write
``README.md``: each study's question, its answer, its verdicts and one figure, the first of its drawings unless the
table below names another. Two folders of one study (on two data sets) follow each other. Figures are SVG, or PNG with
few colours if that is smaller; the script stops if they exceed 5 MB in all.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from residuum.experiments import STUDIES
from residuum.experiments.form import read_json
from residuum.experiments.study import STUDY, study_data
from residuum.files import write_bytes, write_text
from residuum.report.study_page import Drawing
from residuum.report.style import png, svg_file

GALLERY = Path(__file__).parent / "gallery"
LIMIT = 5_000_000  # bytes of all figures
LARGE = 60_000  # an SVG beyond this holds pixels or thousands of points
COLOURS = 64  # of a PNG
PICTURES: dict[str, str] = {}  # the drawing that shows a study best, if it is not the first
HEAD = """# Gallery of studies

Questions about residual networks, and the answers of these runs. The numbers of its run decide each answer, and
most runs are small: an answer applies to this data, this depth and this number of epochs. ✓ shown, ✗ opposite
shown, ≈ no effect larger than the figure given, ? too weak to say; [results](../results.md#studies) has the verdicts in
one table, [LOG.md](../../LOG.md) the circumstances. The command below each figure writes the page with all numbers;
`docs/make_gallery.py` writes this page from their folders.
"""


def main(folders: Sequence[Path]) -> int:
    """Write the gallery and return the number of studies."""
    held = sorted(_finished(folders), key=_order)
    names = [_title(numbers) for numbers, _ in held]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        sys.exit(f"each study must appear once for its data or model, got {', '.join(twice)} twice; leave a folder out")
    shutil.rmtree(GALLERY / "pictures", ignore_errors=True)
    entries = [_entry(numbers, folder) for numbers, folder in held]
    contents = "\n".join(
        f"- [{_title(numbers)}](#{_anchor(numbers)}): {study_data(folder).answer}" for numbers, folder in held
    )
    write_text(GALLERY / "README.md", "\n".join([HEAD, contents, "", *entries]))
    size = sum(path.stat().st_size for path in (GALLERY / "pictures").iterdir())
    print(f"{len(entries)} studies, {size / 1e6:.2f} MB of figures in {GALLERY}")
    if size > LIMIT:
        sys.exit(f"the figures must stay below {LIMIT / 1e6:g} MB, they have {size / 1e6:.2f}; lower COLOURS")
    return len(entries)


def _finished(folders: Sequence[Path]) -> Iterator[tuple[dict[str, Any], Path]]:
    for folder in folders:
        if not (folder / STUDY).exists():
            print(f"left out: {folder} has no {STUDY}, its study is not finished", file=sys.stderr)
        elif (numbers := read_json(folder / STUDY))["study"] not in STUDIES:
            print(f"left out: {folder} is of {numbers['study']}, no study of this version", file=sys.stderr)
        else:
            yield numbers, folder


def _order(item: tuple[dict[str, Any], Path]) -> tuple[int, str]:
    return list(STUDIES).index(item[0]["study"]), _title(item[0])


def _title(held: dict[str, Any]) -> str:
    """Return the study's name with its subject: a model, or networks trained on a data set."""
    data = Path(held["options"]["data"].split("[")[0]).name
    subject = f"{Path(held['options']['model']).stem}, {data}" if held["options"]["model"] else data
    return f"{held['study'].replace('-', ' ').capitalize()} ({subject})"


def _repeat(held: dict[str, Any]) -> str:
    """Return the command without the folders of the machine on which it ran."""
    command = held["repeat"]
    for path in (held["options"]["model"], held["options"]["data"].split("[")[0]):
        command = command.replace(path, Path(path).name) if path else command
    return command


def _anchor(held: dict[str, Any]) -> str:
    return "".join(sign for sign in _title(held).lower().replace(" ", "-") if sign.isalnum() or sign == "-")


def _entry(held: dict[str, Any], folder: Path) -> str:
    """Write a study's figure and return its section."""
    data = study_data(folder)
    wanted = PICTURES.get(held["study"], data.drawings[0].name)
    drawing = next(drawing for drawing in data.drawings if drawing.name == wanted)
    picture = _write_picture(drawing, _anchor(held))
    verdicts = [f"- {f.words}: {f.claim}; {f.ours} (matters: {f.matters})" for f in data.findings]
    return "\n".join([
        f"## {_title(held)}", "", data.question, "", f"**{data.answer}**", "",
        f"![{drawing.alt}](pictures/{picture})", "", *verdicts, "",
        f"{data.cost} Again: `{_repeat(held)}`", "",
    ])  # fmt: skip


def _write_picture(drawing: Drawing, name: str) -> str:
    """Write the drawing in the smaller format and return its file's name."""
    vectors = svg_file(drawing.figure, drawing.alt)
    pixels = _few_colours(png(drawing.figure))
    if len(vectors) < max(LARGE, len(pixels)):
        write_text(GALLERY / "pictures" / f"{name}.svg", vectors)
        return f"{name}.svg"
    write_bytes(GALLERY / "pictures" / f"{name}.png", pixels)
    return f"{name}.png"


def _few_colours(picture: bytes) -> bytes:
    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python docs/make_gallery.py STUDY_FOLDER...")
    main([Path(argument) for argument in sys.argv[1:]])
