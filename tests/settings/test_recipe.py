"""What recipes set, what flags change in them, and what may be claimed at the end."""

import dataclasses

import pytest
import torch
from settling import settled

from residuum import create_model, train_model
from residuum.data import ArrayImages, open_data
from residuum.errors import InputError
from residuum.optim.optimisers import build_optimiser
from residuum.settings.recipe import (
    changes,
    parse_recipe,
    read_recipe,
    recipe_names,
    recipe_text,
    told,
    verdict,
    with_recipe,
)
from residuum.training.epochs import schedule_of

FIXED = {"device": "cpu", "precision": "fp32", "strict": False}


def cifar10():
    """Return something with the name and the classes of CIFAR-10, and no pictures to speak of."""
    train, val = (
        ArrayImages(torch.zeros(1, 1, 1, 1, dtype=torch.uint8).expand(count, 3, 32, 32), torch.arange(count) % 10)
        for count in (50_000, 10_000)
    )
    digits = dataclasses.replace(open_data("digits"), val_is_test=True)
    return dataclasses.replace(digits, name="cifar10", train=train, val=val, mean=(0.5,) * 3, std=(0.2,) * 3)


def settings(**given):
    return settled(cifar10(), **{"recipe": "he2015-cifar", **FIXED, **given}).settings


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_short_sourced_and_has_a_band_with_an_origin(name):
    recipe = read_recipe(name)
    assert 8 <= len(recipe_text(name).splitlines()) <= 20
    assert max(map(len, recipe_text(name).splitlines())) <= 120
    assert not recipe.published or recipe.settings["choose"] == "last", "the papers report the last epoch"
    assert recipe.source
    assert not recipe.published or (recipe.band > 0 and recipe.band_from)


def test_he2015_is_what_the_paper_says():
    chosen = settings()
    assert (chosen.opt, chosen.lr, chosen.momentum, chosen.weight_decay, chosen.decay) == ("sgd", 0.1, 0.9, 1e-4, "all")
    assert (chosen.batch_size, chosen.pad, chosen.flip, chosen.label_smoothing) == (128, 4, True, 0)
    factor = schedule_of(chosen, 390)
    assert [factor(step) for step in (0, 31_979, 31_980, 47_969, 47_970, 63_959)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )
    deep = schedule_of(settings(model="cifar_resnet110"), 390)
    assert [deep(step) for step in (0, 399, 400, 31_000)] == pytest.approx([0.1, 0.1, 1, 1])


def test_all_parameters_decay_where_the_paper_lets_them():
    model = create_model("cifar_resnet", depth=8)
    decaying, others = build_optimiser(
        "sgd", model, lr=0.1, momentum=0.9, weight_decay=1e-4, decay="all"
    ).param_groups  # fmt: skip
    assert len(decaying["params"]) == len(list(model.parameters()))
    assert others["params"] == []
    with pytest.raises(InputError, match="decay must be matrices or all, got 'some'"):
        build_optimiser("sgd", model, lr=0.1, momentum=0.9, weight_decay=1e-4, decay="some")


def test_flags_go_before_the_recipe_and_are_told():
    cut = settings(epochs=20, mixup=0.2)
    assert (cut.epochs, cut.lr) == (20, 0.1)
    assert changes(cut, read_recipe(cut.recipe)) == {"epochs": "20 instead of 164", "mixup": "0.2 instead of 0.0"}
    assert "scaled to 20 epochs (the rate falls after epochs 10 and 15)" in told(cut)
    assert changes(settings(seed=3, threads=1), read_recipe(settings(seed=3, threads=1).recipe)) == {}
    assert with_recipe({"epochs": 3}) == {"epochs": 3}


def test_other_data_keep_their_own_variation():
    assert "flip" not in with_recipe({"recipe": "he2015-cifar", "data": "digits"})
    assert with_recipe({"recipe": "he2015-cifar"})["data"] == "cifar10"


@pytest.mark.parametrize(
    ("error", "place"), [(8.75, "inside"), (8.45, "inside"), (9.05, "inside"), (9.2, "above"), (8.3, "below")]
)
def test_a_whole_run_is_set_beside_the_band(error, place):
    said = verdict(settings(), cifar10(), error)
    assert said.endswith(f"published 8.75, band 8.4..9.1, this run {error:.2f}, {place}")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 20}, "this run 8.70 with epochs 20 instead of 164: nothing is claimed"),
        ({"val_split": 0.1}, "with val_split 0.1 instead of 0.0: nothing is claimed"),
        ({"choose": "best"}, "with choose best instead of last: nothing is claimed"),
        ({"weights": "x"}, "with weights x instead of None: nothing is claimed"),
        ({"model_arguments": {"shortcut": "B"}}, "with shortcut B asked for: nothing is claimed"),
        ({"model": "cifar_plain20"}, "no result is published for cifar_plain20; this run 8.70"),
        ({"batch_size": 64, "grad_accum": 2}, "this run 8.70, inside"),
    ],
)
def test_nothing_is_claimed_for_what_is_not_the_recipe(given, said):
    assert said in verdict(settings(**given), cifar10(), 8.7)


