"""The corruptions of CIFAR-10-C (Hendrycks and Dietterich 2019, arXiv:1903.12261, section 3) for 32x32 images.

The fifteen of the paper with the constants of the authors' script for CIFAR-10, ``make_cifar_c.py``; a strength from 1
to 5 is its severity. The script works on one image with scikit-image, OpenCV and ImageMagick; these work on tensors and
on the caller's stream. Of three the mechanism is kept and the texture is another: frost is laid on from drawn
crystals instead of photographs, snow and motion are blurred by a straight line, and fog is a sum of octaves
of smoothed noise instead of a diamond-square plasma.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Severity = tuple[float, ...]
STEPS_OF_ZOOM = (0.06, 0.11, 0.16, 0.21, 0.26)

CONSTANTS: dict[str, tuple[Severity, ...]] = {
    "gaussian-noise": ((0.04,), (0.06,), (0.08,), (0.09,), (0.10,)),  # standard deviation
    "shot-noise": ((500,), (250,), (100,), (75,), (50,)),  # photons of a white pixel
    "impulse-noise": ((0.01,), (0.02,), (0.03,), (0.05,), (0.07,)),  # share of the values
    "defocus-blur": ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),  # radius, softness of its edge
    "glass-blur": ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),  # deviation, reach, rounds
    "motion-blur": ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),  # radius, deviation
    "zoom-blur": tuple((end,) for end in STEPS_OF_ZOOM),  # largest zoom less 1, in steps of 0.01
    "snow": (  # mean, deviation, zoom, threshold, radius, deviation of the motion, share of the image that stays
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95), (0.1, 0.2, 1, 0.5, 10, 4, 0.9), (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85), (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ),
    "frost": ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),  # share of the image, of the frost
    "fog": ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),  # thickness, decay of finer octaves
    "brightness": ((0.05,), (0.1,), (0.15,), (0.2,), (0.3,)),  # added to the value of HSV
    "contrast-c": ((0.75,), (0.5,), (0.4,), (0.3,), (0.15,)),  # share of the contrast that stays
    "elastic": (  # size, deviation and affine shift, as shares of the side
        (0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03),
    ),
    "pixelate": ((0.95,), (0.9,), (0.85,), (0.75,), (0.65,)),  # share of the side
    "jpeg": ((80,), (65,), (58,), (50,), (40,)),  # quality
}  # fmt: skip


def gaussian_noise(x: Tensor, scale: float) -> Tensor:
    """Add normal noise."""
    return x + scale * torch.randn(x.shape)


def shot_noise(x: Tensor, photons: float) -> Tensor:
    """Draw photon counts from a Poisson process of that light."""
    return torch.poisson(x * photons) / photons


def impulse_noise(x: Tensor, share: float) -> Tensor:
    """Set that share of the values to black or white."""
    drawn = torch.rand(x.shape)
    return torch.where(drawn < share / 2, 0.0, torch.where(drawn < share, 1.0, x))


def defocus_blur(x: Tensor, radius: float, edge: float) -> Tensor:
    """Convolve with a disk whose edge is smoothed by a Gaussian of that deviation."""
    reach = 8 if radius <= 8 else math.ceil(radius)
    at = torch.arange(-reach, reach + 1.0)
    disk = (at[:, None] ** 2 + at**2 <= radius**2).float()
    disk = _gaussian((disk / disk.sum())[None, None], edge, 1)[0, 0]
    return _convolved(x, disk)


def glass_blur(x: Tensor, scale: float, reach: float, rounds: float) -> Tensor:
    """Swap neighbouring pixels at random, between two Gaussian blurs."""
    x, reach = _gaussian(x, scale).clone(), int(reach)
    count, _, height, width = x.shape
    every = torch.arange(count)
    for _ in range(int(rounds)):
        for row in range(height - reach - 1, reach - 1, -1):
            for column in range(width - reach - 1, reach - 1, -1):
                by = torch.randint(-reach, reach, (2, count))
                rows, columns = row + by[0], column + by[1]
                here, there = x[every, :, row, column].clone(), x[every, :, rows, columns].clone()
                x[every, :, row, column], x[every, :, rows, columns] = there, here
    return _gaussian(x, scale)


def motion_blur(x: Tensor, radius: float, scale: float) -> Tensor:
    """Blur along a line, each image at its own angle between -45 and 45 degrees."""
    angles = (torch.rand(len(x)) - 0.5) * math.pi / 2
    return torch.cat([_moved(one[None], radius, scale, float(angle)) for one, angle in zip(x, angles, strict=True)])


def zoom_blur(x: Tensor, most: float) -> Tensor:
    """Average the image with itself at every zoom from 1 on, in steps of 0.01."""
    zoomed = [_zoomed(x, 1 + step) for step in np.arange(0, most, 0.01)]
    return torch.stack([x, *zoomed]).mean(0)


def snow(x: Tensor, mean: float, scale: float, zoom: float, least: float, radius: float, moved: float, stays: float
         ) -> Tensor:  # fmt: skip
    """Overlay a paled image with blown flakes, and the same upside down."""
    flakes = _zoomed(mean + scale * torch.randn(len(x), 1, *x.shape[-2:]), zoom)
    flakes = torch.where(flakes < least, 0.0, flakes).clamp(0, 1)
    angles = -(135 - 90 * torch.rand(len(x))) * math.pi / 180
    flakes = torch.cat([_moved(one[None], radius, moved, float(a)) for one, a in zip(flakes, angles, strict=True)])
    pale = torch.maximum(x, _grey(x) * 1.5 + 0.5)
    return stays * x + (1 - stays) * pale + flakes + flakes.flip(-2, -1)


def frost(x: Tensor, stays: float, share: float) -> Tensor:
    """Overlay the image with drawn crystals: rough noise, its ridges bright and bluish."""
    count, height, width = len(x), *x.shape[-2:]
    ridges = 1 - (2 * _octaves(count, height, width, 1.6) - 1).abs()
    tint = torch.tensor([0.85, 0.93, 1.0]).view(1, 3, 1, 1) if x.shape[1] == 3 else 1.0
    return stays * x + share * ridges**2 * tint


def fog(x: Tensor, thick: float, decay: float) -> Tensor:
    """Overlay the image with clouds, and keep its brightest value."""
    brightest = x.amax((1, 2, 3), keepdim=True)
    return (x + thick * _octaves(len(x), x.shape[2], x.shape[3], decay)) * brightest / (brightest + thick)


def brightness(x: Tensor, by: float) -> Tensor:
    """Add to the value of hue, saturation and value: every channel grows by the same factor."""
    value = x.amax(1, keepdim=True)
    raised = (value + by).clamp(max=1)
    return torch.where(value > 0, x * raised / value.clamp(min=1e-6), raised)


def contrast(x: Tensor, stays: float) -> Tensor:
    """Keep that share of each channel's distance from its mean."""
    means = x.mean((2, 3), keepdim=True)
    return (x - means) * stays + means


