"""Several seeds, and two ways side by side."""

import csv

import pytest

from residuum.errors import InputError
from residuum.runs.protocol import (
    Protocol,
    new_protocol,
    open_member,
    read_protocol,
    settled_by,
    told,
    write_table,
)
from residuum.settings import parse_setting
from residuum.training import train
from residuum.training.result import Result

SMALL = {"data": "digits[:200,:50]", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]},
         "epochs": 1, "batch_size": 64, "threads": 1}  # fmt: skip


def result(acc1):
    return Result(1, "the last epoch", "every fifth image", 50, acc1, 100.0, 0.5)


def test_settings_are_read_by_their_kind():
    assert parse_setting("lr=1e-3") == ("lr", 0.001)
    assert parse_setting("weight-decay=0") == ("weight_decay", 0.0)
    assert parse_setting("epochs=3") == ("epochs", 3)
    assert parse_setting("balanced=true") == ("balanced", True)
    assert parse_setting("opt=adamw") == ("opt", "adamw")
    assert parse_setting("milestones=[0.3, 0.6]") == ("milestones", [0.3, 0.6])
    assert parse_setting("depth=56") == ("depth", 56)


@pytest.mark.parametrize(
    ("text", "message"),
    [("lr", "expected SETTING=VALUE, such as lr=0.05, got 'lr'; give its value too"),
     ("epoch=3", "got 'epoch=3'; did you mean epochs"),
     ("epochs=3.5", "epochs must be a whole number, got '3.5'"), ("lr=fast", "lr must be a number, got 'fast'"),
     ("flip=maybe", "flip must be True or False, got 'maybe'"), ("milestones=[", "milestones must be")],
)  # fmt: skip
def test_settings_that_cannot_be_read(text, message):
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        parse_setting(text)


def test_the_second_configuration_is_laid_over_the_first(tmp_path):
    protocol = new_protocol(tmp_path / "p", 2, dict(SMALL), ["opt=adamw", "depth=14"])
    first, second = protocol.configurations().values()
    assert first == SMALL
    assert second == {**SMALL, "opt": "adamw", "model_arguments": {"depth": 14, "widths": [4, 8, 8]}}
    assert read_protocol(tmp_path / "p") == protocol
    assert list(Protocol(2, SMALL, {}).configurations()) == ["first"]


def test_what_cannot_be_run(tmp_path):
    with pytest.raises(InputError, match="seeds, how many runs, must be at least 1, got 0"):
        new_protocol(tmp_path / "a", 0, dict(SMALL))
    with pytest.raises(InputError, match="leave --seed out"):
        new_protocol(tmp_path / "a", 2, {**SMALL, "seed": 3})
    with pytest.raises(InputError, match="no recipe is named 'he2014'"):
        new_protocol(tmp_path / "a", 2, dict(SMALL), ["recipe=he2014"])
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("")
    with pytest.raises(InputError, match=r"is in use; choose another --output, or resume with residuum train --resume"):
        new_protocol(tmp_path / "a", 2, dict(SMALL))


def test_members_differ_by_seed_alone_and_are_gone_on_with(tmp_path):
    one = open_member(tmp_path / "0", SMALL, 0, {})
    settled = settled_by(tmp_path / "0")
    two = open_member(tmp_path / "1", SMALL, 1, settled)
    differing = {k for k, v in vars(one.settings).items() if v != getattr(two.settings, k)}
    assert differing == {"seed"}
    for _ in train(two, report=False):
        pass
    again = open_member(tmp_path / "1", SMALL, 1, {})
    assert list(train(again, report=False)) == []
    with pytest.raises(InputError, match="seed: saved 1, asked 2"):
        open_member(tmp_path / "1", SMALL, 2, {})


def test_the_difference_is_the_paired_t_interval():
    """By hand: differences 1, 2, 3: mean 2, deviation 1, t(0.975, 2) = 4.3027, half 4.3027 / sqrt(3) = 2.4841."""
    results = {"first": [result(a) for a in (90, 91, 92)], "second": [result(a) for a in (91, 93, 95)]}
    lines = told(results, Protocol(3, SMALL, {"lr": 0.1}))
    assert lines[0] == "accuracy on 50 images (every fifth image); the last epoch of each run"
    assert lines[1] == "first: 91.00 ± 1.00 % over 3 seeds (each: 90.00, 91.00, 92.00)"
    assert lines[2].startswith("second (lr=0.1): 93.00 ± 2.00 %")
    assert "+2.00 points, 95 % interval -0.48 to +4.48 (Student's t, 3 pairs): no difference is shown" in lines[3]


@pytest.mark.parametrize(
    ("others", "said"),
    [((92, 93, 94.1), "the second has more"), ((88, 89, 90.1), "the second has less"), ((95,), "one pair tells no")],
)
def test_what_a_difference_says(others, said):
    results = {"first": [result(a) for a in (90, 91, 92)][: len(others)], "second": [result(a) for a in others]}
    assert said in told(results, Protocol(3, SMALL, {"lr": 0.1}))[-1]


def test_the_table_has_a_row_a_run(tmp_path):
    write_table(tmp_path, {"first": [result(90), result(91)]})
    with (tmp_path / "seeds.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["configuration"], row["seed"], row["acc1"]) for row in rows] == [
        ("first", "0", "90"),
        ("first", "1", "91"),
    ]
