"""A weights file of version 0.1.0 stays loadable, and what it computed then it computes now.

``cifar_resnet8_v1.safetensors`` was written by ``residuum.save`` in November 2026: ``cifar_resnet`` of depth 8 with
widths 4, 8 and 16, new weights of ``torch.manual_seed(0)``, torch 2.13. It is never written again.
"""

from pathlib import Path

import pytest
import torch

import residuum
from residuum.weights import examine

FILE = Path(__file__).parents[1] / "data" / "cifar_resnet8_v1.safetensors"

LOGITS = [-0.11134406179189682, -0.25982093811035156, 0.16432365775108337]


def test_the_file_of_the_first_version_loads():
    model = residuum.load(FILE)
    told = model.description
    assert (told.model, told.arguments) == ("cifar_resnet", {"depth": 8, "widths": [4, 8, 16], "num_classes": 3})
    assert (told.classes, told.licence, told.metrics) == (["cat", "dog", "owl"], "MIT", {"top1": 33.3})
    assert told.preprocessing == residuum.Preprocessing((32, 32), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), 36)
    images = torch.linspace(-1, 1, 3 * 16 * 16).view(1, 3, 16, 16)
    with torch.no_grad():
        assert model(images)[0].tolist() == pytest.approx(LOGITS, rel=1e-5)


def test_the_doctor_reads_it():
    found = examine(FILE)
    assert (found.model, found.depth, found.num_classes, found.odd) == ("cifar_resnet", 8, 3, [])


def test_saving_it_again_keeps_its_tensors(tmp_path):
    residuum.save(residuum.load(FILE), tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == FILE.read_bytes()
