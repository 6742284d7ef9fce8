"""Memory that does not suffice: by the words that torch uses, and for real in a process that may have little."""

import subprocess
import sys

import pytest
import torch

from residuum import train_model
from residuum.training import Step, new_run, train
from residuum.training.memory import OutOfMemory, is_out_of_memory, largest_batch, telling_memory

SMALL = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "epochs": 2,
         "batch_size": 400, "precision": "fp32", "threads": 1, "kernels": "plain"}  # fmt: skip
CPU = "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"


def refuse_above(model, size, error, after=0):
    """Let the model fail as an allocation does for more than so many pictures, after so many batches."""
    seen = []

    def refuse(module, inputs):
        seen.append(len(inputs[0]))
        if len(inputs[0]) > size and len(seen) > after:
            raise error

    model.register_forward_pre_hook(refuse)
    return seen


@pytest.mark.parametrize(
    "error", [RuntimeError(f"{CPU} 99 bytes."), torch.OutOfMemoryError("CUDA out of memory."), MemoryError()]
)
def test_the_batch_that_fits_is_tried(tmp_path, error):
    run = new_run(tmp_path / "run", {**SMALL, "grad_accum": 2})
    seen = refuse_above(run.model, 60, error)
    told = (
        r"batches of 400 .* A batch of 50 fits, .* --batch-size 50, and with --grad-accum 16 for the same step\. Noth"
    )
    with pytest.raises(OutOfMemory, match=told), telling_memory(run):
        list(train(run))
    assert seen == [400, 200, 100, 50]


def test_what_was_saved_is_kept(tmp_path):
    run = new_run(tmp_path / "run", SMALL)
    refuse_above(run.model, 60, RuntimeError(CPU), after=6)  # three steps and the validation's two batches
    with pytest.raises(OutOfMemory, match="What was saved before is kept"), telling_memory(run):
        list(train(run))
    assert len((tmp_path / "run" / "summary.csv").read_text().splitlines()) == 2
    assert (tmp_path / "run" / "last.safetensors").exists()


def test_a_network_of_which_not_even_two_pictures_fit(tmp_path):
    run = new_run(tmp_path / "run", SMALL)
    refuse_above(run.model, 0, MemoryError())
    told = r"\(MemoryError\)\. Not even two images fit: take a smaller --model or --image-size\. Nothing had been saved"
    with pytest.raises(OutOfMemory, match=told), telling_memory(run):
        list(train(run))


def test_several_processes_get_no_trial(tmp_path):
    from dataclasses import replace

    run = new_run(tmp_path / "run", SMALL)
    run.settings = replace(run.settings, processes=2)
    with pytest.raises(OutOfMemory, match="another run with --batch-size 200, or less"), telling_memory(run):
        raise MemoryError


def test_the_step_that_is_tried_is_that_of_the_run(tmp_path):
    """With a running average, accumulation and momentum there is more to hold; the trial has them."""
    run = new_run(tmp_path / "run", {**SMALL, "ema": 0.9})
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    assert largest_batch(run, 32) == 32
    changed = [name for name, value in run.model.state_dict().items() if not value.equal(before[name])]
    assert "stem.conv.weight" in changed, "a whole step was made"


def test_other_errors_are_left_alone(tmp_path):
    run = new_run(tmp_path / "run", SMALL)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), telling_memory(run):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    assert not is_out_of_memory(ValueError("out of memory"))
    with pytest.raises(OutOfMemory, match="before the first step .* take a smaller --model"), telling_memory():
        raise RuntimeError("could not create a primitive")


def test_training_in_one_call_says_it_too(tmp_path, monkeypatch):
    from residuum.training import train_model as module

    def failing(run):
        yield Step(0, 0.1, torch.tensor(1.0), torch.tensor(1), 1, torch.tensor(1.0))
        raise MemoryError

    monkeypatch.setattr(sys.modules[module.__module__], "train", failing)
    with pytest.raises(OutOfMemory, match="A batch of 200 fits"):
        train_model(output=tmp_path / "run", tell=lambda line: None, **SMALL)


LITTLE = """
import resource, sys, torch
from residuum.cli import main
torch.set_num_threads(1)
torch.randn(64, 64) @ torch.randn(64, 64)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (400 << 20),) * 2)
sys.argv = ["residuum", "train", "--data", "digits", "--model", "cifar_resnet", "--depth", "56", "--precision", "fp32",
            "--kernels", "plain", "-b", "1438", "--epochs", "1", "--threads", "1", "-o", sys.argv[1]]
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of a process is set by Linux's means")
def test_a_process_that_may_have_little_memory_is_told_what_fits(tmp_path):
    command = [sys.executable, "-c", LITTLE, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 2, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert "error: out of memory with batches of 1438" in done.stderr
    assert "fits, as a trial of it showed" in done.stderr
