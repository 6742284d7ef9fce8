"""docs/family.md and its drawings are what the models are today."""

import importlib.util
from pathlib import Path

from residuum.models import FAMILIES, VARIANTS

DOCS = Path(__file__).parents[1] / "docs"


def script():
    spec = importlib.util.spec_from_file_location("make_family", DOCS / "make_family.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date():
    pages = dict(script().pages())
    stale = [path for path, content in pages.items() if (DOCS / path).read_text(encoding="utf-8") != content]
    assert not stale, "run python docs/make_family.py"
    assert {path.name for path in (DOCS / "images" / "family").iterdir()} == {
        path.split("/")[-1] for path in pages if path.endswith(".svg")
    }


def test_every_family_is_on_it():
    shown = {VARIANTS[member.name].builder.__module__ for member in script().MEMBERS}
    assert {family.__name__ for family in FAMILIES} == shown