def test_nothing_is_claimed_before_the_end_or_for_other_pictures():
    assert "the run has not ended, nothing is claimed" in verdict(settings(), cifar10(), None)
    for other in ({"name": "fashion_mnist"}, {"train": cifar10().val}, {"val": cifar10().train}):
        said = verdict(settings(), dataclasses.replace(cifar10(), **other), 8.7)
        assert said.endswith("images) instead of cifar10: nothing is claimed")


def test_a_folder_with_imagenets_numbers_is_imagenet():
    recipe, data = read_recipe("timm-a3"), cifar10()
    labels = torch.arange(1_281_167) % 1000
    train, val = (ArrayImages(torch.zeros(1, 1, 1, 1).expand(n, 3, 8, 8), labels[:n]) for n in (1_281_167, 50_000))
    folder = dataclasses.replace(data, name="/pictures", train=train, val=val, classes=list(map(str, range(1000))))
    chosen = settled(folder, recipe="timm-a3", **FIXED).settings
    assert changes(chosen, read_recipe(chosen.recipe)) == {}
    assert verdict(chosen, folder, 22.0).endswith("published 21.90, band 21.6..22.2, this run 22.00, inside")
    assert recipe.settings["train_size"] == [160, 160]


def test_a_recipe_without_a_model_takes_that_of_the_weights():
    assert "model" not in with_recipe({"recipe": "finetune", "data": "digits"})


def test_names_and_keys_that_are_wrong():
    with pytest.raises(InputError, match="no recipe is named 'he2015'; did you mean he2015-cifar"):
        read_recipe("he2015")
    with pytest.raises(InputError, match="missing or unknown: settings, sorce"):
        parse_recipe("mine", "source: me\nsorce: me\n")
    with pytest.raises(InputError, match="recipe mine sets epoch, which is no setting; did you mean epochs"):
        parse_recipe("mine", "source: me\nsettings: {epoch: 3}\n")
    with pytest.raises(InputError, match="recipe mine is not YAML"):
        parse_recipe("mine", "source: [")


OWN = "source: me, at home\nsettings: {model: cifar_resnet20, lr: 0.3, epochs: 2, train_size: 8}\n"


def test_a_recipe_lies_in_a_file_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    for name in ("mine.yaml", str(tmp_path / "mine.yaml"), "./mine.yaml"):
        asked = with_recipe({"recipe": name, "data": "digits", "lr": 0.1})
        assert (asked["lr"], asked["epochs"], asked["train_size"]) == (0.1, 2, [8, 8])
        assert recipe_text(name) == OWN
    run = settled(open_data("digits"), recipe="mine.yaml", epochs=3).settings
    assert told(run).startswith("mine.yaml (me, at home); changed: epochs 3 instead of 2")
    assert verdict(run, open_data("digits"), 8.7) is None, "nothing is published"
    (tmp_path / "mine.yaml").unlink()
    assert told(run) == "mine.yaml (the file has gone)"
    assert verdict(run, open_data("digits"), 8.7) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("source: me\nsettings: {opt: sdg}", r"recipe \S+/mine.yaml: opt must be one of .* did you mean sgd"),
     ("source: me\nsettings: {optimizer: sgd}", "sets optimizer, which is no setting; did you mean opt"),
     ("source: me\nsettings: {depth: 8}", "sets depth, which is no setting; it is an argument of the model"),
     ("source: me\nsettings: [lr, 0.1]", "must hold settings by name under settings, got"),
     ("source: me\nsettings: {lr: 1e-3}", "lr must be a number, got '1e-3' .without quotes; YAML takes 1e-3 for text"),
     ("source: me\nsettings: {}\nmodels: {cifar_resnet20: {flip: 1}}", "flip must be True or False, got 1"),
     ("settings: {}", "missing or unknown: source"), ("- a list", "missing or unknown: settings, source")],
)  # fmt: skip
def test_a_file_that_is_no_recipe_is_refused_before_anything_is_written(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        train_model("digits", output=tmp_path / "run", recipe=str(tmp_path / "mine.yaml"))
    assert not (tmp_path / "run").exists()


def test_a_recipe_that_is_not_there_is_told_from_a_name(tmp_path):
    with pytest.raises(InputError, match=r"recipe \S+/x.yaml cannot be read .*; give a YAML file, or a name: "):
        read_recipe(str(tmp_path / "x.yaml"))
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_recipe(str(tmp_path / "x.yaml"))
