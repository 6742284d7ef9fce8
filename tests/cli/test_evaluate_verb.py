"""``residuum evaluate`` on small networks whose weights nobody trained: the numbers are checked against the parts."""

import json

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import residuum
from residuum.cli import app
from residuum.cli.evaluating import said_of
from residuum.errors import InputError
from residuum.evaluation import combine, predictions_of
from residuum.evaluation.bootstrap import gain_interval, score_intervals
from residuum.evaluation.calibration import Calibration, Reliability, calibrate, reliability


def run(*arguments):
    """Run the command in this process; what the user can mend is raised."""
    done = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return two files of small networks that look at digits, at eight pixels."""
    folder, made = tmp_path_factory.mktemp("files"), []
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = residuum.create_model("cifar_resnet", depth=8, in_chans=1)
        model.description.preprocessing = residuum.Preprocessing((8, 8), (0.3,), (0.4,))
        model.description.classes = [str(digit) for digit in range(10)]
        residuum.save(model, folder / f"{seed}.safetensors")
        made.append(folder / f"{seed}.safetensors")
    return made


@pytest.fixture(scope="module")
def members(files):
    digits = residuum.open_data("digits")
    return [predictions_of(residuum.load(file), digits, views="flip") for file in files]


def test_one_file_with_all_that_is_measured(files, members):
    found = json.loads(run("evaluate", files[0], "--data", "digits", "--views", "flip", "--calibration", "--json"))
    scores = members[0].scores
    assert (found["pictures"], found["top1"], found["top5"]) == (359, scores.top1, scores.top5)
    assert found["loss"] == pytest.approx(scores.loss)
    assert found["ece"] == pytest.approx(reliability(members[0]).ece)
    assert found["intervals"] == {name: list(ends) for name, ends in score_intervals(scores).items()}
    assert found["intervals_are"] == "95 % percentile bootstrap over the images, 2000 resamples, seed 0"
    fitted = calibrate(members[0])
    assert found["calibration"]["temperature"] == pytest.approx(fitted.temperature)
    assert (found["calibration"]["fitted_on"], found["calibration"]["measured_on"]) == (179, 180)
    assert found["calibration"]["ece_after"] == pytest.approx(fitted.after.ece)
    assert list(found["per_class"].values()) == pytest.approx(scores.per_class.tolist())


def test_in_bf16_the_numbers_are_bf16s_and_that_is_said(files, tmp_path):
    loss = residuum.evaluate(residuum.load(files[0]), "digits", precision="bf16").loss
    command = ("evaluate", files[0], "--data", "digits", "--precision", "bf16")
    found = json.loads(run(*command, "--json"))
    assert (found["precision"], found["loss"]) == ("bf16", pytest.approx(loss))
    assert json.loads(run(*command[:-2], "--json"))["loss"] != found["loss"]
    assert "in bf16" in run(*command, "--output", tmp_path / "page")
    assert "in bf16" in (tmp_path / "page" / "report.html").read_text()


def test_an_export_has_a_precision_of_its_own(files, tmp_path):
    run("export", files[0], "--to", "torch", "--output", tmp_path / "export")
    with pytest.raises(InputError, match="export computes in its exported precision; leave --precision"):
        run("evaluate", tmp_path / "export", "--data", "digits", "--precision", "bf16")


def test_several_files_are_an_ensemble(files, members):
    found = json.loads(run("evaluate", *files, "--data", "digits", "--views", "flip", "--json"))
    whole = combine(members).scores
    assert found["top1"] == whole.top1
    assert [one["top1"] for one in found["members"]] == [one.scores.top1 for one in members]
    assert [one["model"] for one in found["members"]] == found["models"] == list(map(str, files))
    best = max(members, key=lambda one: one.scores.top1)
    assert found["gain"]["points"] == whole.top1 - best.scores.top1
    assert found["gain"]["interval"] == list(gain_interval(whole, best.scores))


def test_people_are_told_the_same(files, members):
    printed = run("evaluate", *files, "--data", "digits", "--views", "flip", "--calibration")
    whole = combine(members).scores
    assert f"Acc@1 {whole.top1:.2f} % (" in printed
    assert "359 images of digits (val: every fifth image); seen: the middle and its mirror image" in printed
    assert "0.safetensors\t" in printed and "2 averaged\t" in printed
    assert "fitted on 179 images; on the 180 others, which had no part in it, ECE goes from" in printed
    assert "paired by image" in printed


def test_scales_are_read_and_told(files):
    found = json.loads(
        run("evaluate", files[0], "--data", "digits", "--views", "multi-scale", "--scales", "8,10", "--json")
    )
    assert found["scales"] == [8, 10]
    digits, model = residuum.open_data("digits"), residuum.load(files[0])
    assert found["top1"] == residuum.evaluate(model, digits, views="multi-scale", scales=(8, 10)).top1


def test_what_views_may_do_to_these_pictures_is_told(files):
    done = CliRunner().invoke(app, ["evaluate", str(files[0]), "--data", "digits", "--views", "multi-scale"])
    assert "note: these views contain mirrored images, which training on this data does not use" in done.stderr
    assert "note: training on this data uses one scale only" in done.stderr
    assert "shorter sides the scales of He15 in proportion to the network's size" in done.stdout
    assert "note" not in run("evaluate", files[0], "--data", "digits")


def test_a_page_is_written(files, tmp_path):
    run("evaluate", files[0], "--data", "digits", "--output", tmp_path / "page", "--bins", "10")
    names = {path.name for path in (tmp_path / "page").iterdir()}
    assert names == {"report.html", "confusion.png", "per_class.png", "reliability.png"}
    page = (tmp_path / "page" / "report.html").read_text()
    assert "<h2>Calibration</h2>" in page and "The worst mistakes" in page
    assert "0.90 to 1.00" in page, "ten bins"


def test_a_model_that_knows_more_classes_has_a_page_too(tmp_path):
    """The confusion matrix has a row for each class that the model knows, the data set's first."""
    model = residuum.create_model("cifar_resnet", depth=8, in_chans=1, num_classes=12)
    model.description.preprocessing = residuum.Preprocessing((8, 8), (0.3,), (0.4,))
    model.description.classes = ["x", *map(str, reversed(range(10))), "y"]
    residuum.save(model, tmp_path / "twelve.safetensors")
    run("evaluate", tmp_path / "twelve.safetensors", "--data", "digits", "--output", tmp_path / "page")
    assert "report.html" in {path.name for path in (tmp_path / "page").iterdir()}


