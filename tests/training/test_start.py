"""What a run starts from: a name, weights, or a model that was built."""

import pytest
import torch
from torch import nn

import residuum
from residuum import create_model, load, train_model
from residuum.compat import import_torchvision
from residuum.errors import InputError
from residuum.settings.file import read_settings
from residuum.training import Step, new_run, resumed_run, train
from residuum.training.start import START, starting_from

SMALL = {"epochs": 1, "batch_size": 32, "precision": "fp32", "threads": 1, "tell": lambda line: None}
DATA = "digits[:64,:32]"
WIDTHS = (4, 8, 8)


def built(**arguments):
    torch.manual_seed(5)
    return create_model("cifar_resnet", depth=8, widths=WIDTHS, in_chans=1, **arguments)


def test_a_model_that_was_built_is_trained_as_new_weights(tmp_path):
    model = built()
    first = {name: value.clone() for name, value in model.state_dict().items()}
    found = train_model(DATA, output=tmp_path / "run", model=model, **SMALL)
    assert found.description.arguments["widths"] == list(WIDTHS)
    assert all(value.equal(first[name]) for name, value in model.state_dict().items()), "a copy is trained"
    settings = read_settings(tmp_path / "run" / "config.yaml")
    assert settings.weights == str(tmp_path / "run" / START)
    assert settings.sched == "onecycle" and settings.lr == pytest.approx(0.1 * 32 / 128)  # no fine-tuning
    start = load(tmp_path / "run" / START)
    assert torch.equal(start.stem.conv.weight, model.stem.conv.weight)


def test_its_run_resumes_before_the_first_checkpoint_and_ends_with_the_same_bytes(tmp_path):
    given = {"data": DATA, **{key: value for key, value in SMALL.items() if key != "tell"}}
    for name in ("whole", "broken"):
        with starting_from(built(), tmp_path / name, given) as settings:
            run = new_run(tmp_path / name, settings)
        if name == "whole":
            list(train(run, report=False))
        else:
            assert isinstance(next(iter(train(run, report=False))), Step)  # and no checkpoint
    list(train(resumed_run(tmp_path / "broken", {}), report=False))
    ends = [(tmp_path / name / "last.safetensors").read_bytes() for name in ("whole", "broken")]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("kind", ["file", "run"])
def test_weights_in_a_names_place(tmp_path, kind):
    residuum.save(built(), tmp_path / "old" / "model.safetensors")
    named = tmp_path / "old" / "model.safetensors" if kind == "file" else str(tmp_path / "old")
    train_model(DATA, output=tmp_path / "new", model=named, lr=0.01, **SMALL)
    assert read_settings(tmp_path / "new" / "config.yaml").weights == str(named)


def test_other_classes_get_a_new_classifier(tmp_path):
    found = train_model(DATA, output=tmp_path / "run", model=built(num_classes=3), **SMALL)
    assert found.num_classes == 10


def test_a_module_of_torchvision_is_taken_over(tmp_path):
    torch.manual_seed(0)
    theirs = import_torchvision().models.resnet18(num_classes=10).eval()
    with starting_from(theirs, tmp_path / "run", {}) as settings:
        start = load(settings["weights"])
        images = torch.randn(2, 3, 64, 64)
        torch.testing.assert_close(start(images), theirs(images), rtol=1e-4, atol=1e-4)


def changed_activation():
    model = built()
    for block in model.stages.modules():
        if hasattr(block, "activation"):
            block.activation = nn.Tanh()
    return model


def frozen():
    model = built()
    model.stem.requires_grad_(False)
    return model


def another_layer():
    model = built()
    model.stem.add_module("more", nn.Conv2d(4, 4, 1))
    return model


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (lambda: nn.Linear(64, 10), "takes a module that a file can rebuild, so that its run can resume, got Linear"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "got Sequential: .* train yours step by step"),
        (changed_activation, "answers otherwise: parts without weights were changed; build it with arguments"),
        (frozen, r"stem.conv.weight, .* of the model are frozen; .* say freeze=N"),
        (another_layer, "model must be what its description builds"),
    ],
)
def test_a_module_that_no_file_rebuilds_leaves_nothing(tmp_path, model, says):
    with pytest.raises(InputError, match=says):
        train_model(DATA, output=tmp_path / "run", model=model(), **SMALL)
    assert not (tmp_path / "run").exists()


def test_a_setting_that_does_not_fit_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="epochs"):
        train_model(DATA, output=tmp_path / "run", model=built(), **{**SMALL, "epochs": 0})
    assert not (tmp_path / "run").exists()


def test_a_folder_in_use_stays_as_it_was(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="must be a new or empty folder"):
        train_model(DATA, output=tmp_path, model=built(), **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_two_sources_of_weights(tmp_path):
    with pytest.raises(InputError, match=r"weights='a.pth' must not stand beside a model that has its own"):
        train_model(DATA, output=tmp_path / "run", model=built(), weights="a.pth", **SMALL)


def test_a_misspelt_name(tmp_path):
    with pytest.raises(InputError, match="no model is named 'ResNet-50'; it is resnet50 here"):
        train_model(DATA, output=tmp_path / "run", model="ResNet-50", **SMALL)
