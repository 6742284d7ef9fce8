"""Operations on whole batches of pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from .share import ALL, Share

PAD_MODES = ("zeros", "reflect")


def pad_crop_flip(
    pixels: Tensor,
    pad: int,
    flip: bool,
    draw: torch.Generator,
    share: Share = ALL,
    total: int | None = None,
    *,
    mode: str = "zeros",
) -> Tensor:
    """Pad, crop each image back to its size at its own offset, and mirror half of them.

    Only copies bytes, so that the result depends on the generator alone (He15 section 4.2).

    Args:
        pixels: uint8 [B, C, H, W].
        pad: pixels on each side; 0 does not shift.
        flip: mirror left and right with probability one half.
        draw: the generator of offsets and flips.
        share: the part of the batch that the images are; an image's draw depends on its place in the whole batch.
        total: images in the whole batch [default: these].
        mode: the padding: "zeros", or "reflect", the image mirrored without its border.
    """
    count, _, height, width = pixels.shape
    whole = count if total is None else total
    places = share.places(whole)
    down = torch.randint(0, 2 * pad + 1, (whole,), generator=draw)[places]
    right = torch.randint(0, 2 * pad + 1, (whole,), generator=draw)[places]
    mirrored = torch.randint(0, 2, (whole,), generator=draw)[places].bool() & flip
    padded = F.pad(pixels, (pad, pad, pad, pad)) if mode == "zeros" else reflected(pixels, pad)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # [B, C, 2 pad + 1, 2 pad + 1, H, W], a view
    cropped = windows[torch.arange(count), :, down, right]
    return mirror(cropped, mirrored)


def mirror(pixels: Tensor, which: Tensor) -> Tensor:
    """Flip some of the images left to right, in place: [B, C, H, W] and bool [B]."""
    pixels[which] = pixels[which].flip(-1)
    return pixels


def reflected(pixels: Tensor, pad: int) -> Tensor:
    """Return the images padded by reflection: [B, C, H + 2 pad, W + 2 pad]."""
    rows, columns = (_reflection(side, pad) for side in pixels.shape[-2:])
    return pixels[:, :, rows][..., columns]


def _reflection(side: int, pad: int) -> Tensor:
    """Return the source index of each line of the padded image: for 4 and 2, 2 1 0 1 2 3 2 1."""
    places = torch.arange(-pad, side + pad).abs()
    return torch.where(places < side, places, 2 * (side - 1) - places)


def resize_batch(pixels: Tensor, size: tuple[int, int], interpolation: str = "bilinear") -> Tensor:
    """Return uint8 [B, C, *size], antialiased; the same tensor where the size already fits."""
    if tuple(pixels.shape[-2:]) == tuple(size):
        return pixels
    return F.interpolate(pixels, size, mode=interpolation, antialias=True)


def match_channels(pixels: Tensor, channels: int) -> Tensor:
    """Return [B, channels, H, W]: repeats grey, converts colour to grey.

    The weights are those of ITU-R 601-2, as in Pillow and torchvision.
    """
    have = pixels.shape[1]
    if have == channels:
        return pixels
    if have == 1:
        return pixels.expand(-1, channels, -1, -1)
    if have == 3 and channels == 1:
        weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        return (pixels.float() * weights).sum(1, keepdim=True).round().to(torch.uint8)
    raise InputError(f"the network takes {channels} channels and the images have {have}; build it with in_chans={have}")


class Normalise:
    """(pixels / 255 - mean) / std, per channel: uint8 [B, C, H, W] to float32, channels last."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...], device: torch.device | str = "cpu") -> None:
        self.scale = (1 / (255 * torch.tensor(std, dtype=torch.float64))).float().view(1, -1, 1, 1).to(device)
        self.shift = (-torch.tensor(mean, dtype=torch.float64) / torch.tensor(std)).float().view(1, -1, 1, 1).to(device)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return the batch on the device of the constants.

        Processes a row of an image as one vector, with the constants repeated for each pixel: vectors of three would
        take twice as long, and so would changing the memory order after the conversion to floats.
        """
        pixels = match_channels(pixels, self.scale.shape[1]).to(self.scale.device, non_blocking=True)
        rows = pixels.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
        count, height, width, channels = rows.shape
        scale, shift = (constant.flatten().repeat(width) for constant in (self.scale, self.shift))
        done = torch.addcmul(shift, rows.reshape(count, height, width * channels).float(), scale)
        return done.view(count, height, width, channels).permute(0, 3, 1, 2)
