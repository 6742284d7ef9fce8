"""The front door: the public names, and what opening it costs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import residuum
from residuum import errors

# Adding a name is a promise: it stays.
PUBLIC = {
    "Description",
    "DiskError",
    "Diverged",
    "ImageError",
    "InputError",
    "Interrupted",
    "LaunchFailed",
    "OutOfMemory",
    "ParityFailed",
    "Preprocessing",
    "ProcessLost",
    "ResiduumError",
    "StudyFailed",
    "__version__",
    "create_model",
    "evaluate",
    "list_models",
    "load",
    "open_data",
    "predict",
    "save",
    "train_model",
}


def test_the_public_names():
    assert set(residuum.__all__) == PUBLIC
    assert set(dir(residuum)) == PUBLIC
    assert all(getattr(residuum, name) is not None for name in PUBLIC)


def test_the_table_and_the_list_agree():
    assert set(residuum._ROOMS) | {"__version__"} == set(residuum.__all__)


def test_import_loads_no_torch():
    heavy = ["torch", "torchvision", "numpy", "PIL", "matplotlib", "sklearn", "safetensors", "rich", "typer"]
    code = f"import sys, residuum; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


LIGHT = """import sys, residuum
try:
    raise residuum.Diverged("x")
except residuum.ResiduumError as error:
    print(error.exit_code, residuum.errors.InputError is residuum.InputError, "torch" in sys.modules)
"""


def test_errors_load_no_torch():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "True", "False"]


def test_the_whole_tree_of_errors_is_public_and_drawn():
    """The page and the module draw each error below its parent, with its exit code."""
    kinds, todo = set(), [residuum.ResiduumError]
    while todo:
        kind = todo.pop()
        kinds.add(kind)
        todo += [child for child in kind.__subclasses__() if child.__module__.startswith("residuum")]
    assert {kind.__name__ for kind in kinds} | {"Interrupted"} == {name for name in PUBLIC if name in dir(errors)}
    page = (Path(__file__).parents[1] / "docs" / "python.md").read_text(encoding="utf-8")
    for kind in kinds:
        for text in (page, errors.__doc__):
            line = next(line for line in text.splitlines() if re.match(rf"\W*{kind.__name__}\b", line))
            assert str(kind.exit_code) in line


@pytest.mark.parametrize("room", residuum._MODULES)
def test_rooms_are_attributes(room):
    assert getattr(residuum, room).__name__ == f"residuum.{room}"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'residuum' has no attribute 'nonsense'"):
        residuum.nonsense  # noqa: B018


def test_the_version_is_the_packages():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert residuum.__version__ == project["project"]["version"]
