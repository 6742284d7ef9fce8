"""Networks on tokens: what a position can see, what is added up, where the logits come from."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from residuum.errors import InputError
from residuum.nn.attention import last_norm, transformer_blocks
from residuum.nn.norms import pick_norm
from residuum.nn.text import FirstTokenHead, TextNetwork, TextStem, WordHead, sees_all, sees_past

WORDS, WIDTH = 11, 8


def network(sees, head=None, order="pre", depth=2):
    norm = pick_norm("layer")
    return TextNetwork(
        TextStem(WORDS, 9, WIDTH),
        transformer_blocks(depth, WIDTH, 2, order=order, norm=norm),
        last_norm(order, norm, WIDTH),
        head or WordHead(),
        sees=sees,
    ).double()


@settings(deadline=None, max_examples=30)
@given(length=st.integers(2, 9), data=st.data(), order=st.sampled_from(["pre", "post"]))
def test_decoder_never_sees_what_comes_later(length, data, order):
    torch.manual_seed(length)
    model, tokens = network(sees_past, order=order), torch.randint(WORDS, (2, length))
    cut = data.draw(st.integers(1, length - 1))
    changed = torch.cat([tokens[:, :cut], (tokens[:, cut:] + 1) % WORDS], dim=1)
    torch.testing.assert_close(model(changed)[:, :cut], model(tokens)[:, :cut], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(model(tokens[:, :cut]), model(tokens)[:, :cut], rtol=1e-10, atol=1e-10)
    assert not torch.allclose(model(changed)[:, cut:], model(tokens)[:, cut:])


@settings(deadline=None, max_examples=30)
@given(length=st.integers(2, 9), data=st.data(), sees=st.sampled_from([sees_all, sees_past]))
def test_padding_is_not_seen(length, data, sees):
    torch.manual_seed(length)
    model, tokens = network(sees), torch.randint(WORDS, (1, length))
    kept = data.draw(st.integers(1, length - 1))
    keep = (torch.arange(length) < kept).long()[None]
    padded = torch.where(keep.bool(), tokens, (tokens + 3) % WORDS)
    torch.testing.assert_close(model(padded, keep)[:, :kept], model(tokens[:, :kept]), rtol=1e-10, atol=1e-10)
    assert model(padded, keep).isfinite().all()


def test_encoder_sees_later_words():
    model, tokens = network(sees_all), torch.tensor([[1, 2, 3]])
    assert not torch.allclose(model(tokens)[:, 0], model(torch.tensor([[1, 2, 4]]))[:, 0])


def test_masks_in_numbers():
    tokens, keep = torch.zeros(1, 3, dtype=torch.long), torch.tensor([[1, 1, 0]])
    assert sees_all(tokens, None) is None
    assert sees_all(tokens, keep).tolist() == [[[[True, True, False]]]]
    assert sees_past(tokens, keep)[0, 0].int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 0]]
    assert sees_past(tokens, None)[0, 0].int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


def test_stem_adds_words_places_and_segments():
    stem = TextStem(WORDS, 9, WIDTH, segments=2)
    tokens, segments = torch.tensor([[4, 4]]), torch.tensor([[0, 1]])
    expected = stem.words.weight[[4, 4]] + stem.places.weight[:2] + stem.segments.weight
    assert torch.equal(stem(tokens, segments)[0], expected)
    assert torch.equal(
        stem(tokens)[0], stem.words.weight[[4, 4]] + stem.places.weight[:2] + stem.segments.weight[[0, 0]]
    )


def test_words_are_tied_to_the_logits():
    model = network(sees_past)
    tokens = torch.tensor([[1, 2]])
    expected = model.forward_features(tokens) @ model.stem.words.weight.T
    torch.testing.assert_close(model(tokens), expected)
    assert not list(model.head.parameters())


def test_classifier_can_be_replaced():
    model = network(sees_all, FirstTokenHead(WIDTH, 3))
    tokens = torch.tensor([[1, 2]])
    assert model(tokens).shape == (1, 3)
    model.reset_classifier(5)
    assert model(tokens).shape == (1, 5) and model(tokens).dtype == torch.float64
    model.reset_classifier(0)
    pooled = torch.tanh(model.head.pool(model.forward_features(tokens)[:, 0]))
    assert torch.equal(model(tokens), pooled) and isinstance(model.head.fc, nn.Identity)
    with pytest.raises(InputError, match=r"num_classes must be 0 \(features\) or more, got -1"):
        model.reset_classifier(-1)
    with pytest.raises(InputError, match="ends in words, not in classes; build one whose builder takes num_classes="):
        network(sees_past).reset_classifier(2)


def test_texts_that_do_not_fit():
    model = network(sees_past)
    with pytest.raises(
        InputError, match="reads at most 9 tokens, got 10; cut the text or build it with a larger length="
    ):
        model(torch.zeros(1, 10, dtype=torch.long))
    with pytest.raises(InputError, match="knows no segments, got some; leave segments= out"):
        model(torch.zeros(1, 2, dtype=torch.long), segments=torch.zeros(1, 2, dtype=torch.long))
