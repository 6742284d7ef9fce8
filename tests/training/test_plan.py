import dataclasses
import platform
import subprocess
import sys

import pytest
import torch

from residuum import create_model
from residuum.data import ArrayImages, Augmentation, Dataset, FileImages, open_data
from residuum.errors import InputError
from residuum.training import plan as planning
from residuum.training.allocator import keep_freed_memory
from residuum.training.plan import make_plan
from residuum.training.precision import Trial, autocast, choose_device, choose_precision


def photographs(tmp_path, count=2_000, side=400):
    files = FileImages(tmp_path, [f"{n}.jpg" for n in range(count)], torch.arange(count) % 2)
    return Dataset(
        "photos", ["cat", "dog"], files, files, (0.5,) * 3, (0.2,) * 3, (side, side), Augmentation(4, True), "all"
    )


@pytest.mark.parametrize("name", ["digits"])
def test_built_in_sets_have_their_defaults(name):
    values = make_plan(open_data(name), {"data": name}).values
    assert values["model"] == "cifar_resnet20"
    assert values["image_size"] == [8, 8]
    assert values["model_arguments"] == {"in_chans": 1, "num_classes": 10}
    assert values["workers"] == 0


def test_what_the_user_says_is_kept():
    given = {
        "data": "digits",
        "model": "cifar_resnet56",
        "epochs": 3,
        "lr": 0.7,
        "batch_size": 7,
        "opt": "adamw",
        "seed": 5,
    }
    assert given.items() <= make_plan(open_data("digits"), given).values.items()
    assert make_plan(open_data("digits"), {"num_classes": 12}).values["model_arguments"]["num_classes"] == 12
    with pytest.raises(InputError, match="no optimiser is named 'sdg'; did you mean sgd"):
        make_plan(open_data("digits"), {"opt": "sdg"})
    with pytest.raises(InputError, match="digits has 10 classes, so num_classes must be at least that, got 9"):
        make_plan(open_data("digits"), {"num_classes": 9})


@pytest.mark.parametrize(
    ("macs_per_second", "count", "expected"),
    [(1e15, 2_000, ("resnet18", 224)), (1e15, 6_000, ("resnet34", 224)), (1e15, 200, ("resnet18", 128)),
     (3e10, 2_000, ("cifar_resnet32", 64)), (1e9, 2_000, ("cifar_resnet20", 48))],
)  # fmt: skip
def test_model_and_size_fit_the_pictures_and_the_machine(tmp_path, monkeypatch, macs_per_second, count, expected):
    monkeypatch.setattr(planning, "training_macs_per_second", lambda: macs_per_second)
    plan = make_plan(photographs(tmp_path, count), {})
    assert (plan.values["model"], plan.values["image_size"]) == (expected[0], [expected[1]] * 2)
    assert f"{count:,} images" in plan.reasons["model"]


def test_small_pictures_are_not_blown_up(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "training_macs_per_second", lambda: 1e15)
    assert make_plan(photographs(tmp_path, side=100), {}).values["image_size"] == [128, 128]
    assert make_plan(photographs(tmp_path, side=60), {}).values["image_size"] == [64, 64]


def test_fewer_pictures_get_more_epochs_and_smaller_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "training_macs_per_second", lambda: 1e15)
    few, many = (make_plan(photographs(tmp_path, count), {}).values for count in (200, 20_000))
    assert few["epochs"] > many["epochs"]
    assert few["batch_size"] < many["batch_size"]
    assert few["lr"] < many["lr"]


