"""The lookup in a table of names, and what its error says."""

import pytest

from residuum.errors import InputError, pick

PARTS = {"add": 1, "gate": 2, "exclusive_gating": 3}


@pytest.mark.parametrize("name, value", [("add", 1), ("exclusive_gating", 3)])
def test_a_name_of_the_table_gives_its_part(name, value):
    assert pick(PARTS, name, "merge") == value


@pytest.mark.parametrize(
    "name, message",
    [
        ("gates", r"^merge must be one of add, gate, exclusive_gating, got 'gates'; did you mean gate\?$"),
        ("zzz", r"^merge must be one of add, gate, exclusive_gating, got 'zzz'$"),
        (["add"], r"^merge must be one of add, gate, exclusive_gating, got \['add'\]$"),  # YAML may hold a list
        (None, r"^merge must be one of add, gate, exclusive_gating, got None$"),
    ],
)
def test_any_other_value_is_refused_with_the_names(name, message):
    with pytest.raises(InputError, match=message):
        pick(PARTS, name, "merge")


def test_a_long_table_names_the_nearest_only():
    table = {f"model{number}": number for number in range(40)}
    with pytest.raises(InputError, match=r"^no model is named 'model399'; did you mean model39, .*\? `list` has all$"):
        pick(table, "model399", "model", listed=False, more=" `list` has all")


def test_numbers_are_names_too():
    assert pick({18: "a", 34: "b"}, 34, "depth") == "b"
    with pytest.raises(InputError, match=r"^depth must be one of 18, 34, got 19$"):
        pick({18: "a", 34: "b"}, 19, "depth")
