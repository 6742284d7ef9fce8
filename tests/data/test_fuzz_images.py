"""A small part of the fuzz over damaged image files (benchmarks/fuzz_images.py, 5,000 of them in `make soak`)."""

import importlib.util
from pathlib import Path

import pytest

from residuum.errors import ImageError

PATH = Path(__file__).parents[2] / "benchmarks" / "fuzz_images.py"


@pytest.fixture(scope="module")
def fuzzing():
    spec = importlib.util.spec_from_file_location("fuzz_images", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_hundred_damaged_files_are_read_or_refused(fuzzing, tmp_path):
    counts, _, _ = fuzzing.fuzz(100, 3, tmp_path)
    assert {kind for kind, _ in counts} == set(fuzzing.FORMATS)
    assert sum(counts.values()) == 100
    assert sum(count for (_, reason), count in counts.items() if reason == "read") >= 10
    assert not list(tmp_path.iterdir())


def test_a_file_is_a_function_of_seed_and_number(fuzzing):
    assert fuzzing.file_of(1, 5) == fuzzing.file_of(1, 5) != fuzzing.file_of(1, 6)


def test_the_fuzz_sees_what_is_raised(fuzzing, tmp_path, monkeypatch):
    def fail(path):
        raise TypeError("not the project's own")

    monkeypatch.setattr(fuzzing, "decode", fail)
    with pytest.raises(TypeError):
        fuzzing.fuzz(1, 0, tmp_path)

    def two_lines(path):
        raise ImageError(f"{path.name}\n")

    monkeypatch.setattr(fuzzing, "decode", two_lines)
    with pytest.raises(AssertionError, match="not one line"):
        fuzzing.fuzz(1, 0, tmp_path)
