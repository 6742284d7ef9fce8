"""Every source of randomness, named in one place.

A draw belongs to a stream, and a stream to a run's seed: nothing depends on what was drawn before it, so a resumed run
replays nothing and the number of workers changes nothing. The streams:

======== ==================== ==========================================
stream   numbers              decides
======== ==================== ==========================================
init                          initial weights
order    epoch                order of the training images
augment  epoch, step or image crops and flips
side                          which images are mirrored in the first epoch, where flips alternate
vary     epoch, image         colours, distortions and erased parts of images in memory
dropout  step, process        what a network draws in its forward pass
depth    step                 which branches are dropped: the same in all processes
mix      step, batch          pairs and weights of mixed images
resample                      images of the resampled sets behind an interval
halves                        which half of the images fits a temperature
probes   height, width        noise and windows of photographs that test exported files
part                          images of a part of a data set
sample                        images of an analysis
lesion   size, repeat         which blocks are removed together
swap     swaps, repeat        which blocks change places
corrupt  kind                 noise and places of corruptions
bearing  number               directions of a loss landscape
maximise                      start and shifts in activation maximisation
laws                          the examples, stacks and directions on which laws are checked
study    measurement          what a study draws: inputs, directions, which blocks
split                         training images held out to choose the best epoch
fuzz     file                 how an image file is damaged before it is read
======== ==================== ==========================================
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def seed_of(seed: int, stream: str, *numbers: int) -> int:
    """Return the 63-bit seed of a stream."""
    words = "/".join([str(seed), stream, *map(str, numbers)])
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "little") >> 1


def generator(seed: int, stream: str, *numbers: int) -> torch.Generator:
    """Return a CPU generator at the start of a stream."""
    import torch

    return torch.Generator().manual_seed(seed_of(seed, stream, *numbers))


@contextlib.contextmanager
def drawing(seed: int, stream: str, *numbers: int) -> Iterator[None]:
    """Let torch's global generator draw from a stream inside the block, and leave it untouched outside.

    The processor's generator alone: ``torch.manual_seed`` would leave those of GPUs changed, and takes as long as
    augmenting a small image.
    """
    import torch

    before = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed_of(seed, stream, *numbers))
    try:
        yield
    finally:
        torch.default_generator.set_state(before)
