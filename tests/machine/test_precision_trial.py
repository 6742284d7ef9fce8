"""The trial of precisions, devices by name, and memory that is kept."""

import platform
import subprocess
import sys

import pytest
import torch

from residuum import create_model
from residuum.errors import InputError
from residuum.machine.allocator import keep_freed_memory
from residuum.machine.precision import autocast
from residuum.machine.precision_trial import Trial, choose_device, choose_precision


def test_the_faster_precision_is_taken(monkeypatch):
    from residuum.machine import precision_trial as precision

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
    from residuum.machine import precision_trial as precision

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
    from residuum.machine import precision_trial as precision

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
        "from residuum.machine.allocator import keep_freed_memory\n"
        "print(keep_freed_memory() if sys.argv[1] == 'keep' else True)\n"
        "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(30): torch.ones(2**24)\n"  # the heap takes its shape in the first ten
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
