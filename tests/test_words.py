"""One word for one thing: what a reader sees says image; names in files and calls that stay say picture."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import residuum

SOURCE = Path(residuum.__file__).parents[1]
FILES = sorted(path for room in ("residuum", "residuum_runtime") for path in (SOURCE / room).rglob("*.py"))
WORD = re.compile(r"(?<!--)\bpictures?\b", re.IGNORECASE)
# Keys of JSON, names of files and formats, the input of ONNX files with preprocessing, classes of the stylesheet.
NAMES = {"picture", "pictures", "Picture", "pictures.npz", "residuum pictures 1", '<ul class="pictures">\n'}


def sentences(source: str, verbs: bool) -> Iterator[tuple[int, str]]:
    """Yield the texts of a file with their lines; of docstrings those of verbs alone, which help prints."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(source)
    inner = {id(node.body[0].value) for node in ast.walk(tree)
             if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and (verbs or id(node) not in inner):
            yield node.lineno, node.value


@pytest.mark.parametrize("room", sorted({path.relative_to(SOURCE).parts[:2][-1] for path in FILES}))
def test_texts_say_image(room: str) -> None:
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {text}"
        for path in FILES
        if room in path.relative_to(SOURCE).parts and path.name != "stylesheet.py"
        for line, text in sentences(path.read_text(encoding="utf-8"), "cli" in path.parts)
        if WORD.search(text) and text not in NAMES
    ]
    assert not found, "\n".join(found)


def test_recipes_say_image() -> None:
    recipes = sorted((SOURCE / "residuum" / "settings" / "recipes").glob("*.yaml"))
    assert recipes and not [path.name for path in recipes if WORD.search(path.read_text(encoding="utf-8"))]


def test_sentences_are_found_in_every_form() -> None:
    source = '"""A picture."""\ndef verb():\n    """Show pictures."""\n    print(f"{1} picture of", "--pictures 3")\n'
    assert [line for line, text in sentences(source, verbs=False) if WORD.search(text)] == [4]
    assert [line for line, text in sentences(source, verbs=True) if WORD.search(text)] == [1, 3, 4]