def elastic(x: Tensor, size: float, scale: float, shift: float) -> Tensor:
    """Shear the image by three displaced corners, and move its pixels along a smooth random field."""
    count, _, height, width = x.shape
    corners = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]]) / 3  # a triangle within the image, from -1 to 1
    moved = corners + (2 * torch.rand(count, 3, 2) - 1) * 2 * shift
    ones = torch.ones(count, 3, 1)
    affine = torch.linalg.solve(torch.cat((moved, ones), 2), corners.expand(count, 3, 2)).mT  # where a pixel came from
    grid = F.affine_grid(affine, [count, 1, height, width], align_corners=False)
    if size:
        field = _gaussian(2 * torch.rand(count, 2, height, width) - 1, scale * height) * size * height
        grid = grid + field.permute(0, 2, 3, 1) * 2 / torch.tensor([width, height])
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def pixelate(x: Tensor, share: float) -> Tensor:
    """Shrink the image by areas, and enlarge it again by the nearest pixels."""
    small = F.interpolate(x, size=[max(1, int(side * share)) for side in x.shape[-2:]], mode="area")
    return F.interpolate(small, size=x.shape[-2:], mode="nearest")


def jpeg(x: Tensor, quality: float) -> Tensor:
    """Write each image as JPEG and read it again."""
    from PIL import Image

    read = []
    for one in x.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy():
        buffer = io.BytesIO()
        Image.fromarray(one.squeeze(-1) if one.shape[-1] == 1 else one).save(buffer, "JPEG", quality=int(quality))
        again = np.asarray(Image.open(buffer)).reshape(one.shape)
        read.append(torch.from_numpy(again.copy()).permute(2, 0, 1))
    return torch.stack(read).float() / 255


