"""When memory does not suffice: which batch size would."""

from __future__ import annotations

import contextlib
import gc
import traceback
from collections.abc import Iterator

import torch
from torch import Tensor

from ..errors import OutOfMemory
from ..machine.allocator import release_freed_memory
from .checkpoint import checkpoints
from .epochs import method_of, steps_per_epoch
from .loop import train_steps
from .run import Run
from .state import begin

# What torch, oneDNN and the C++ library say of it; oneDNN says no more than that it could not create something.
WORDS = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "bad allocation",
         "could not create a primitive", "could not create a memory")  # fmt: skip


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether that is what an error means; torch has a name for it on GPUs, and a mere RuntimeError on CPUs."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS)


@contextlib.contextmanager
def telling_memory(run: Run | None = None) -> Iterator[None]:
    """Turn the failure of an allocation in a run's training into OutOfMemory, which says which batch size fits.

    That is tried: after the failure what was held is let go of, and a step is made of half the batch, a quarter, ...
    Before there is a run (in the trial of precisions) nothing smaller is tried.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        traceback.clear_frames(error.__traceback__)  # the frames of the step hold its activations
        gc.collect()
        release_freed_memory()
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if run is None:
            said = f"out of memory before the first step ({reason}): take a smaller --model or --image-size"
        else:
            said = f"out of memory with batches of {run.settings.batch_size} ({reason}). {_advice(run)}"
        raise OutOfMemory(said) from None


def largest_batch(run: Run, size: int) -> int:
    """Return the first of ``size``, a half of it, a quarter, ... of which a training step can be made; 0: not of two.

    Each is tried with images of noise, with the run's model, optimiser, loss and precision. The run's weights are not
    those of its training after this.
    """
    while size > 1:  # batch norm needs two
        try:
            _one_step(run, size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            traceback.clear_frames(error.__traceback__)
            size //= 2
            continue
        return size
    return 0


def _one_step(run: Run, size: int) -> None:
    settings = run.settings
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    height, width = settings.train_size or settings.image_size
    pixels = torch.randint(0, 256, (size, len(settings.mean), height, width), dtype=torch.uint8)
    labels = torch.arange(size) % len(run.dataset.classes)
    state = begin(run.model, settings)
    batch: tuple[Tensor, Tensor] = (pixels, labels)
    method = method_of(settings, steps_per_epoch(run.dataset, settings))
    for _ in train_steps(state.model, [[batch]], state.optimiser, method, average=state.average):
        pass


def _advice(run: Run) -> str:
    settings = run.settings
    step = settings.batch_size * settings.grad_accum
    kept = "What was saved before is kept" if checkpoints(run.directory) else "Nothing had been saved yet"
    if settings.processes > 1:  # the others have stopped in the middle of a step, and no trial can be made without them
        if (half := settings.batch_size // 2) < 2 * settings.processes:  # batch norm needs two images in each
            return f"Take fewer --processes, a smaller --model or --image-size. {kept}"
        return f"Start another run with --batch-size {half}, or less. {kept}"
    if not (fits := largest_batch(run, settings.batch_size // 2)):
        return f"Not even two images fit: take a smaller --model or --image-size. {kept}"
    same = "the same step" if step % fits == 0 else "about the same step"
    return (
        f"A batch of {fits} fits, as a trial of it showed: start another run with --batch-size {fits}, and with "
        f"--grad-accum {round(step / fits)} for {same}. {kept}"
    )
