"""A compiled part is called only from the source that it was built from."""

import shutil
import warnings
from pathlib import Path

import pytest

import residuum.nn
from residuum.kernels import compiled as room

HERE = Path(residuum.nn.__file__).parent
PARTS = ["pool", "small_conv", "tail", "winograd"]


@pytest.fixture(params=PARTS)
def part(request, tmp_path, monkeypatch):
    """Return a part's name, and a folder with copies of its library and its source, which is looked into."""
    name = request.param
    if not list(HERE.glob(f"_{name}.*")):
        pytest.skip("the package was installed without a compiler")
    for path in [*HERE.glob(f"_{name}.*"), *HERE.glob(f"{name}.[ch]")]:
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(room, "HERE", tmp_path)
    return name, tmp_path


def test_the_library_serves_beside_its_source_and_without_it(part):
    name, folder = part
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert room.compiled(name) is not None
        for path in folder.glob(f"{name}.[ch]"):
            path.unlink()
        assert room.compiled(name) is not None


def test_beside_a_source_that_has_changed_it_is_passed_over(part):
    name, folder = part
    for path in folder.glob(f"{name}.[ch]"):
        before = path.read_text()
        path.write_text(before + "\n")
        with pytest.warns(match=rf"_{name}.* was built from another {name}.c; run `pip install -e .` again"):
            assert room.compiled(name) is None
        path.write_text(before)
    assert room.compiled(name) is not None


def test_of_two_libraries_the_one_that_fits_is_called_without_a_word(part):
    name, folder = part
    (right,) = folder.glob(f"_{name}.*")
    old = folder / f"_{name}.an-older-one.so"
    for source in folder.glob(f"{name}.[ch]"):
        source.unlink()
    shutil.copy(right, old)
    other = "winograd" if name == "pool" else "pool"
    shutil.copy(next(HERE.glob(f"_{other}.*")), old)  # which has no such function
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert room.compiled(name) is not None
    right.unlink()
    with pytest.warns(match=rf"_{name}.an-older-one.so was built from another {name}.c"):
        assert room.compiled(name) is None


def test_a_file_that_is_no_library_is_passed_over(part):
    name, folder = part
    for path in folder.glob(f"_{name}.*"):
        path.write_bytes(b"of another platform")
    assert room.compiled(name) is None