APPLY: dict[str, Callable[..., Tensor]] = {
    "gaussian-noise": gaussian_noise, "shot-noise": shot_noise, "impulse-noise": impulse_noise,
    "defocus-blur": defocus_blur, "glass-blur": glass_blur, "motion-blur": motion_blur, "zoom-blur": zoom_blur,
    "snow": snow, "frost": frost, "fog": fog, "brightness": brightness, "contrast-c": contrast, "elastic": elastic,
    "pixelate": pixelate, "jpeg": jpeg,
}  # fmt: skip


def _gaussian(x: Tensor, scale: float, least: int = 0) -> Tensor:
    """Convolve with a Gaussian of that deviation, pixels; the border is repeated."""
    reach = max(least, math.ceil(4 * scale)) if scale > 0 else 0
    if not reach:
        return x
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1.0) / scale) ** 2)
    line = line / line.sum()
    return _convolved(_convolved(x, line[None]), line[:, None])


def _convolved(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve every channel with the kernel [h, w]; the border is repeated."""
    tall, wide = (side // 2 for side in kernel.shape)
    padded = F.pad(x, (wide, wide, tall, tall), mode="replicate")
    channels = x.shape[1]
    return F.conv2d(padded, kernel.expand(channels, 1, *kernel.shape).contiguous(), groups=channels)


def _moved(x: Tensor, radius: float, scale: float, angle: float) -> Tensor:
    """Average the image over a way in one direction, nearer places counting more."""
    at = torch.arange(0, 2 * radius + 1)
    weights = torch.exp(-0.5 * (at / scale) ** 2)
    weights = weights / weights.sum()
    height, width = x.shape[-2:]
    result = torch.zeros_like(x)
    for place, weight in zip(at.tolist(), weights.tolist(), strict=True):
        down, right = round(place * math.sin(angle)), round(place * math.cos(angle))
        rows = (torch.arange(height) - down).clamp(0, height - 1)
        columns = (torch.arange(width) - right).clamp(0, width - 1)
        result += weight * x[..., rows[:, None], columns]
    return result


def _zoomed(x: Tensor, factor: float) -> Tensor:
    """Return the middle of the image enlarged by that factor, bilinear, at the image's size."""
    height, width = x.shape[-2:]
    tall, wide = (math.ceil(side / factor) for side in (height, width))
    top, left = (height - tall) // 2, (width - wide) // 2
    middle = x[..., top : top + tall, left : left + wide]
    return F.interpolate(middle, size=(height, width), mode="bilinear", align_corners=False)


def _grey(x: Tensor) -> Tensor:
    if x.shape[1] != 3:
        return x.mean(1, keepdim=True)
    return (x * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _octaves(count: int, height: int, width: int, decay: float) -> Tensor:
    """Return clouds [N, 1, H, W] from 0 to 1: smoothed noise of halved sizes, each weaker by the factor ``decay``."""
    total, side, strength = torch.zeros(count, 1, height, width), 2, 1.0
    while side <= max(height, width):
        rough = torch.rand(count, 1, side, side)
        total += strength * F.interpolate(rough, size=(height, width), mode="bilinear", align_corners=False)
        side, strength = 2 * side, strength / decay
    low, high = total.amin((1, 2, 3), keepdim=True), total.amax((1, 2, 3), keepdim=True)
    return (total - low) / (high - low).clamp(min=1e-6)
