"""Small networks with numbers of their own."""

import torch

from residuum import create_model


def small(family="cifar_resnet", **arguments):
    """Return a small network whose batch norms have statistics and weights of their own."""
    model = create_model(family, num_classes=10, in_chans=1, **arguments)
    draw = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2, generator=draw)
            module.running_var.uniform_(0.5, 2, generator=draw)
            module.weight.data.uniform_(0.5, 1.5, generator=draw)
    return model


def bits(model):
    """Return every number of a model as bytes, by name, with the order of modules and their modes."""
    numbers = {name: value.detach().clone().numpy().tobytes() for name, value in model.state_dict().items()}
    return numbers, [(name, id(module), module.training) for name, module in model.named_modules()]
