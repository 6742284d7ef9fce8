"""BERT and GPT as models: export, copies, devices, training, initial weights."""

import copy

import pytest
import torch
from model_peers import on_meta
from torch import nn

from residuum import create_model
from residuum.errors import InputError
from residuum.models import describe
from residuum.nn import Block

TINY = {"depth": 2, "width": 12, "heads": 3, "vocabulary": 13, "length": 10}
TEXTS = ("bert", "bert_words", "gpt")
TOKENS = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 0, 0]])
KEEP = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])


@pytest.fixture(params=TEXTS)
def model(request):
    return create_model(request.param, **TINY).eval()


@pytest.mark.parametrize("order", ["post", "pre"])
@pytest.mark.parametrize("norm", ["layer", "batch"])
@pytest.mark.parametrize("name", TEXTS)
def test_every_form_trains_every_parameter(name, norm, order):
    model = create_model(name, **TINY, norm=norm, order=order).train()
    logits = model(TOKENS, KEEP)
    labels = torch.arange(len(logits.flatten(0, -2))) % logits.shape[-1]
    nn.functional.cross_entropy(logits.flatten(0, -2), labels).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_meta_deepcopy_and_state(model):
    name = describe(model).model
    assert on_meta(create_model, name, **TINY)(TOKENS.to("meta")).is_meta
    fresh = create_model(name, **TINY).eval()
    fresh.load_state_dict(model.state_dict())
    for twin in (fresh, copy.deepcopy(model)):
        assert torch.equal(twin(TOKENS, KEEP), model(TOKENS, KEEP))


def test_exported_program_takes_other_batches_and_lengths(model):
    dims = {0: torch.export.Dim("batch", min=1, max=8), 1: torch.export.Dim("length", min=2, max=10)}
    program = torch.export.export(model, (TOKENS, KEEP), dynamic_shapes=(dims, dims)).module()
    for tokens, keep in ((TOKENS, KEEP), (torch.randint(13, (3, 9)), (torch.arange(9) < 6).long().expand(3, -1))):
        torch.testing.assert_close(program(tokens, keep), model(tokens, keep), rtol=1e-5, atol=1e-6)


def test_branches_of_a_decoder_start_smaller_the_more_there_are():
    blocks = [m for m in create_model("gpt", depth=8, width=64, heads=2).modules() if isinstance(m, Block)]
    for block in blocks:
        layers = [layer for layer in block.branch.modules() if isinstance(layer, nn.Linear)]
        assert layers[0].weight.std().item() == pytest.approx(0.0176, rel=0.05)  # 0.02, cut at two deviations
        assert layers[-1].weight.std().item() == pytest.approx(0.0176 / 4, rel=0.05)
        assert all(layer.bias.count_nonzero() == 0 for layer in layers)


def test_encoders_judge_by_the_first_token():
    model = create_model("bert", **TINY, num_classes=4).eval()
    features = model.forward_features(TOKENS, KEEP)
    assert features.shape == (2, 5, 12)
    expected = model.head.fc(torch.tanh(model.head.pool(features[:, 0])))
    torch.testing.assert_close(model(TOKENS, KEEP), expected)


def test_what_does_not_fit():
    with pytest.raises(InputError, match="width must be a multiple of heads, got width 12 and 5 heads"):
        create_model("bert", **{**TINY, "heads": 5})
    with pytest.raises(InputError, match="order must be one of post, pre, got 'both'"):
        create_model("gpt", **TINY, order="both")
    with pytest.raises(InputError, match=r"gpt2 takes depth, width, .*; got num_classes"):
        create_model("gpt2", num_classes=3)
