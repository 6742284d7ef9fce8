"""BERT, GPT-2 and ViT as transformers, timm and torchvision save them: loaded without flags, and back."""

import pytest
import timm
import torch
import transformers
from safetensors.torch import load_file
from torchvision.models import VisionTransformer

import residuum
from residuum.errors import InputError
from residuum.weights import convert, examine

TOKENS = torch.arange(22).view(2, 11) % 50
IMAGES = torch.linspace(-2, 2, 2 * 3 * 32 * 32).view(2, 3, 32, 32)
BERT = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 128, "max_position_embeddings": 20}  # fmt: skip
VIT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128,
       "image_size": 32, "patch_size": 16}  # fmt: skip
GPT2 = {"vocab_size": 50, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 20,
        "bos_token_id": 0, "eos_token_id": 0}  # fmt: skip


@torch.no_grad()
def drawn(model):
    for parameter in model.parameters():
        parameter.normal_(1.0 if parameter.ndim == 1 else 0.0, 0.2)
    return model.eval()


def bert(kind, **more):
    return drawn(getattr(transformers, kind)(transformers.BertConfig(**BERT, **more)))


def vit(kind, **more):
    return drawn(getattr(transformers, kind)(transformers.ViTConfig(**VIT, **more)))


FILES = {
    "BertModel": (lambda: bert("BertModel"), "bert", lambda m: m(TOKENS).pooler_output),
    "BertForSequenceClassification": (
        lambda: bert("BertForSequenceClassification", num_labels=5), "bert", lambda m: m(TOKENS).logits,
    ),
    "BertForMaskedLM": (lambda: bert("BertForMaskedLM"), "bert_words", lambda m: m(TOKENS).logits),
    "GPT2LMHeadModel": (
        lambda: drawn(transformers.GPT2LMHeadModel(transformers.GPT2Config(**GPT2))), "gpt", lambda m: m(TOKENS).logits,
    ),
    "ViTForImageClassification": (
        lambda: vit("ViTForImageClassification", num_labels=3), "vit", lambda m: m(IMAGES).logits,
    ),
    "ViTModel": (lambda: vit("ViTModel"), "vit", lambda m: m(IMAGES).last_hidden_state[:, 0]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*left out 2 tensors of pooler")
@pytest.mark.parametrize("ending", ["safetensors", "bin"])
@pytest.mark.parametrize("case", FILES)
@torch.no_grad()
def test_a_folder_of_transformers_loads_and_goes_back(case, ending, tmp_path):
    make, name, answer = FILES[case]
    theirs = make()
    theirs.save_pretrained(tmp_path)
    saved = load_file(tmp_path / "model.safetensors")
    if ending == "bin":
        (tmp_path / "model.safetensors").unlink()
        torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
    ours = residuum.load(tmp_path)
    assert ours.description.model == name
    given = TOKENS if name != "vit" else IMAGES
    expected = answer(theirs)
    assert expected.std() > 0.05
    torch.testing.assert_close(ours(given), expected, rtol=1e-5, atol=1e-5)
    there = convert(tmp_path, "safetensors", tmp_path / "ours.safetensors")
    assert torch.equal(residuum.load(there)(given), ours(given))
    back = load_file(convert(there, "transformers", tmp_path / "back.safetensors"))
    assert all(torch.equal(value, saved[key]) for key, value in back.items())
    assert {key for key in saved if key not in back} <= {"pooler.dense.weight", "pooler.dense.bias"}
    assert torch.equal(residuum.load(tmp_path / "back.safetensors")(given), ours(given))
    folder = convert(there, "transformers", tmp_path / "folder").parent
    torch.testing.assert_close(answer(type(theirs).from_pretrained(folder).eval()) if case != "ViTModel" else expected,
                               expected, rtol=1e-5, atol=1e-5)  # fmt: skip
    assert examine(tmp_path).how_to_load.startswith("residuum.load(")


@torch.no_grad()
def test_the_pretraining_file_has_two_heads_and_old_names(tmp_path):
    theirs = bert("BertForPreTraining")
    state = {key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
             for key, value in theirs.state_dict().items()}  # fmt: skip
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"width 32 needs its number of heads, .* load it with heads=N"):
        residuum.load(tmp_path / "w.pth")
    with pytest.warns(UserWarning, match=r"left out .*2 tensors of cls.seq_relationship"):
        pooled = residuum.load(tmp_path / "w.pth", heads=4)
    torch.testing.assert_close(pooled(TOKENS), theirs.bert(TOKENS).pooler_output, rtol=1e-5, atol=1e-5)
    with pytest.warns(UserWarning, match="left out"):
        words = residuum.load(tmp_path / "w.pth", heads=4, model="bert_words")
    torch.testing.assert_close(words(TOKENS), theirs(TOKENS).prediction_logits, rtol=1e-5, atol=1e-5)


def timm_vit():
    return timm.models.VisionTransformer(img_size=32, patch_size=16, embed_dim=64, depth=2, num_heads=1, num_classes=5)


def torchvision_vit():
    return VisionTransformer(32, 16, 2, 1, 64, 256, num_classes=5)


@pytest.mark.parametrize("prefix", ["", "module.backbone."])
@pytest.mark.parametrize("make", [timm_vit, torchvision_vit])
@torch.no_grad()
def test_vit_of_timm_and_torchvision(make, prefix, tmp_path):
    theirs = drawn(make())
    torch.save({prefix + key: value for key, value in theirs.state_dict().items()}, tmp_path / "w.pth")
    ours = residuum.load(tmp_path / "w.pth")
    torch.testing.assert_close(ours(IMAGES), theirs(IMAGES), rtol=1e-5, atol=1e-5)
    there = convert(tmp_path / "w.pth", "safetensors", tmp_path / "ours.safetensors")
    back = load_file(convert(there, make.__name__.partition("_")[0], tmp_path / "back.safetensors"))
    assert back.keys() == theirs.state_dict().keys()
    assert all(torch.equal(back[key], value) for key, value in theirs.state_dict().items())


@torch.no_grad()
def test_dinos_backbone_leaves_its_projection_out(tmp_path):
    theirs = drawn(timm.models.VisionTransformer(
        img_size=32, patch_size=16, embed_dim=64, depth=2, num_heads=1, num_classes=0))  # fmt: skip
    state = {f"backbone.{key}": value for key, value in theirs.state_dict().items()}
    state |= {"head.mlp.0.weight": torch.ones(8, 64), "head.last_layer.weight_v": torch.ones(4, 8)}
    torch.save({"teacher": state, "student": state}, tmp_path / "w.pth")
    with pytest.warns(UserWarning, match=r"left out 1 tensor of head.mlp, 1 tensor of head.last_layer"):
        ours = residuum.load(tmp_path / "w.pth")
    torch.testing.assert_close(ours(IMAGES), theirs(IMAGES), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("key", "value"), [("hidden_act", "relu"), ("layer_norm_eps", 1e-3)])
def test_another_activation_or_norm_is_refused(key, value, tmp_path):
    bert("BertModel", **{key: value}).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=rf"must be of a model with {key} .*, got .* in its config.json"):
        residuum.load(tmp_path)


def test_layers_that_this_library_lacks_are_named(tmp_path):
    state = timm_vit().state_dict() | {"norm_pre.weight": torch.ones(64), "norm_pre.bias": torch.zeros(64)}
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"2 entries do not:\n  unexpected: norm_pre.bias, norm_pre.weight"):
        residuum.load(tmp_path / "w.pth")
