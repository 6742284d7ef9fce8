"""What is said of a machine, for machines that are described here."""

import os
from pathlib import Path

import pytest
import torch

from residuum.machine import equipment as room
from residuum.machine import kernel_choice as kernels
from residuum.machine.equipment import advice, chosen, equipment, memory_bytes
from residuum.machine.precision_trial import Trial


@pytest.fixture
def described(monkeypatch):
    """Return a function that describes a machine."""

    def describe(*, vectors="AVX2", decoder=True, openvino=True, nvidia=False, compiler="/usr/bin/cc", threads=2):
        monkeypatch.setattr(room, "vectors", lambda: vectors)
        monkeypatch.setattr(kernels, "vectors", lambda: vectors)
        monkeypatch.setattr(room, "jpeg_decoder", lambda: decoder or None)
        monkeypatch.setattr(room.importlib.util, "find_spec", lambda name: openvino or None)
        monkeypatch.setattr(room, "_nvidia", lambda: nvidia)
        monkeypatch.setattr(room.shutil, "which", lambda name: compiler)
        monkeypatch.setattr(room, "usable_cores", lambda: 2)
        monkeypatch.setattr(room, "thread_count", lambda: threads)

    monkeypatch.setattr(room, "choose_precision", lambda *_, **how: Trial("bf16", {"fp32": 10.0, "bf16": 20.0}))
    return describe


def test_a_machine_that_has_all_is_told_nothing(described):
    described()
    assert advice("cpu") == []


@pytest.mark.parametrize(
    ("lack", "what", "good_for"),
    [
        ({"vectors": None}, "install residuum again with pip", "norm, addition and activation as one"),
        ({"vectors": None, "compiler": None}, "a C compiler (Debian: apt install gcc) first", "faster training"),
        ({"decoder": False}, "the torchvision that belongs to this torch", "JPEG decoder"),
        ({"openvino": False}, "pip install 'residuum[deploy]'", "OpenVINO and int8"),
        ({"nvidia": True}, "a torch built for CUDA", "NVIDIA GPU"),
        ({"threads": 1}, "unset OMP_NUM_THREADS, or set it to 2", "all processors"),
    ],
)
def test_what_is_lacking_is_said_with_what_it_is_good_for(described, lack, what, good_for):
    described(**lack)
    (hint,) = advice("cpu")
    assert hint["what"].startswith(what)
    assert good_for in hint["for"]


def test_a_gpu_needs_no_kernel_for_the_processor(described):
    described(vectors=None)
    assert advice("cuda") == []


def test_choices_come_with_their_reasons(described, monkeypatch):
    described(decoder=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr("residuum.machine.kernel_choice.pays", lambda: True)
    found = chosen("cpu")
    assert found["device"] == {"value": "cpu", "why": "torch sees no GPU"}
    assert found["precision"]["value"] == "bf16"
    assert "fp32 made 10 images/s, bf16 made 20 images/s" in found["precision"]["why"]
    assert found["kernels"] == {
        "value": "fused",
        "why": "norm, addition and activation fused (AVX2), small convolutions compiled",
    }
    assert found["JPEG decoder"]["value"] == "Pillow"
    assert found["threads"]["why"] == "OMP_NUM_THREADS is 3"
    described(vectors=None)
    assert chosen("cpu")["kernels"]["value"] == "plain"


def test_the_memory_is_what_the_process_may_have(monkeypatch):
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit, expected in (("max\n", whole), ("1000000\n", 1_000_000), (str(2 * whole), whole)):
        monkeypatch.setattr(Path, "read_text", lambda path, limit=limit, **how: limit)
        assert memory_bytes() == expected


def test_the_whole_is_for_programs(described):
    described()
    found = equipment()
    assert found["torch"] == torch.__version__
    assert found["cores"] == {"here": os.cpu_count(), "usable": 2}
    assert found["threads"] == 1
    assert set(found["chosen"]) == {"device", "precision", "memory format", "kernels", "threads", "waiting threads",
                                    "JPEG decoder"}  # fmt: skip
