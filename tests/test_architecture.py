"""The structure is the product: imports point only downward, and what is light stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import residuum

PACKAGE = Path(residuum.__file__).parent

LEVELS = [
    ["nn", "optim"],
    ["kernels", "models", "data"],
    ["weights", "machine"],
    ["evaluation", "report"],
    ["settings"],
    ["parallel", "analysis", "deploy"],
    ["training"],
    ["runs", "bench", "experiments"],
    ["cli"],
]
LEVEL = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}


def imported_rooms(path: Path) -> set[str]:
    """Return the rooms that a file imports, wherever in the file."""
    here = path.relative_to(PACKAGE.parent).with_suffix("").parts
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(here[: len(here) - node.level]) if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            modules = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found |= {parts[1] for module in modules if (parts := module.split("."))[0] == "residuum" and len(parts) > 1}
    return found & set(LEVEL)


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_only_downward(path):
    room = path.relative_to(PACKAGE).parts[0]
    upward = {other for other in imported_rooms(path) - {room} if LEVEL[other] >= LEVEL[room]}
    assert not upward, f"{room} (level {LEVEL[room]}) may not import {sorted(upward)}"


FACES = {"__init__.py", "__main__.py"}  # they hand names on, lazily, and start the command line
ROOT_FILES = sorted(path for path in PACKAGE.glob("*.py") if path.name not in FACES)


@pytest.mark.parametrize("path", ROOT_FILES, ids=lambda path: path.name)
def test_root_files_import_no_room(path):
    assert not imported_rooms(path)


def test_every_folder_is_a_room_and_every_room_a_folder():
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()} == set(LEVEL)


def test_the_reader_of_imports_sees_all_forms(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path / "residuum")
    file = tmp_path / "residuum" / "nn" / "x.py"
    file.parent.mkdir(parents=True)
    file.write_text("def f():\n    from ..data import y\n    from .. import models\n    import residuum.cli.train\n")
    assert imported_rooms(file) == {"data", "models", "cli"}


HEAVY = {"torch", "torchvision", "numpy", "matplotlib", "sklearn", "scipy"}
LIGHT = (["-c", "import residuum"], ["-m", "residuum", "--help"], ["-m", "residuum", "train", "--help"])


@pytest.mark.parametrize("arguments", LIGHT, ids=" ".join)
def test_the_light_parts_load_nothing_heavy(arguments):
    done = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True)
    loaded = {line.rsplit("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "residuum" in loaded
    assert not HEAVY & loaded
