"""The studies of gradients, from the call to the page: the machinery, not the science."""

import pytest

from residuum.experiments import STUDIES
from residuum.experiments.form import Options
from residuum.experiments.members import train_members, twins
from residuum.experiments.study import run_study, study_data

TINY = {"data": "digits[:32,:16]", "depths": (8,), "seeds": 2, "epochs": 1, "batch_size": 16}
FIGURES = {
    "gradients": {"likeness-by-depth", "size-by-block", "likeness-by-epoch", "rope-by-epoch"},
    "paths": {"shares-residual-8", "single-paths"},
    "effective-depth": {"effective-depth"},
    "lstm-and-depth": {"carousel-and-stream", "error-time", "error-depth"},
}


def quiet(line):
    pass


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return what each study holds after a tiny run, by name, made when it is first asked for."""
    made = {}

    def run(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            made[name] = folder, run_study(name, TINY, folder, workers=1, tell=quiet)
        return made[name]

    return run


@pytest.mark.parametrize("name", FIGURES)
def test_a_study_leaves_its_page_and_figures(name, finished):
    folder, held = finished(name)
    page = study_data(folder)
    assert {drawing.name for drawing in page.drawings} == FIGURES[name]
    assert all((folder / f"{figure}.{suffix}").stat().st_size > 999
               for figure in FIGURES[name] for suffix in ("png", "svg"))  # fmt: skip
    assert page.findings and page.tables and held["answer"].endswith(".")
    assert all(len(row) == len(table.header) for table in page.tables for row in table.rows)
    assert len({finding.claim for finding in page.findings}) == len(page.findings)


def test_gradients_are_watched_from_before_training_on(finished):
    _, held = finished("gradients")
    rows = held["numbers"]["trained"]["residual-8"][0]
    assert [row["epoch"] for row in rows] == [0, 1]
    assert all(row["sizes"][-1] == pytest.approx(1) and len(row["sizes"]) == 4 for row in rows)
    assert rows[0]["rope"] > 0 and held["numbers"]["trained"]["plain-8"][0][0]["rope"] == 0
    new = held["numbers"]["new"]
    assert set(new) == {f"{kind}, {norm}" for kind in ("plain", "residual") for norm in ("batch norm", "no norm")}
    assert new["residual, batch norm"]["8"][0]["likeness"] == pytest.approx(
        rows[0]["likeness"]
    )  # the member, untrained


def test_shares_of_paths_add_up(finished):
    _, held = finished("paths")
    for state in ("new", "trained"):
        for one in held["numbers"]["networks"]["residual-8"][state]:
            assert sum(one["shares"]) == pytest.approx(1) and len(one["shares"]) == 4
            assert one["single"]["0"] == 1


def test_branches_that_start_at_zero_start_without_depth(finished):
    _, held = finished("effective-depth")
    networks = held["numbers"]["networks"]
    assert [row[0] for row in networks["zero-8"]["depth"]] == [0, 0]
    assert all(0 < depth < 3 for row in networks["he-8"]["depth"] for depth in row)


def test_carousel_and_stream_keep_the_error(finished):
    _, held = finished("lstm-and-depth")
    numbers = held["numbers"]
    for axis, name in (("time", "LSTM of 1997, f = 1"), ("depth", "residual blocks")):
        assert all(abs(value) < 1e-12 for row in numbers[axis][name]["direct"] for value in row)
    assert numbers["depth"]["plain blocks"]["direct"][0][1:] == [None] * 8
    assert "kept exactly in LSTM of 1997, f = 1 and in residual blocks" in held["answer"]


@pytest.mark.parametrize("name", ["gradients", "paths"])
def test_a_model_of_ones_own_is_studied_without_training(name, tmp_path):
    member = {name: row for name, row in twins(Options(**TINY)).items() if name == "residual-8-seed0"}
    dict(event for event in train_members(member, tmp_path, workers=1) if not isinstance(event, int))
    given = {"data": TINY["data"], "model": str(tmp_path / "residual-8-seed0")}
    held = run_study(name, given, tmp_path / "study", tell=quiet)
    assert held["members"] == 0 and held["answer"] and study_data(tmp_path / "study").drawings


def test_verdicts_follow_the_numbers():
    study = STUDIES["effective-depth"]
    rising = {"blocks": 6, "depth": [[1.0, 2.0, 3.0], [1.1, 2.0, 3.2], [0.9, 2.1, 3.1]], "train": [[50.0, 60.0]] * 3}
    falling = {**rising, "depth": [row[::-1] for row in rising["depth"]]}
    for network, verdict in ((rising, "shown"), (falling, "opposite shown")):
        numbers = {"data": "digits", "networks": {"he-14": network}}
        assert {finding.verdict for finding in study.findings(numbers)} == {verdict}
    flat = {**rising, "depth": [[1.0, 2.0, 1.5], [2.0, 1.0, 1.4], [1.0, 2.0, 1.7]]}
    assert {f.verdict for f in study.findings({"data": "digits", "networks": {"he-14": flat}})} == {"too weak to say"}


def test_paths_are_judged_against_half_of_the_blocks():
    study = STUDIES["paths"]
    short = [
        {"shares": [0.5, 0.3, 0.1, 0.1, 0.0], "single": {"0": 1.0, "2": 0.1 + 0.01 * k, "4": 0.01}} for k in range(3)
    ]
    numbers = {"data": "digits", "networks": {"residual-20": {"trained": short}}}
    verdicts = {finding.claim: finding.verdict for finding in study.findings(numbers)}
    assert set(verdicts.values()) == {"shown"} and len(verdicts) == 2
    long = [{**one, "shares": one["shares"][::-1]} for one in short]
    first = study.findings({"data": "digits", "networks": {"residual-20": {"trained": long}}})[0]
    assert first.verdict == "opposite shown"