@pytest.mark.parametrize(
    ("given", "message"),
    [({"epochs": 0}, "epochs must be at least 1, got 0"), ({"lr": -1.0}, "lr must not be negative, got -1"),
     ({"label_smoothing": 1.0}, "must be below 1"), ({"epochs": 2, "warmup_epochs": 2}, "must be below epochs"),
     ({"loss": "hinge"}, "no loss is named 'hinge'"), ({"mixup": -0.1}, "must not be negative, got -0.1"),
     ({"auto_augment": "auto"}, "auto_augment must be"), ({"random_erasing": 2.0}, "must be 0 to 1, got 2.0"),
     ({"milestones": [0.7, 0.3]}, r"must rise between 0 and 1, got \[0.7, 0.3\]"), ({"decay": "none"}, "got 'none'"),
     ({"crop_scale": 0.0}, "crop_scale must be above 0 and at most 1"), ({"gamma": 2.0}, "gamma must be above 0"),
     ({"backbone_lr": -1.0}, "backbone_lr must be above 0"),
     ({"grad_accum": 0}, "grad_accum must be at least 1, got 0"), ({"clip_grad": -1.0}, "clip_grad must be at least 0"),
     ({"ema": 1.0}, "ema, a decay, must be below 1"), ({"keep": 0}, "keep must be at least 1, got 0"),
     ({"views": "six"}, "views must be one of"),
     ({"pad_mode": "edge"}, "pad_mode must be zeros or reflect, got 'edge'"),
     ({"flip_mode": "never"}, "flip_mode must be random or alternate, got 'never'"),
     ({"head_lr": 0.0}, "head_lr and lr, which it is set in relation to, must be above 0, got 0.0"),
     ({"bias_lr": 1.0, "lr": 0.0}, "bias_lr and lr, .* must be above 0"),
     ({"early_epochs": 2}, "go together, got 2 and None"), ({"early_size": [8, 8]}, "go together, got 0 and"),
     ({"validate_every": 2, "choose": "best"}, "1 where the best epoch is chosen, got 2; give --choose last"),
     ({"validate_every": 0}, "validate_every must be at least 1")],
)  # fmt: skip
def test_numbers_that_make_no_sense(given, message):
    with pytest.raises(InputError, match=message):
        make_plan(open_data("digits"), given)


def test_files_are_refused_what_only_pictures_in_memory_can_have(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "training_macs_per_second", lambda: 1e15)
    for key, value in {"pad_mode": "reflect", "flip_mode": "alternate", "whiten": True}.items():
        with pytest.raises(InputError, match=f"{key} is for images in memory, and these are files"):
            make_plan(photographs(tmp_path / key), {key: value})


def test_pictures_in_memory_go_to_the_cifar_networks():
    digits = open_data("digits")
    assert isinstance(digits.train, ArrayImages)
    plan = make_plan(dataclasses.replace(digits, name="mine"), {})
    assert plan.values["model"] == "cifar_resnet20"
    assert "8x8" in plan.reasons["model"]


def test_the_faster_precision_is_taken(monkeypatch):
    from residuum.training import precision

    monkeypatch.setattr(precision, "recall", lambda name: {})
    rates = {"fp32": 100.0, "bf16": 150.0}
    monkeypatch.setattr(precision, "remember", lambda *given: None)
    monkeypatch.setattr(precision, "_training_rates", lambda *given: ({name: rates[name] for name in given[3]}, True))
    model = create_model("cifar_resnet", depth=8)
    assert choose_precision(model, (3, 8, 8), "cpu") == Trial("bf16", rates)
    rates["fp32"] = 200.0
    assert choose_precision(model, (3, 8, 8), "cpu").precision == "fp32"
    assert choose_precision(model, (3, 8, 8), "cpu", "bf16") == Trial("bf16", {"bf16": 150.0})
    assert "fp32 made 200 images/s" in choose_precision(model, (3, 8, 8), "cpu").reason


def test_a_trial_is_made_once_for_each_network_and_number_of_threads(monkeypatch, tmp_path):
    from residuum.training import precision

    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path))
    tried, steady = [], [True]
    found = {"fp32": 1.0, "bf16": 2.0}
    monkeypatch.setattr(precision, "_training_rates", lambda *given: (tried.append(given[3]) or found, steady[0]))
    model = create_model("cifar_resnet", depth=8)
    first = choose_precision(model, (3, 8, 8), "cpu")
    assert choose_precision(model, (3, 8, 8), "cpu") == first == Trial("bf16", found)
    assert tried == [("fp32", "bf16")]
    choose_precision(model, (3, 16, 16), "cpu")
    choose_precision(create_model("cifar_resnet", depth=14), (3, 8, 8), "cpu")
    choose_precision(model, (3, 8, 8), "cpu", kernels="fused")
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        choose_precision(model, (3, 8, 8), "cpu")
    finally:
        torch.set_num_threads(threads)
    assert len(tried) == 5
    steady[0] = False  # a busy machine tells nothing that is worth remembering
    (tmp_path / "precisions.json").write_text("no JSON")
    for _ in range(2):
        assert "the next run tries again" in choose_precision(model, (3, 8, 8), "cpu").reason
    assert len(tried) == 7


