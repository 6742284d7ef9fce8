"""Train a ResNet-20 on CIFAR-10 like torchvision's reference scripts: the loop that most people write.

Command   python benchmarks/peers/ordinary.py [--steps 100] [--workers 2]
Prints    images/s over the steps after the first ten
Check     `residuum bench training --data cifar10` runs the same loop in its first row; alone, both must agree
"""

import argparse
import time

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from residuum import create_model
from residuum.compat import import_torchvision
from residuum.data import open_data

import_torchvision()
from torchvision import transforms  # noqa: E402

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)


class Cifar10(Dataset):
    """The items of torchvision.datasets.CIFAR10, from the images that Residuum stores."""

    def __init__(self, transform):
        images = open_data("cifar10").train
        self.pixels, self.labels = images.pixels.permute(0, 2, 3, 1).contiguous().numpy(), images.labels.tolist()
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=128)
    args = parser.parse_args()
    transform = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    loader = DataLoader(Cifar10(transform), args.batch_size, shuffle=True, num_workers=args.workers, drop_last=True)
    model = create_model("cifar_resnet20").train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    started = 0.0
    for step, (images, labels) in zip(range(args.steps + 10), loader, strict=False):
        if step == 10:
            started = time.perf_counter()
        loss = nn.functional.cross_entropy(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()
    print(f"{args.steps * args.batch_size / (time.perf_counter() - started):,.0f} images/s")


if __name__ == "__main__":
    main()
