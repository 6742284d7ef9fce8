"""The studies of trained networks, from the call to the page: the machinery, not the science."""

import shutil

import pytest

from residuum.analysis.corruption import FIFTEEN
from residuum.experiments import STUDIES
from residuum.experiments.form import Options, Workspace, read_json
from residuum.experiments.measuring import chance, network_of, twin_depths
from residuum.experiments.members import train_members, twins
from residuum.experiments.study import run_study, study_data
from residuum.training.records import read_rows

TINY = {"data": "digits[:64,:64]", "depths": (8,), "seeds": 2, "epochs": 3, "batch_size": 32}
NETWORK_STUDIES = ("features", "landscape", "lesions", "responses", "robustness")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a folder of trained twins, which every study here adopts."""
    folder = tmp_path_factory.mktemp("twins")
    dict(
        event
        for event in train_members(twins(Options(**TINY)), folder, study="landscape", workers=1)
        if not isinstance(event, int)
    )
    return folder


@pytest.fixture(autouse=True)
def few_points(monkeypatch):
    """Look at a landscape in fewer places than a study would."""
    monkeypatch.setattr(STUDIES["features"], "STEPS", 2)
    for name, value in {"LINE": 9, "DIRECTIONS": 1, "GRID": 3, "WAY": 3}.items():
        monkeypatch.setattr(STUDIES["landscape"], name, value)


@pytest.mark.parametrize("name", NETWORK_STUDIES)
def test_twins_are_measured_and_their_page_is_written(name, trained, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(trained, folder)
    held = run_study(name, TINY, folder, workers=1, tell=lambda line: None)
    assert set(held["numbers"]["subjects"]) == set(twins(Options(**TINY)))
    assert all(found["pictures"] == 64 for found in held["numbers"]["subjects"].values())
    page = study_data(folder)
    assert page.findings and page.tables and page.drawings and held["answer"].endswith((".", ")"))
    assert all((folder / f"{drawing.name}.{suffix}").stat().st_size > 999
               for drawing in page.drawings for suffix in ("png", "svg"))  # fmt: skip
    before = {path: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()}
    assert run_study(name, TINY, folder, workers=1, tell=lambda line: None) == held
    assert before == {
        path: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()
    }  # nothing is measured twice


@pytest.mark.parametrize("name", NETWORK_STUDIES)
def test_a_model_of_ones_own_is_studied_without_training(name, trained, tmp_path):
    given = {"data": "digits[:64,:64]", "model": str(trained / "residual-8-seed0")}
    held = run_study(name, given, tmp_path, tell=lambda line: None)
    assert list(held["numbers"]["subjects"]) == ["model"] and held["members"] == 0
    assert study_data(tmp_path).drawings and "--model" in held["repeat"]


def test_a_budget_sets_how_many_pictures_are_looked_at(trained, tmp_path):
    given = {"data": "digits", "model": str(trained / "plain-8-seed0")}
    held = run_study("lesions", given, tmp_path, budget=1e-4, tell=lambda line: None)
    assert (
        held["numbers"]["subjects"]["model"]["pictures"] == 100 == read_json(tmp_path / "parts/pictures.json")["value"]
    )


def test_names_of_networks():
    assert network_of("plain-20-seed1") == "plain-20" and network_of("model") == "model"
    assert twin_depths({"plain-20": 0, "residual-20": 0, "residual-56": 0}) == [20]
    assert chance({"classes": 4}) == 75


@pytest.mark.parametrize(
    "plain, residual, words", [(80, 10, "protects ("), (50, 50, "is not shown"), (10, 80, "worse")]
)
def test_the_sentence_on_lesions_follows_the_numbers(plain, residual, words):
    def one(error, shift):
        return {
            "blocks": ["a", "b"], "borders": ["b"], "intact": 5, "single": {"a": error + shift, "b": error},
            "several": {"1": [error], "2": [90]}, "swapped": [], "pictures": 9,
        }  # fmt: skip

    errors = {"plain": plain, "residual": residual}
    subjects = {f"{kind}-8-seed{s}": one(error, (s + 1) * (1 if kind == "plain" else 1.2))
                for kind, error in errors.items() for s in range(3)}  # fmt: skip
    assert words in STUDIES["lesions"].answer({"data": "x", "classes": 10, "subjects": subjects})


def test_a_way_is_drawn_where_epochs_were_kept(trained, tmp_path):
    member = shutil.copytree(trained / "plain-8-seed0", tmp_path / "plain-8-seed0")
    epochs = sorted((member / "epochs").iterdir())
    assert [path.name for path in epochs] == ["0001.safetensors", "0002.safetensors", "0003.safetensors"]
    assert epochs[-1].read_bytes() == (member / "last.safetensors").read_bytes()
    numbers = STUDIES["landscape"].measure(Workspace(tmp_path, Options(**TINY), {"plain-8-seed0": []}, print))
    way = numbers["subjects"]["plain-8-seed0"]["way"]
    assert len(way["places"]) == 3 and way["places"][-1] == [0, 0] and len(way["losses"]) == 9
    assert sum(way["explained"]) == pytest.approx(1)  # three points lie in a plane
    names = [drawing.name for drawing in STUDIES["landscape"].drawings(numbers)]
    assert names == ["lines", "statistics", "contour-plain-8", "surface-plain-8", "way-plain-8"]


def test_the_fifteen_corruptions_are_asked_for_by_one_word(trained, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(trained, folder)
    held = run_study("robustness", {**TINY, "only": ("cifar-10-c",)}, folder, workers=1, tell=lambda line: None)
    one = held["numbers"]["subjects"]["plain-8-seed0"]["corruptions"]
    assert list(one) == list(FIFTEEN) and all(rows["strengths"] == [0, 1, 3, 5] for rows in one.values())
    assert "Averaged over all corruptions" in held["findings"][-1]["claim"] and len(held["findings"]) == 31
    drawn = {drawing.name for drawing in study_data(folder).drawings}
    assert drawn == set(FIFTEEN)


def test_ensembles_average_the_seeds_and_count_hits(trained, tmp_path):
    asked = {**TINY, "runs": str(trained)}
    held = run_study("ensembles", asked, tmp_path, tell=lambda line: None)
    views = held["numbers"]["views"]
    assert list(views) == ["centre", "flip", "ten-crop", "multi-scale"]
    assert held["numbers"]["networks"] == ["residual-8-seed0", "residual-8-seed1"]
    for one in views.values():
        assert one["together"][0][0] == pytest.approx(one["alone"][0]) and one["gain"][0] == [0, 0, 0]
        low, high = one["together"][1][1:]
        assert low <= one["together"][1][0] <= high
    assert views["centre"]["alone"][0] == pytest.approx(
        float(epochs_of(trained / "residual-8-seed0")[-1]["val_acc1"]), abs=1e-4
    )
    assert len(held["findings"]) == 3 + 4 and study_data(tmp_path).drawings


def epochs_of(run):
    """Return the run's epochs."""
    return read_rows(run / "summary.csv")


def test_runs_of_a_recipe_are_members_whatever_their_names(trained, tmp_path):
    for seed in (0, 1):
        shutil.copytree(trained / f"residual-8-seed{seed}", tmp_path / "runs" / f"seed-{seed}")
    asked = {"data": TINY["data"], "only": ("flip",), "runs": str(tmp_path / "runs")}
    held = run_study("ensembles", asked, tmp_path / "study", tell=lambda line: None)
    assert held["numbers"]["networks"] == ["seed-0", "seed-1"] and list(held["numbers"]["views"]) == ["centre", "flip"]