def test_wrong_input_is_told(files):
    cases = {
        ("--views", "tencrop"): "views must be one of centre, flip, ten-crop, shifts, multi-scale, got 'tencrop'",
        ("--scales", "8,10"): "--scales is for --views multi-scale, got --views centre",
        ("--views", "multi-scale", "--scales", "8;10"): "--scales must be comma-separated whole numbers",
        ("--views", "multi-scale", "--scales", "8,0"): "scales are shorter sides in pixels, at least 1, got 0",
        ("--split", "test"): "digits has no test images; take --split train or val or all",
        ("--precision", "fp8"): "precision must be fp32 or bf16, got 'fp8'",
        ("--bins", "0"): "bins must be at least 1, got 0",
        ("--device", "tpu"): "device must be auto, cpu, cuda or mps, got 'tpu'",
    }
    for arguments, expected in cases.items():
        with pytest.raises(InputError, match=expected):
            run("evaluate", files[0], "--data", "digits", *arguments)


@pytest.fixture
def zeros(tmp_path):
    """Return a folder of images of one digit, without train/ and val/."""
    folder = tmp_path / "held-out"
    (folder / "0").mkdir(parents=True)
    (folder / "1").mkdir()
    for place in range(6):
        Image.new("L", (8, 8), 40 * place).save(folder / "0" / f"{place}.png")
    return folder


@pytest.fixture
def colour_files(files, tmp_path):
    """Return two files of networks of colour images: in a run's folder that was trained on held-out/, and alone."""
    model = residuum.create_model("cifar_resnet", depth=8)
    model.description.preprocessing = residuum.Preprocessing((8, 8), (0.3,) * 3, (0.4,) * 3)
    model.description.classes = [str(digit) for digit in range(10)]
    places = [tmp_path / "run" / "model.safetensors", tmp_path / "alone.safetensors"]
    for place in places:
        residuum.save(model, place)
    (tmp_path / "run" / "config.yaml").write_text(f"data: {tmp_path / 'held-out'}\n")
    return places


def test_a_class_without_an_image_has_no_figure_and_that_is_noted(zeros, colour_files):
    done = CliRunner().invoke(app, ["evaluate", str(colour_files[1]), "--data", str(zeros)], catch_exceptions=False)
    note = "--split all has no image of 1; its figures cover 1 of 2 classes"
    assert f"note: {note}" in done.stderr.splitlines()
    assert "1\tno image" in done.stdout.splitlines() and "nan" not in done.stdout
    found = json.loads(run("evaluate", colour_files[1], "--data", zeros, "--json"))
    assert found["pictures"] == 6
    assert note in found["notes"] and found["per_class"]["1"] is None


def test_models_that_know_a_folder_and_others_need_a_split(zeros, colour_files):
    for order in (colour_files, colour_files[::-1]):
        with pytest.raises(
            InputError, match="some of the models were trained on .*held-out and others were not; choose"
        ):
            run("evaluate", *order, "--data", zeros)
    assert json.loads(run("evaluate", *colour_files, "--data", zeros, "--split", "all", "--json"))["split"] == "all"


@pytest.mark.parametrize(
    ("temperature", "said"),
    [
        (1.2345, "Temperature 1.234, fitted on 1 image; on the 1 other, which"),
        (1000.0, "Temperature 1000, the end of the search, fitted on 1 image; on the 1 other, which"),
        (0.001, "Temperature 0.001, the end of the search, fitted"),
    ],
)
def test_a_temperature_at_the_end_of_the_search_is_called_so(temperature, said):
    bins = Reliability([1], [0.5], [1.0])
    assert said_of(Calibration(temperature, 1, bins, bins, 1.0, 1.0)).startswith(said)
