"""Published starts, against stand-ins on this machine of what serves them."""

import functools
import hashlib
import http.server
import json
import threading

import pytest
import torch
from hub_stand_in import Hub
from torchvision import models as peer

import residuum
from residuum.errors import InputError
from residuum.weights import pull, push

TINY = {"depth": 8, "widths": (4, 8, 16)}


@pytest.fixture
def hub(tmp_path):
    (tmp_path / "served").mkdir()
    hub = Hub(tmp_path / "served", tmp_path / "cache")
    yield hub
    hub.close()


@pytest.fixture
def file_server(tmp_path):
    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Stay silent."""


@pytest.fixture
def published(tmp_path, file_server, monkeypatch):
    """Serve weights of resnet18 where torchvision looks for its own; return the model."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    model = peer.resnet18().eval()
    (tmp_path / "served").mkdir()
    torch.save(model.state_dict(), tmp_path / "served" / "w.pth")
    digest = hashlib.sha256((tmp_path / "served" / "w.pth").read_bytes()).hexdigest()[:8]
    (tmp_path / "served" / "w.pth").rename(tmp_path / "served" / f"resnet18-{digest}.pth")
    chosen = peer.ResNet18_Weights.IMAGENET1K_V1.value
    monkeypatch.setattr(chosen, "url", f"{file_server}/resnet18-{digest}.pth")
    return model


def test_torchvision_weights_come_with_their_classes_and_preprocessing(published, tmp_path):
    images = torch.randn(1, 3, 40, 40)
    ours = residuum.create_model("resnet18", weights="torchvision:resnet18")
    assert ours.training
    assert torch.equal(ours.eval()(images), published(images))
    told = ours.description
    assert (told.preprocessing.size, told.preprocessing.resize, told.classes[0]) == ((224, 224), 256, "tench")
    assert told.metrics == {"acc@1": 69.758, "acc@5": 89.078}
    assert "BSD-3-Clause" in told.licence
    assert told.provenance.startswith("torchvision resnet18 IMAGENET1K_V1; a state dict")
    for served in (tmp_path / "served").iterdir():
        served.unlink()
    again = residuum.load("torchvision:resnet18.IMAGENET1K_V1")  # from the cache
    assert torch.equal(again(images), published(images))


def test_torchvision_weights_with_another_hash_are_refused(published, tmp_path):
    served = next((tmp_path / "served").iterdir())
    served.write_bytes(served.read_bytes() + b"x")
    with pytest.raises(InputError, match=r"torchvision:resnet18 could not be fetched .*invalid hash value.*; put http"):
        residuum.load("torchvision:resnet18")


def test_unknown_published_names_are_told():
    with pytest.raises(InputError, match=r"torchvision has no model 'resnet19'; did you mean resnet"):
        residuum.load("torchvision:resnet19")
    with pytest.raises(InputError, match=r"resnet18 has weights IMAGENET1K_V1, DEFAULT, got 'V9'"):
        residuum.load("torchvision:resnet18.V9")
    with pytest.raises(InputError, match=r"timm has no model 'resnet19x'; did you mean resnet"):
        residuum.load("timm:resnet19x")
    with pytest.raises(InputError, match=r"weights must be a file or begin with .*'tochvision:a'; did you mean torchv"):
        residuum.load("tochvision:a")
    with pytest.raises(InputError, match=r"a hub name must read hf://OWNER/NAME or .*, got hf://nobody"):
        residuum.load("hf://nobody")
    with pytest.raises(InputError, match=r"pull takes hf://OWNER/NAME, got 'nobody'"):
        pull("nobody")


PUSH = """
import torch, residuum
from residuum.weights import push, pull
torch.manual_seed(0)
model = residuum.create_model("cifar_resnet", depth=8, widths=(4, 8, 16), num_classes=2)
model.description.classes = ["cat", "dog"]
model.description.licence = "mit"
print(push(model, "hf://me/tiny"))
loaded = residuum.load("hf://me/tiny")
there = loaded.state_dict()
print(loaded.description.classes, all(torch.equal(there[name], value) for name, value in model.state_dict().items()))
print(pull("hf://me/tiny").name)
"""

OFFLINE = """
import residuum
print(residuum.create_model("cifar_resnet", weights="hf://me/tiny").description.classes)
try:
    residuum.load("hf://me/other")
except residuum.errors.InputError as error:
    print(error)
"""


def test_push_pull_and_offline(hub):
    told = hub.run(PUSH)
    assert told == ["hf://me/tiny", "['cat', 'dog'] True", "model.safetensors"]
    card = (hub.folder / "me" / "tiny" / "README.md").read_text()
    assert "license: mit" in card and 'residuum.load("hf://me/tiny")' in card
    asked = len(hub.server.asked)
    classes, error = hub.run(OFFLINE, offline=True)
    assert classes == "['cat', 'dog']"
    assert "hf://me/other could not be fetched and is not in the cache" in error
    assert len(hub.server.asked) == asked


FOREIGN = """
import torch, residuum
for name in ("hf://they/resnet", "timm:resnet18.a1_in1k"):
    model = residuum.load(name)
    told = model.description
    print(told.model, told.licence, told.preprocessing.resize, told.provenance.partition(";")[0], sep="|")
    print(float(model(torch.ones(1, 3, 32, 32)).double().sum()))
for name in ("hf://they/nothing", "hf://they/absent"):
    try:
        residuum.load(name)
    except residuum.errors.InputError as error:
        print(error)
"""


def test_weights_of_the_hub_and_of_timm(hub):
    import timm
    from safetensors.torch import save_file
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(layer_type="basic", hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2])
    theirs = ResNetForImageClassification(config).eval()
    theirs.save_pretrained(hub.folder / "they" / "resnet")
    (hub.folder / "they" / "resnet" / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    timms = timm.create_model("resnet18").eval()
    (hub.folder / "timm" / "resnet18.a1_in1k").mkdir(parents=True)
    save_file(timms.state_dict(), hub.folder / "timm" / "resnet18.a1_in1k" / "model.safetensors")
    (hub.folder / "they" / "nothing").mkdir()
    images = torch.ones(1, 3, 32, 32)
    first, logits, second, other, nothing, absent = hub.run(FOREIGN)
    assert first == "resnet18|apache-2.0|256|hf://they/resnet"
    assert float(logits) == pytest.approx(theirs(images).logits.double().sum().item(), rel=1e-5)
    assert second.startswith("resnet18|apache-2.0|235|timm resnet18.a1_in1k")
    assert float(other) == pytest.approx(timms(images).double().sum().item(), rel=1e-5)
    assert nothing.startswith("hf://they/nothing must hold model.safetensors or pytorch_model.bin, got neither")
    assert absent.startswith("hf://they/absent could not be fetched and is not in the cache: ")


def test_push_to_a_folder(tmp_path):
    model = residuum.create_model("cifar_resnet", **TINY)
    model.description.metrics = {"top1": 91.25}
    push(model, str(tmp_path / "shared"))
    assert "- top1: 91.25" in (tmp_path / "shared" / "README.md").read_text()
    assert residuum.load(tmp_path / "shared").description.metrics == {"top1": 91.25}


def test_a_configuration_that_is_no_json_is_told(tmp_path):
    torch.save(peer.resnet18(num_classes=2).state_dict(), tmp_path / "pytorch_model.bin")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config.json must be JSON, got: Expecting property name"):
        residuum.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "cat", "1": "dog"}}))
    assert residuum.load(tmp_path).description.classes == ["cat", "dog"]
