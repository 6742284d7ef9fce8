import json
import subprocess
import sys

from PIL import Image

from residuum.cli.data import _facts


def residuum(*arguments):
    return subprocess.run([sys.executable, "-m", "residuum", *map(str, arguments)], capture_output=True, text=True)


def test_stats_are_a_table_for_people_and_json_for_programs(digit_folder, tmp_path):
    Image.new("RGB", (90, 70), "red").save(digit_folder / "digit-0" / "large.png")
    (digit_folder / "digit-1" / "damaged.png").write_bytes(b"no picture")
    done = residuum("data", "stats", digit_folder, "--size", 16, "--cache-size", 20)
    assert done.returncode == 0, done.stderr
    for line in (
        "   classes  3, of 20 to 21 images",
        "   largest  digit-0/large.png: 70x90",
        "unreadable  digit-1/damaged.png: cannot identify image file",
        "digit-0\t21\t1.00",
        "digit-1\t20\t0.95",
        "with --cache an epoch's images take ",
    ):
        assert line in done.stdout, line
    found = json.loads(residuum("data", "stats", digit_folder, "--size", 16, "--cache-size", 20, "--json").stdout)
    assert found["pictures"] == 62
    assert set(found["images_per_core_second"]) >= {"read", "decode", "all, from a cache"}
    missing = residuum("data", "stats", tmp_path / "nowhere")
    assert missing.returncode == 2
    assert missing.stderr.startswith("error: expected a folder of images, but ")


def test_stats_name_what_is_left_out(digit_folder):
    (digit_folder / "digit-0" / ".thumbnails").mkdir()
    Image.new("RGB", (9, 9)).save(digit_folder / "digit-0" / ".thumbnails" / "small.png")
    (digit_folder / "digit-1" / "labels.csv").write_text("a,b")
    done = residuum("data", "stats", digit_folder, "--size", 16, "--cache-size", 20)
    notes = [
        "left out 1 image in hidden or system folders: digit-0/.thumbnails (1)",
        "left out 1 file that no image decoder here reads: 1 .csv",
    ]
    for note in notes:
        assert f"       note  {note}" in done.stdout.splitlines()
    found = json.loads(residuum("data", "stats", digit_folder, "--size", 16, "--cache-size", 20, "--json").stdout)
    assert found["notes"] == notes


def test_facts_of_images_of_one_size_and_of_classes_of_one_count():
    one = {"least": 1, "median": 1, "most": 1, "sum": 2}
    sides = {"train": 1, "val": 1, "test": 0}
    found = {"folder": "photos", "pictures": 2, "sides": sides, "val_is": "val", "classes": {"a": 1, "b": 1},
             "formats": {"PNG L": 2}, "bytes": one, "height": {**one, "least": 8, "most": 8, "median": 8}, "width": one,
             "smallest": {"name": "a/1.png", "height": 8, "width": 1}, "sample": 2, "mean": [0.5], "std": [0.1],
             "largest": {"name": "a/1.png", "height": 8, "width": 1}, "unreadable": []}  # fmt: skip
    facts = _facts(found)
    assert (facts["classes"], facts["height"], facts["width"]) == ("2, of 1 image each", "8 pixels", "1 pixel")
    assert facts["bytes"] == "0.0 MB; a file has 1 byte"
    found["width"] = {"least": 1, "median": 2, "most": 9}
    assert _facts(found)["width"] == "1 to 9 pixels, half of them up to 2"
