"""Each training study once at a tiny budget: the machinery, not the science."""

import math

import pytest
import torch
from torch import nn

from residuum import create_model
from residuum.data import open_data
from residuum.errors import InputError
from residuum.experiments import (
    STUDIES,
    causes,
    curves,
    data_need,
    dynamics,
    identity,
    identity_growth,
    skip_length,
    very_deep,
)
from residuum.experiments.form import Options, read_json
from residuum.experiments.study import run_study
from residuum.report.study_page import MARKS
from residuum.report.style import svg
from residuum.training import new_run
from residuum.training.records import read_numbers
from residuum.weights import load

TINY = {"data": "digits[:64,:40]", "epochs": 1, "batch_size": 32, "seeds": 2}
SMALLEST = {
    "very-deep": {"depths": (8, 11), "batch_size": 16},
    "shortcuts": {"depths": (8,)},
    "activations": {"depths": (8,)},
    "skip-length": {"depths": (8,)},
    "skip-length-convolutions": {"depths": (20,)},
    "identity": {"depths": (2, 4)},
    "causes": {"depths": (8, 14), "seeds": 1},
    "dynamics": {"depths": (6,)},
    "data-need": {"depths": (8,), "batch_size": 16},
    "identity-growth": {"depths": (8, 14), "epochs": 2},
}


@pytest.mark.parametrize("name", SMALLEST)
def test_it_runs_from_the_call_to_the_page(name, tmp_path):
    asked = {**TINY, **SMALLEST[name]}
    held = run_study(name, asked, tmp_path, workers=1, tell=lambda line: None)
    study = STUDIES[name]
    chosen = study.members(Options(**{**vars(study.DEFAULTS), **asked}))
    assert held["members"] == len(chosen) and all((tmp_path / member / "summary.csv").exists() for member in chosen)
    assert held["answer"].endswith(".") and held["findings"]
    assert all(finding["verdict"] in MARKS for finding in held["findings"])
    if asked["seeds"] == 1:
        assert held["answer"].startswith("One run of each")
        assert {finding["verdict"] for finding in held["findings"]} == {"too weak to say"}
    drawings = study.drawings(held["numbers"])
    assert drawings and all((tmp_path / f"{drawing.name}.{kind}").stat().st_size > 2000
                            for drawing in drawings for kind in ("png", "svg"))  # fmt: skip
    for table in study.tables(held["numbers"]):
        assert table.rows and {len(row) for row in table.rows} == {len(table.header)}
    assert read_json(tmp_path / "study.json")["numbers"] == held["numbers"]


@pytest.mark.parametrize(("name", "mebibytes"), [("cifar_resnet20", 1.31), ("cifar_resnet56", 3.94)])
def test_memory_is_what_the_literature_of_costs_says(name, mebibytes):
    # Known of the blocks alone; the stem keeps the picture, its convolution's output and its activation beside these.
    stem = 4 * (3 + 16 + 16) * 32 * 32
    saved = very_deep.saved_bytes_a_picture(create_model(name), (3, 32, 32)) - stem
    assert saved / 2**20 == pytest.approx(mebibytes, abs=0.006)


def test_a_network_that_diverges_at_once_has_no_time(tmp_path, monkeypatch):
    monkeypatch.setattr(very_deep, "RATE", 1e6)
    asked = {**TINY, "depths": (8, 14), "epochs": 2, "batch_size": 8}
    held = run_study("very-deep", asked, tmp_path, workers=1, tell=lambda line: None)
    assert held["numbers"]["milliseconds"]["plain-8"] == [None, None] and held["numbers"]["diverged"]["plain-8"] == 2
    assert "the deepest" in held["answer"] or held["answer"].startswith("No loss is shown to fall")


def test_the_participation_ratio_counts_dimensions():
    draws = torch.randn(4000, 8, generator=torch.Generator().manual_seed(0))
    assert dynamics.participation(draws) == pytest.approx(8, rel=0.02)
    assert dynamics.participation(draws[:, :1] @ torch.ones(1, 5) + 3) == pytest.approx(1)
    assert dynamics.participation(torch.ones(5, 3)) == 0


