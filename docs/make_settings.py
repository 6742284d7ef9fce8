"""Write docs/settings.md from the table of settings: ``python docs/make_settings.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from residuum.cli.flags import METAVARS
from residuum.files import write_text
from residuum.settings import SETTINGS
from residuum.settings.declaring import PANELS, Open, Setting
from residuum.settings.table import PARTS

PAGE = Path(__file__).parent / "settings.md"

HEAD = """\
# Settings

Every setting of a run, from `src/residuum/settings/table.py` by `docs/make_settings.py`. One name serves everywhere:

| where | how |
|---|---|
| command line | `residuum train --batch-size 64 --image-size 24x32 --no-flip` |
| Python | `residuum.train_model("digits", output="run", batch_size=64, image_size=(24, 32), flip=False)` |
| recipe | `settings: {batch_size: 64, image_size: [24, 32], flip: false}` in a YAML file, `--recipe mine.yaml` |
| comparison | `--seeds 5 --against batch_size=64` |
| a run's `config.yaml` | under the heading of its table below |

All of them pass the same checks. The recipe, then the weights and the data, then the machine decide a setting that
you leave open, and the run prints the reason. `depth`, `shortcut` and `num_classes` are arguments of the model: in
Python and in recipes they stand in `model_arguments`. The marks: **r** may differ from a recipe without its being
another one, **m** may change when a run is resumed.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(line for panel in PANELS for line in table(panel))]).rstrip() + "\n"


def table(panel: str) -> Iterator[str]:
    """Yield the lines of a panel's table."""
    yield from (
        f"## {panel.capitalize()}",
        "",
        "| setting | flag | value | default | | what it is |",
        "|---|---|---|---|---|---|",
    )
    yield from (row(declared) for declared in [*SETTINGS.values(), *PARTS.values()] if declared.panel == panel)
    yield ""


def row(declared: Setting) -> str:
    """Return the row of a setting."""
    flags = ", ".join(f"`{flag}`" for flag in declared.flags)
    marks = "".join(mark for mark, holds in (("r", declared.free), ("m", declared.moves)) if holds)
    cells = f"`{declared.name}`", flags, value(declared), default(declared.default), marks, declared.help
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def value(declared: Setting) -> str:
    """Return what values it takes."""
    if declared.rule is not None and declared.rule.choices:
        return ", ".join(f"`{choice}`" for choice in declared.rule.choices)
    kind = METAVARS.get(declared.kind.removesuffix(" | None"), "true or false")
    return kind if declared.rule is None else f"{kind}; must {declared.rule.must}"


def default(taken: Any) -> str:
    """Return what a new run takes where it is left open."""
    if isinstance(taken, Open):
        return f"from {taken.by}"
    return "none" if taken is None else f"`{str(taken).lower() if isinstance(taken, bool) else taken}`"


if __name__ == "__main__":
    write_text(PAGE, page())
