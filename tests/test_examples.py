"""The examples in public docstrings: each name has one, and they run, in a folder with a run and some photographs.

An example finds ``residuum``, ``torch`` and the public names of all rooms.
"""

import doctest
import inspect
import sys
from importlib import import_module

import pytest
import torch
from PIL import Image

import residuum
from residuum.training import new_run, train

ROOMS = (
    "residuum", "residuum.models", "residuum.nn", "residuum.data", "residuum.evaluation", "residuum.weights",
    "residuum.deploy", "residuum.training", "residuum_runtime",
)  # fmt: skip

RUN = {"data": "digits[:64,:32]", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]},
       "epochs": 1, "batch_size": 32, "precision": "fp32"}  # fmt: skip

PUBLIC = {
    f"{room}.{name}": value
    for room in ROOMS
    for name in import_module(room).__all__
    if inspect.isclass(value := getattr(import_module(room), name)) or inspect.isfunction(value)
}
ONCE = list({id(value): name for name, value in reversed(PUBLIC.items())}.values())
FINDER = doctest.DocTestFinder(exclude_empty=True)


def examples_of(value, names):
    """Return a name's examples; of a class, those of its methods too."""
    found = FINDER.find(value, value.__qualname__, module=sys.modules[value.__module__], globs=names)
    return [test for test in found if test.examples]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with ``runs/mine``, trained on digits for an epoch, and ``PHOTOS/CLASS/*.png``."""
    root = tmp_path_factory.mktemp("examples")
    torch.set_num_threads(1)
    run = new_run(root / "runs" / "mine", RUN)
    list(train(run, report=False))
    pixels = residuum.open_data("digits").train.pixels
    for number in range(20):
        place = root / "PHOTOS" / ("cat", "dog")[number % 2] / f"{number // 2}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[number, 0].numpy()).resize((40 + number, 40)).convert("RGB").save(place)
    return root


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example(name):
    assert examples_of(PUBLIC[name], {}), f"{name} needs a >>> example in its docstring"


@pytest.mark.parametrize("name", ONCE)
def test_examples_run(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RESIDUUM_CACHE", str(folder / "cache"))
    public = {key.rpartition(".")[2]: value for key, value in PUBLIC.items()}
    tables = {key: getattr(residuum.nn, key) for key in ("JOINTS", "ORDERS")}
    runner, said = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS), []
    for test in examples_of(PUBLIC[name], {**public, **tables, "residuum": residuum, "torch": torch}):
        runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


def test_a_name_without_an_example_is_found():
    assert not examples_of(folder, {})