def test_norms_are_watched_where_skips_are_learnt():
    learnt = create_model("skip_mlp", depth=6, in_chans=1, image_size=8, wiring="learnt")
    cell = learnt.stages[0]
    with torch.no_grad():
        for skip in cell.skips.values():
            skip.weight.fill_(2.0)
        for normal in cell.normal:
            normal.weight.fill_(1.0)
    assert dynamics.watch(learnt, open_data("digits"), 0)["skip_to_normal"] == pytest.approx(2)
    plain = create_model("skip_mlp", depth=6, in_chans=1, image_size=8, wiring="plain")
    assert set(dynamics.watch(plain, open_data("digits"), 0)) == {"participation"}


def test_epochs_to_a_level_lie_between_epochs():
    assert curves.epochs_to([[50, 80, 90, 95], [95, 96, 97, 98], [1, 2, 3, 4]], 85) == [2.5, 1.0, None]


def test_a_perfect_copy_misses_nothing_and_the_mean_everything():
    inputs = identity.pictures(open_data("digits"), "val")
    assert inputs.shape == (359, 64) and inputs.min() >= 0 and inputs.max() == 1
    assert identity._missed(nn.Identity(), inputs) == 0
    assert identity._missed(lambda x: inputs.mean(0).expand_as(x), inputs) == pytest.approx(1)
    assert identity._missed(lambda x: x * math.inf, inputs) == 1
    with pytest.raises(InputError, match="multiples of 2 here, got 3; try 4"):
        identity.members(Options(depths=(3, 4)))


def test_small_initial_weights_are_small_and_change_nothing_else(tmp_path):
    settings = causes.members(Options(data="digits[:64]", depths=(8,), seeds=1))["plain-8-sgd-small-batch-seed0"]
    given = causes.start(tmp_path, "plain-8-sgd-small-batch-seed0", settings)
    model = load(given["weights"])
    stds = [layer.weight.std().item() for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    assert stds[1:] == pytest.approx([causes.SMALL] * len(stds[1:]), rel=0.1)
    assert {key: given[key] for key in settings} == settings
    assert causes.start(tmp_path, "plain-8-sgd-he-batch-seed0", settings) is settings


def test_learnt_skips_start_as_the_identities_that_they_are_held_against(tmp_path):
    chosen = skip_length.members(Options(data="digits[:64]", depths=(14,), seeds=2))
    assert {settings["model"] for settings in chosen.values()} == {"skip_mlp_bn"}
    twin = new_run(tmp_path / "twin", {**chosen["3-nonlinear-identity-seed1"], "val_split": 0.0}).model.eval()
    given = skip_length.start(tmp_path, "x", chosen["3-nonlinear-learnt-seed1"])
    learnt, images = load(given["weights"]).eval(), torch.rand(8, 1, 8, 8)
    assert torch.equal(learnt(images), twin(images))
    assert len(list(learnt.parameters())) == len(list(twin.parameters())) + 4
    assert skip_length.start(tmp_path, "y", chosen["plain-seed0"]) is chosen["plain-seed0"]


@pytest.mark.parametrize("depth", [2, 32])
def test_stacks_that_copy_differ_in_the_addition_alone(depth):
    inputs = identity.pictures(open_data("digits"), "val")
    stacks = {}
    for kind in identity.KINDS:
        torch.manual_seed(0)
        stacks[kind] = identity.stack(kind, depth, 64)
    plain, residual = (stacks[kind].state_dict() for kind in identity.KINDS)
    assert plain.keys() == residual.keys() and all(torch.equal(plain[key], residual[key]) for key in plain)
    assert stacks["plain"](inputs).var().item() == pytest.approx(1, rel=0.05)
    assert 1 < stacks["residual"](inputs).var() < depth
    assert identity._missed(stacks["residual"], inputs) == 1, "it must not start as a copy"
    for norm in stacks["residual"].norm[1::2]:
        nn.init.zeros_(norm.weight)
    assert identity._missed(stacks["residual"], inputs) == 0, "it holds the copy: branches that add nothing"


def test_the_gradient_ratio_tells_a_vanished_gradient():
    torch.manual_seed(0)
    alive = causes.watch(create_model("cifar_plain", depth=32, in_chans=1), open_data("digits"), 0)["gradient_ratio"]
    dead = create_model("cifar_plain", depth=32, in_chans=1, norm="none")
    for layer in dead.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=causes.SMALL)
    assert alive > causes.VANISHED > causes.watch(dead, open_data("digits"), 0)["gradient_ratio"]
    later = causes.watch(dead, open_data("digits"), 1)
    assert len(later["gradients"]) == 31 and max(later["gradients"]) < causes.VANISHED


