"""Hugging Face's BERT and GPT-2 at random weights: names and shapes translate there and back, outputs agree to 1e-5."""

import pytest
import torch
from torch import nn

from residuum import create_model
from residuum.compat import import_torchvision
from residuum.errors import InputError
from residuum.weights.transformers_text import from_bert, from_gpt2, to_bert, to_gpt2

SIZES = {"depth": 3, "width": 32, "heads": 4, "vocabulary": 99, "length": 20}
KEEP = torch.tensor([[1] * 11, [1] * 7 + [0] * 4, [1] * 1 + [0] * 10])
SEGMENTS = (torch.arange(11) > 4).long().expand(3, -1)


@pytest.fixture(scope="module")
def transformers():
    import_torchvision()
    torch.set_num_threads(1)
    import transformers

    return transformers


def tokens():
    return torch.randint(99, (3, 11), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def drawn(peer):
    """Draw weights large enough that every part tells."""
    torch.manual_seed(0)
    for parameter in peer.parameters():
        parameter.normal_(1.0 if parameter.ndim == 1 else 0.0, 0.2)
    return peer.eval()


def bert_config(transformers, **more):
    return transformers.BertConfig(
        vocab_size=99, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=20, **more,
    )  # fmt: skip


def gpt2_config(transformers):
    return transformers.GPT2Config(
        vocab_size=99, n_embd=32, n_layer=3, n_head=4, n_positions=20, bos_token_id=0, eos_token_id=0
    )


def loaded(name, state, **arguments):
    model = create_model(name, **SIZES, **arguments).eval()
    model.load_state_dict(state)
    return model


def assert_close(got, expected):
    assert expected.std() > 0.05
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_bert_model_gives_the_same_features_with_padding_and_segments(transformers):
    peer = drawn(transformers.BertModel(bert_config(transformers)))
    model = loaded("bert", from_bert(peer.state_dict()), num_classes=0)
    for keep in (None, KEEP):
        expected = peer(tokens(), attention_mask=keep, token_type_ids=SEGMENTS)
        kept = torch.ones_like(KEEP).bool() if keep is None else keep.bool()
        assert_close(model.forward_features(tokens(), keep, SEGMENTS)[kept], expected.last_hidden_state[kept])
        assert_close(model(tokens(), keep, SEGMENTS), expected.pooler_output)


@torch.no_grad()
def test_bert_classifier_and_words_give_the_same_logits(transformers):
    peer = drawn(transformers.BertForSequenceClassification(bert_config(transformers, num_labels=5)))
    model = loaded("bert", from_bert(peer.state_dict()), num_classes=5)
    assert_close(model(tokens(), KEEP), peer(tokens(), attention_mask=KEEP).logits)

    peer = drawn(transformers.BertForMaskedLM(bert_config(transformers)))
    model = loaded("bert_words", from_bert(peer.state_dict()))
    kept = KEEP.bool()
    assert_close(model(tokens(), KEEP)[kept], peer(tokens(), attention_mask=KEEP).logits[kept])


@torch.no_grad()
def test_gpt2_gives_the_same_logits_with_padding(transformers):
    peer = drawn(transformers.GPT2LMHeadModel(gpt2_config(transformers)))
    model = loaded("gpt", from_gpt2(peer.state_dict()))
    for keep in (None, KEEP):
        kept = torch.ones_like(KEEP).bool() if keep is None else keep.bool()
        assert_close(model(tokens(), keep)[kept], peer(tokens(), attention_mask=keep).logits[kept])
    bare = drawn(transformers.GPT2Model(gpt2_config(transformers)))
    model = loaded("gpt", from_gpt2(bare.state_dict()))
    assert_close(
        model.forward_features(tokens(), KEEP)[kept], bare(tokens(), attention_mask=KEEP).last_hidden_state[kept]
    )


@torch.no_grad()
def test_post_norm_decoder_is_the_first_gpt(transformers):
    config = transformers.OpenAIGPTConfig(vocab_size=99, n_embd=32, n_layer=3, n_head=4, n_positions=20)
    peer = drawn(transformers.OpenAIGPTLMHeadModel(config))
    renamed = {}
    for name, value in from_gpt2(as_gpt2(peer.state_dict())).items():
        place, _, leaf = name.partition(".branch.norm.")
        renamed[f"{place}.activation.{leaf}" if leaf else name.replace(".layer.", ".")] = value
    model = loaded("gpt", renamed, order="post")
    assert_close(model(tokens()), peer(tokens()).logits)


def as_gpt2(state):
    """Return the first GPT's state in GPT-2's names, which differ in the two embeddings only."""
    return {name.replace("tokens_embed", "wte").replace("positions_embed", "wpe"): v for name, v in state.items()}


def test_round_trips_are_bitwise(transformers):
    for peer, there, back in (
        (transformers.BertModel(bert_config(transformers)), from_bert, to_bert),
        (transformers.GPT2Model(gpt2_config(transformers)), from_gpt2, to_gpt2),
    ):
        state = drawn(peer).state_dict()
        again = back(there(state))
        assert again.keys() == state.keys()
        assert all(torch.equal(again[name], value) for name, value in state.items())


def test_computed_entries_of_old_files_are_left_out(transformers):
    state = transformers.GPT2Model(gpt2_config(transformers)).state_dict()
    old = {**state, "h.0.attn.bias": torch.ones(1, 1, 20, 20).tril(), "h.0.attn.masked_bias": torch.tensor(-1e4)}
    assert from_gpt2(old).keys() == from_gpt2(state).keys()


def test_states_that_do_not_fit(transformers):
    state = transformers.BertModel(bert_config(transformers)).state_dict()
    with pytest.raises(InputError, match=r"unexpected entries: adapter\.weight"):
        from_bert({**state, "adapter.weight": torch.zeros(1)})
    with pytest.raises(
        InputError, match=r"the state must have names in transformers' model; unexpected entries: adapter\.weight"
    ):
        to_bert({**from_bert(state), "adapter.weight": torch.zeros(1)})
    decoder = drawn(transformers.GPT2LMHeadModel(gpt2_config(transformers))).state_dict()
    with pytest.raises(InputError, match=r"lm_head\.weight must equal wte\.weight, .* tie them first"):
        from_gpt2({**decoder, "lm_head.weight": nn.init.normal_(torch.empty(99, 32))})