def test_a_trial_on_a_busy_machine_is_not_steady(monkeypatch):
    from residuum.training import precision

    model = create_model("cifar_resnet", depth=8)
    times = iter([1.0, 2.0, 1.3, 2.1, 1.4, 2.5, 1.5, 2.2, 1.0, 2.0, 1.1, 2.1, 1.4, 2.5, 1.5, 2.2] + 8 * [1.0])
    monkeypatch.setattr(precision, "_step", lambda *given: lambda: None)
    monkeypatch.setattr(precision, "_seconds", lambda *given: next(times))
    load = [0.0]
    monkeypatch.setattr(precision.os, "getloadavg", lambda: (load[0], 9.0, 9.0))
    monkeypatch.setattr(precision, "usable_cores", lambda: 4)
    arguments = model, (3, 8, 8), "cpu", ("fp32", "bf16"), "plain"
    assert precision._training_rates(*arguments) == ({"fp32": 32.0, "bf16": 16.0}, False)
    assert precision._training_rates(*arguments) == ({"fp32": 32.0, "bf16": 16.0}, True)
    load[0] = 2.1  # both slow alike, or one by chance only
    assert precision._training_rates(*arguments) == ({"fp32": 32.0, "bf16": 32.0}, False)


def test_freed_memory_is_kept_where_glibc_is(monkeypatch):
    """Asked of a process of its own: large tensors are then made without new pages."""
    code = (
        "import resource, torch, sys\n"
        "from residuum.training.allocator import keep_freed_memory\n"
        "print(keep_freed_memory() if sys.argv[1] == 'keep' else True)\n"
        "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(3): torch.ones(2**24)\n"
        "before = faults()\n"
        "for _ in range(10): torch.ones(2**24)\n"
        "print(faults() - before)\n"
    )
    if platform.libc_ver()[0] != "glibc":
        assert keep_freed_memory() is False
        return
    faults = {}
    for how in ("keep", "leave"):
        said = subprocess.run([sys.executable, "-c", code, how], capture_output=True, text=True, check=True)
        done, faults[how] = said.stdout.split()
        assert done == "True"
    assert int(faults["keep"]) < 0.1 * int(faults["leave"])


def test_the_trial_leaves_the_model_and_the_random_state_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path))
    model = create_model("cifar_resnet", depth=8)
    before, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    choose_precision(model, (3, 8, 8), "cpu")
    assert all(value.equal(before[key]) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.get_rng_state().equal(state)


def test_precisions_and_devices_by_name():
    layer = torch.nn.Linear(2, 2)
    with autocast("bf16", "cpu"):
        assert layer(torch.zeros(1, 2)).dtype == torch.bfloat16
    with autocast("fp32", "cpu"):
        assert layer(torch.zeros(1, 2)).dtype == torch.float32
    with pytest.raises(InputError, match="precision must be auto, fp32 or bf16, got 'fp8'"):
        choose_precision(layer, (1, 1, 1), "cpu", "fp8")
    with pytest.raises(InputError, match="device must be auto, cpu, cuda or mps, got 'tpu'"):
        choose_device("tpu")
    assert choose_device("cpu") == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="device cuda was asked for, but torch sees none"):
            choose_device("cuda")


def test_the_cache_is_at_least_what_evaluation_resizes_to(tmp_path):
    photos, given = photographs(tmp_path), {"model": "cifar_resnet20", "image_size": [32, 32], "epochs": 1}
    assert make_plan(photos, given).values["cache"] == 0
    plan = make_plan(photos, {**given, "cache": "auto"})
    assert (plan.values["cache"], plan.values["resize"], plan.values["workers"]) == (37, 37, 0)
    assert plan.reasons["cache"].startswith("what evaluation resizes to")
    assert make_plan(photos, {**given, "cache": 64}).values["cache"] == 64
    with pytest.raises(InputError, match="at least 37 pixels, which evaluation resizes .*, got 36; leave --cache-size"):
        make_plan(photos, {**given, "cache": 36})
