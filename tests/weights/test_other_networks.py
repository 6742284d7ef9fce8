"""What is no network of this library is refused by what it is, with what to do; nothing loads as another network."""

import pickle
import re

import pytest
import torch
from torch import nn
from torchvision import models as peer

import residuum
from residuum.errors import InputError

ONES = torch.ones(4, 4)

# a name that such a file has: what the message calls it
OTHERS = {
    "visual.attnpool.k_proj.weight": "CLIP's image tower, a ResNet with three convolutions in its stem",
    "stages.0.0.conv1_1x1.conv.weight": "a ByobNet of timm",
    "base.layer1.0.conv1.lora_A.weight": "a LoRA adapter.*merge it into its model first",
    "model.layers.0.mlp.qweight": "weights quantised by GPTQ or AWQ",
    "fc.SCB": "weights quantised by bitsandbytes",
    "layer1.0.conv1.zero_point": "a network quantised by torch.ao",
    "roberta.embeddings.word_embeddings.weight": "a relative of BERT that counts positions",
    "qa_outputs.weight": "BERT or a relative with a head that marks answers",
    "model.layers.0.self_attn.q_proj.weight": "a Llama or a relative",
    "encoder.block.0.layer.0.SelfAttention.q.weight": "a T5",
    "deit.embeddings.distillation_token": "DeiT with a distillation token",
    "fc_norm.weight": "a vision transformer that averages its tokens",
    "blocks.0.ls1.gamma": "a vision transformer with layer scale",
    "layers.0.blocks.0.attn.relative_position_bias_table": "a Swin transformer",
    "stages.0.blocks.0.mlp.grn.weight": "a ConvNeXt of the second version",
    "layer1.0.convs.0.weight": "a Res2Net",
    "stem.conv.gain": "a network without norms",
}


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return peer.resnet18(num_classes=3).state_dict()


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_network_that_is_not_built_here_is_named(name, prefix, state, tmp_path):
    torch.save({**state, prefix + name: ONES}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=f"w.pth must hold a network that is built here, got {OTHERS[name]}"):
        residuum.load(tmp_path / "w.pth")


class Tower(nn.Module):
    """The beginning of CLIP's ResNet, by its names."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 32, 3, bias=False), nn.BatchNorm2d(32)
        self.conv2, self.bn2 = nn.Conv2d(32, 32, 3, bias=False), nn.BatchNorm2d(32)
        self.conv3, self.bn3 = nn.Conv2d(32, 64, 3, bias=False), nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(peer.resnet.Bottleneck(64, 16))
        self.attnpool = nn.ModuleDict({f"{part}_proj": nn.Linear(8, 8) for part in "kqvc"})


@pytest.mark.parametrize("under", ["", "visual.", "model.visual.", "module."])
def test_clips_image_tower_is_refused_by_name(under, tmp_path):
    content = {f"{under}{name}": value for name, value in Tower().state_dict().items()}
    torch.save({"state_dict": content, "epoch": 30}, tmp_path / "clip.pt")
    with pytest.raises(InputError, match=r"got CLIP's image tower.*; load it with the library that wrote it"):
        residuum.load(tmp_path / "clip.pt")


def test_batch_norms_without_their_statistics_are_not_taken_for_group_norms(state, tmp_path):
    torch.save({name: value for name, value in state.items() if "running" not in name and "num_" not in name},
               tmp_path / "w.pth")  # fmt: skip
    with pytest.raises(InputError, match=r"need running_mean and running_var.*save model.state_dict\(\)"):
        residuum.load(tmp_path / "w.pth")
    assert residuum.load(tmp_path / "w.pth", model="resnet_gn").description.model == "resnet_gn"


@pytest.mark.parametrize("legacy", [False, True], ids=["archive", "legacy"])
@pytest.mark.parametrize("under", ["", "model"])
def test_a_whole_module_says_how_to_save_its_state(under, legacy, tmp_path):
    net = peer.resnet18(num_classes=3)
    torch.save({under: net} if under else net, tmp_path / "w.pth", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(InputError, match=r"wants to run torchvision.models.resnet.ResNet: refused, nothing was run. "
                       r"It is a whole module of torch, .*torch.load\('w.pth', weights_only=False\)."):  # fmt: skip
        residuum.load(tmp_path / "w.pth")


def test_a_learner_of_fastai_says_what_it_is(tmp_path):
    body = b"cfastai.learner\nLearner\n)\x81."  # of a class that is not installed here
    (tmp_path / "export.pkl").write_bytes(b"\x80\x02" + body)
    with pytest.raises(InputError, match=r"wants to run fastai.learner.Learner.*a learner that fastai exported.*"
                       r"load_learner\('export.pkl'\).model.state_dict\(\)"):  # fmt: skip
        residuum.load(tmp_path / "export.pkl")


def test_a_program_that_is_no_module_has_no_such_advice(tmp_path):
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(re.compile("a")))
    with pytest.raises(InputError, match=r"wants to run re._compile: refused.*Ask its author for a safetensors file"):
        residuum.load(tmp_path / "w.pkl")
