"""Class names and numbers of classes beside weights: in the order of the logits, or refused by name."""

import json

import pytest
import torch
from torchvision import models as peer

import residuum
from residuum.errors import InputError

NAMES = [f"kind {number}" for number in range(12)]
TIMM = {"architecture": "resnet18", "num_classes": 12, "pretrained_cfg": {"input_size": [3, 64, 64]}}


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    torch.save(peer.resnet18(num_classes=12).state_dict(), folder / "pytorch_model.bin")

    def load_beside(config):
        (folder / "config.json").write_text(json.dumps(config))
        return residuum.load(folder).description

    return load_beside


UNDERSTOOD = {
    "numbers as text sort 10 before 2": {"id2label": dict(sorted((str(n), name) for n, name in enumerate(NAMES)))},
    "numbers by name alone": {"label2id": {name: number for number, name in reversed(list(enumerate(NAMES)))}},
    "numbers by name, as text": {"label2id": {name: str(number) for number, name in enumerate(NAMES)}},
    "a list": {"id2label": NAMES},
    "another count, which transformers takes for less": {"id2label": dict(enumerate(NAMES)), "num_labels": 3},
    "timm's": {**TIMM, "label_names": NAMES},
    "timm's, within": {**TIMM, "pretrained_cfg": {"label_names": NAMES, "input_size": [3, 64, 64]}},
    "timm's, flat": {"architecture": "resnet18", "input_size": [3, 64, 64], "num_classes": 12, "label_names": NAMES},
    "timm's own count before its publisher's": {
        **TIMM, "label_names": NAMES, "pretrained_cfg": {"num_classes": 1000, "input_size": [3, 64, 64]},
    },
}  # fmt: skip


@pytest.mark.parametrize("case", UNDERSTOOD)
def test_names_stand_in_the_order_of_the_logits(case, load):
    assert load(UNDERSTOOD[case]).classes == NAMES


REFUSED = {
    "fewer names": ({"id2label": {"0": "a", "1": "b"}}, r"config.json says 2 class names, .* has 12 logits"),
    "more names": ({**TIMM, "label_names": [*NAMES, "more"]}, r"config.json says 13 class names, .* has 12 logits"),
    "another count": ({**TIMM, "num_classes": 1000}, r"config.json says 1000 classes, but resnet18 of .* 12 logits"),
    "a count without names": ({"model_type": "resnet", "num_labels": 5}, r"config.json says 5 classes, .* 12 logits"),
    "a count of words": ({**TIMM, "num_classes": "twelve"}, r'"num_classes" must be a number of classes, got .twelve.'),
    "names by number": ({**TIMM, "label_names": {"0": "a"}}, r'"label_names" must be a list of names, got'),
    "a gap": ({"id2label": {"0": "a", "2": "c"}}, r'"id2label" must number the classes from 0 on, got \[0, 2\]'),
    "names as numbers": ({"id2label": {"a": "0"}}, r'"id2label" must map numbers to names'),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_names_and_counts_of_other_classes_are_refused(case, load):
    config, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        load(config)
