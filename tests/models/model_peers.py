"""Models of other libraries with weights drawn here, and the names under which this project holds those weights."""

import re

import torch
from torch import nn

from residuum import models
from residuum.compat import import_torchvision

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


def renamed(state, rules):
    """Return the state under this project's names; every entry must be met by a rule."""
    result = {}
    for name, value in state.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        result[name] = value
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


def torchvision_model(name, **arguments):
    """Return torchvision's model with drawn weights."""
    import_torchvision()
    from torchvision.models import get_model

    return drawn(on_meta(get_model, name, **arguments))


def ours_with(name, state, **arguments):
    """Return this project's model holding exactly those tensors."""
    model = on_meta(models.create_model, name, **arguments)
    model.load_state_dict(state, assign=True)
    return model.eval()


def gradients(model, images):
    """Return the images' gradient and the parameters', of a sum that weighs every logit differently."""
    images = images.clone().requires_grad_()
    logits = model(images)
    weights = torch.linspace(-1, 1, logits.numel(), dtype=logits.dtype).view_as(logits)
    (logits * weights).sum().backward()
    return {"images": images.grad, **{name: parameter.grad for name, parameter in model.named_parameters()}}


def assert_relatively_close(got, expected, tolerance):
    """Compare tensor by tensor, relative to each tensor's largest entry."""
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        scale = value.abs().max().clamp_min(1e-300)
        assert ((got[name] - value).abs().max() / scale).item() <= tolerance, name
