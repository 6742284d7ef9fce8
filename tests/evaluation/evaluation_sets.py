"""Small models and sets whose every number is known."""

import torch

from residuum import create_model
from residuum.data import ArrayImages, Augmentation, Dataset
from residuum.evaluation import Predictions
from residuum.models import Description, Preprocessing, attach


def small_network(num_classes=4, in_chans=3, side=16, resize=0, seed=0, **arguments):
    """Return a network of depth 8 with running statistics that are not those of a new one."""
    torch.manual_seed(seed)
    model = create_model("cifar_resnet", depth=8, num_classes=num_classes, in_chans=in_chans, **arguments).eval()
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
    classes = [f"class {number}" for number in range(num_classes)]
    preprocessing = Preprocessing((side, side), (0.4,) * in_chans, (0.25,) * in_chans, resize)
    return attach(model, Description("cifar_resnet", {"depth": 8}, classes=classes, preprocessing=preprocessing))


def pixels_and_labels(count=12, classes=4, side=16, seed=1):
    draw = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=draw)
    return ArrayImages(pixels, torch.randint(0, classes, (count,), generator=draw))


def a_dataset(images, classes=4, side=16):
    names = [f"class {number}" for number in range(classes)]
    mean, std = (0.4,) * 3, (0.25,) * 3
    return Dataset("pictures", names, images, images, mean, std, (side, side), Augmentation(2, True), "all")


def predicted(logits, labels):
    """Return the predictions of given logits."""
    logits = torch.as_tensor(logits, dtype=torch.float64)
    names = [f"class {number}" for number in range(logits.shape[1])]
    return Predictions(torch.as_tensor(labels), logits.log_softmax(1), names)