def test_parts_of_the_data_see_as_many_pictures():
    chosen = data_need.members(Options(depths=(8,), epochs=4, seeds=1))
    pictures = {name: int(settings["data"].split(":")[1].rstrip("]")) for name, settings in chosen.items()}
    seen = [pictures[f"plain-{n}-seed0"] * chosen[f"plain-{n}-seed0"]["epochs"] for n in (1438, 719, 360, 180)]
    assert seen[0] == 4 * 1438 and all(4 * 1438 <= few < 4.2 * 1438 for few in seen)
    assert chosen["residual-90-seed0"]["epochs"] == 32, "at most eight times as many"


def test_a_chain_goes_on_with_the_grown_network(tmp_path):
    asked = {**TINY, "depths": (8, 14), "epochs": 2, "seeds": 1}
    run_study("identity-growth", asked, tmp_path, workers=1, tell=lambda line: None)
    shallow = load(tmp_path / "grown-8-seed0" / "last.safetensors")
    grown = load(tmp_path / "grown" / "grown-14-seed0.safetensors")
    images = torch.rand(3, 1, 8, 8)
    assert torch.equal(grown(images), shallow(images))
    with pytest.raises(InputError, match="through 2 depths needs as many epochs, got 1"):
        identity_growth.members(Options(depths=(8, 14), epochs=1))


def test_a_run_that_diverges_counts_as_guessing(tmp_path):
    from residuum.experiments.members import train_member

    given = {
        "data": "digits[:64,:40]",
        "model": "skip_mlp",
        "epochs": 2,
        "batch_size": 16,
        "lr": 1e6,
        "precision": "fp32",
        "threads": 1,
        "model_arguments": {"depth": 6, "in_chans": 1, "image_size": 8},
    }
    for _ in range(2):  # called again, it says the same
        history = train_member("", tmp_path, "wild-seed0", given)
        assert [row["epoch"] for row in history] == [1, 2]
        assert history[-1]["val_acc1"] == 10 and history[-1]["train_loss"] == pytest.approx(math.log(10))
        assert history[-1]["diverged"]


def test_the_ticks_of_a_logarithm_are_numbers():
    errors = {kind: {optimiser: {"2": [0.9, 1.0], "4": [0.01, 0.02]} for optimiser in identity.RATES}
              for kind in identity.KINDS}  # fmt: skip
    (figure, _) = (drawing.figure for drawing in identity.drawings({"depths": [2, 4], "errors": errors}))
    drawn = svg(figure, "error over depth")
    (line, *_), (label, *_) = figure.axes[0].lines, figure.axes[0].texts
    end = figure.axes[0].transData.transform((4, line.get_ydata()[-1]))
    assert label.xy[1] == pytest.approx(figure.axes[0].transAxes.inverted().transform(end)[1], abs=0.07)
    assert ">1<" in drawn and ">10<" in drawn and "mathdefault" not in drawn


