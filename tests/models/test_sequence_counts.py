"""Parameters and MACs of texts' and vectors' networks, and of those that torchvision and transformers build."""

import csv
from pathlib import Path

import pytest
from model_peers import on_meta
from test_golden_counts import agrees

from residuum import create_model
from residuum.compat import import_torchvision
from residuum.models import VARIANTS
from residuum.models.counts import count, count_parameters

with (Path(__file__).parents[1] / "golden" / "sequence_counts.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
COUNTED = {row["model"] for row in ROWS}

SIZES = {"bert_tiny": (2, 128, 2), "bert_mini": (4, 256, 4), "bert_small": (4, 512, 8), "bert_base": (12, 768, 12)}


@pytest.mark.parametrize("row", ROWS, ids=[row["model"] for row in ROWS])
def test_counts_are_the_published_ones(row):
    arguments = dict(pair.split("=") for pair in row["arguments"].split() if pair)
    model = on_meta(create_model, row["model"], **{name: int(value) for name, value in arguments.items()})
    measured = count(model, VARIANTS[row["model"]].input_shape)
    assert row["source"] and (row["parameters"] or row["macs"])
    for got, printed in ((measured.parameters, row["parameters"]), (measured.macs, row["macs"])):
        assert not printed or agrees(got, printed), (got, printed)


@pytest.mark.parametrize(
    ("name", "printed"),
    [("bert_tiny", "4.4M"), ("bert_mini", "11.3M"), ("bert_small", "29.1M"), ("bert_base", "110.1M")],
)
def test_pretraining_counts_are_those_of_turc_et_al_with_pooler_and_words_head(name, printed):
    depth, width, heads = SIZES[name]
    words = on_meta(create_model, "bert_words", depth=depth, width=width, heads=heads)
    pooler = width * width + width
    assert agrees(count_parameters(words) + pooler, printed)


@pytest.mark.parametrize("name", SIZES)
def test_counts_are_those_of_transformers(name):
    import_torchvision()
    from transformers import BertConfig, BertModel

    depth, width, heads = SIZES[name]
    config = BertConfig(
        hidden_size=width, num_hidden_layers=depth, num_attention_heads=heads, intermediate_size=4 * width
    )
    theirs = on_meta(BertModel, config)
    assert count_parameters(on_meta(create_model, name, num_classes=0)) == count_parameters(theirs)


def test_every_other_variant_can_be_counted_at_its_own_input():
    for name, row in VARIANTS.items():
        if name not in COUNTED and (len(row.input_shape) == 1 or row.input_shape[0] == 1):
            assert count(on_meta(create_model, name), row.input_shape).macs > 0, name
