"""The front door: the public names, and what opening it costs."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import residuum

# Adding a name is a promise: it stays.
PUBLIC = {
    "Description",
    "Preprocessing",
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


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'residuum' has no attribute 'nonsense'"):
        residuum.nonsense  # noqa: B018


def test_the_version_is_the_packages():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert residuum.__version__ == project["project"]["version"]