def test_one_run_is_judged_over_blocks_of_its_steps(tmp_path):
    asked = {**TINY, "depths": (8,), "seeds": 1, "epochs": 4, "batch_size": 8}
    held = run_study("very-deep", asked, tmp_path, workers=1, tell=lambda line: None)
    steps = read_numbers(tmp_path / "residual-8-seed0" / "steps.csv")
    assert held["numbers"]["steps"] == len(steps) == 32
    assert held["numbers"]["blocks"]["residual-8"][0] == very_deep.block_means([row["loss"] for row in steps])
    assert [finding["half"] is not None for finding in held["findings"]] == [True] * 4
    assert "one run: interval over blocks of its steps" in held["findings"][0]["ours"]
    assert (tmp_path / "residual-8-seed0" / "last.safetensors").exists()


def test_blocks_of_steps_tell_a_fall_from_noise():
    noise = [2.3, 2.4, 2.2, 2.35, 2.25] * 6
    assert not very_deep.fall_interval(noise).below(0)
    falling = very_deep.fall_interval([2.3 - 0.05 * step + noise[step] - 2.3 for step in range(30)])
    assert falling.below(-1) and falling.mean == pytest.approx(-1.25)
    assert very_deep.fall_interval([2.0, None, 1.0]).low == -math.inf
    assert very_deep.block_means(range(60)) == pytest.approx([0.5 + 2 * block for block in range(30)])
    assert very_deep.block_means([1.0, math.inf]) == [1.0, None] and very_deep.block_means([]) == []


def test_very_deep_networks_have_plain_twins_of_their_own_kind():
    chosen = very_deep.members(Options(depths=(1001, 1202), seeds=1, epochs=2, batch_size=64))
    assert {name: settings["model"] for name, settings in chosen.items()} == {
        "residual-1001-seed0": "cifar_preact_resnet", "residual-1202-seed0": "cifar_resnet",
        "plain-1001-seed0": "cifar_preact_resnet", "plain-1202-seed0": "cifar_plain"}  # fmt: skip
    assert chosen["plain-1001-seed0"]["model_arguments"] == {"depth": 1001, "plain": True}
    assert all(settings["checkpoint_every"] == 25 for settings in chosen.values())


def test_conditions_can_be_chosen_and_the_reference_stays(tmp_path):
    options = Options(depths=(110,), seeds=2, only=("dropout", "constant_scaling"))
    chosen = STUDIES["shortcuts"].members(options)
    assert {name.rsplit("-", 1)[0] for name in chosen} == {"A", "dropout", "constant_scaling"}
    assert all(settings["warmup_lr"] == 0.01 for settings in chosen.values())
    for name, only in (("shortcuts", "dropout"), ("activations", "norm_after_add")):
        asked = {**TINY, "depths": (8,), "only": (only,)}
        held = run_study(name, asked, tmp_path / name, workers=1, tell=lambda line: None)
        assert held["members"] == 4 and len(held["findings"]) == 1 and f"--only {only}" in held["repeat"]
    with pytest.raises(
        InputError, match="--only names 'dropuot', which is not a condition of this study; did you mean"
    ):
        run_study("shortcuts", {**TINY, "only": ("dropuot",)}, tmp_path / "other")


def test_percents_of_the_images_see_as_many_images_and_seldom_validate(tmp_path):
    chosen = data_need.members(Options(data="digits[:400]", depths=(8,), epochs=2, seeds=1, only=("10", "100")))
    assert {name: (settings["epochs"], settings["validate_every"]) for name, settings in chosen.items()} == {
        f"{kind}-{count}-seed0": (2 * 400 // count, 400 // count)
        for kind in ("plain", "residual")
        for count in (40, 400)
    }
    asked = {**TINY, "data": "digits[:200,:40]", "depths": (8,), "only": ("10", "100")}
    held = run_study("data-need", asked, tmp_path, workers=1, tell=lambda line: None)
    assert [finding["half"] is not None for finding in held["findings"]] == [True] * 3
    assert len(held["numbers"]["curves"]["plain-20"]["val_acc1"][0]) == 10
