"""Models of other libraries with weights drawn here, and the names under which this project holds those weights."""

import contextlib
import re
from unittest import mock

import torch
from torch import nn

from residuum import models
from residuum.compat import import_torchvision
from residuum.weights.dialects import translate

# one table per naming of the peer's, applied in order: pattern -> replacement
RESNET = [
    (r"^conv1\.", "stem.conv."),
    (r"^bn1\.", "stem.norm."),
    (r"^fc\.", "head.fc."),
    (r"^layer(\d)\.(\d+)\.downsample\.0\.", lambda m: f"stages.{int(m[1]) - 1}.{m[2]}.shortcut.conv."),
    (r"^layer(\d)\.(\d+)\.downsample\.1\.", lambda m: f"stages.{int(m[1]) - 1}.{m[2]}.shortcut.norm."),
    (r"^layer(\d)\.(\d+)\.", lambda m: f"stages.{int(m[1]) - 1}.{m[2]}.branch."),
    (r"\.branch\.bn", ".branch.norm"),
]

DENSENET = [
    (r"^features\.conv0\.", "stem.conv."),
    (r"^features\.norm0\.", "stem.norm."),
    (r"^features\.norm5\.", "head.norm."),
    (r"^classifier\.", "head.fc."),
    (r"^features\.transition(\d)\.(\w+)\.", lambda m: f"stages.{m[1]}.0.branch.{m[2]}1."),
    (r"^features\.denseblock1\.denselayer(\d+)\.", lambda m: f"stages.0.{int(m[1]) - 1}.branch."),
    (r"^features\.denseblock(\d)\.denselayer(\d+)\.", lambda m: f"stages.{int(m[1]) - 1}.{m[2]}.branch."),
]
ALEXNET = [
    (r"^features\.0\.", "stem.conv."),
    (r"^features\.3\.", "stages.0.0.branch.conv."),
    (r"^features\.6\.", "stages.1.1.branch.conv."),
    (r"^features\.8\.", "stages.1.2.branch.conv."),
    (r"^features\.10\.", "stages.1.3.branch.conv."),
    (r"^classifier\.1\.", "head.fc1."),
    (r"^classifier\.4\.", "head.fc2."),
    (r"^classifier\.6\.", "head.fc."),
]


def vgg_rules(convolutions, step):
    """Name each of torchvision's features by its stage and layer; ``step`` modules make a layer, one pool a stage."""
    rules, index = [], 0
    for stage, count in enumerate(convolutions):
        for layer in range(count):
            block = f"stages.{stage}.{layer + (stage > 0)}.branch"
            rules.append((rf"^features\.{index}\.", f"{block}.conv."))
            if step == 3:
                rules.append((rf"^features\.{index + 1}\.", f"{block}.norm."))
            index += step
        index += 1
    return [
        *rules,
        (r"^classifier\.0\.", "head.fc1."),
        (r"^classifier\.3\.", "head.fc2."),
        (r"^classifier\.6\.", "head.fc."),
    ]


# timm's ResNets have torchvision's names, but for deep stems, pooled shortcuts, and gates
TIMM_RESNET = [
    (r"^conv1\.0\.", "stem.conv1."),
    (r"^conv1\.1\.", "stem.norm1."),
    (r"^conv1\.3\.", "stem.conv2."),
    (r"^conv1\.4\.", "stem.norm2."),
    (r"^conv1\.6\.", "stem.conv3."),
    *RESNET,
]
TIMM_RESNET_D = [
    (r"^bn1\.", "stem.norm3."),
    (r"^layer(\d)\.(\d+)\.downsample\.1\.", lambda m: f"stages.{int(m[1]) - 1}.{m[2]}.shortcut.conv."),
    (r"^layer(\d)\.(\d+)\.downsample\.2\.", lambda m: f"stages.{int(m[1]) - 1}.{m[2]}.shortcut.norm."),
    *TIMM_RESNET,
]
TIMM_RESNETV2 = [
    (r"^norm\.", "stages.3.{last}.activation.norm."),
    (r"^stages\.(\d)\.blocks\.(\d+)\.downsample\.", r"stages.\1.\2.shortcut."),
    (r"^stages\.(\d)\.blocks\.(\d+)\.", r"stages.\1.\2.branch."),
]


def by_table(dialect):
    """Return rules that read this project's own table of that source's names; a name it does not have fails."""
    return [(r"^.*$", lambda found: translate(dialect, found[0]))]


def renamed(state, rules):
    """Return the state under this project's names; every entry must be met by a rule."""
    result = {}
    for name, value in state.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        result[name] = value.flatten() if name.endswith(".branch.scale.weight") else value  # [C, 1, 1] in torchvision
    assert len(result) == len(state), "two names became one"
    return result


@torch.no_grad()
def drawn(model, seed=0):
    """Fill a model built on meta: He-sized filters and running statistics as after training."""
    model = model.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        for name, value in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if name == "running_var" or (name == "weight" and isinstance(module, nn.BatchNorm2d)):
                value.uniform_(0.5, 1.0, generator=generator)
            elif value.is_floating_point():
                value.normal_(0, (2 / value[0].numel()) ** 0.5 if value.ndim > 1 else 0.1, generator=generator)
            else:
                value.fill_(3)
    return model.eval()


def on_meta(make, *args, **kwargs):
    with torch.device("meta"):
        return make(*args, **kwargs)


@contextlib.contextmanager
def narrow_heads():
    """Make every linear layer of 4096 features 64 wide while VGG and AlexNet are built: their heads fill memory."""
    original = nn.Linear.__init__
    narrow = {4096: 64}

    def init(self, in_features, out_features, *args, **kwargs):
        original(self, narrow.get(in_features, in_features), narrow.get(out_features, out_features), *args, **kwargs)

    with mock.patch.object(nn.Linear, "__init__", init):
        yield


def torchvision_model(name, **arguments):
    """Return torchvision's model with its own new weights."""
    import_torchvision()
    from torchvision.models import get_model

    heads = narrow_heads() if name.startswith(("vgg", "alexnet")) else contextlib.nullcontext()
    with heads, computed_widths():
        return get_model(name, **arguments)


@contextlib.contextmanager
def computed_widths():
    """Let torchvision's RegNets compute their tables on the processor, also where a model is built on meta."""
    from torchvision.models.regnet import BlockParams

    original = BlockParams.from_init_params

    def computed(**arguments):
        with torch.device("cpu"):
            return original(**arguments)

    with mock.patch.object(BlockParams, "from_init_params", computed):
        yield


def ours_with(name, state, **arguments):
    """Return this project's model holding exactly those tensors."""
    model = on_meta(models.build, name, **arguments)
    model.load_state_dict(state, assign=True)
    return model.eval()


def gradients(model, images, largest=None):
    """Return the images' gradient and the parameters' (up to a size), of a sum that weighs every logit differently."""
    images = images.clone().requires_grad_()
    for parameter in model.parameters():
        parameter.requires_grad_(largest is None or parameter.numel() <= largest)
    logits = model(images)
    weights = torch.linspace(-1, 1, logits.numel(), dtype=logits.dtype).view_as(logits)
    (logits * weights).sum().backward()
    return {"images": images.grad, **{name: p.grad for name, p in model.named_parameters() if p.requires_grad}}


def assert_relatively_close(got, expected, tolerance):
    """Compare tensor by tensor, relative to each tensor's largest entry."""
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        scale = value.abs().max().clamp_min(1e-300)
        assert ((got[name] - value).abs().max() / scale).item() <= tolerance, name
