"""A running average of the weights, which often tests better than the weights of any one step (arXiv:1803.05407)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def running_average(model: nn.Module, decay: float) -> AveragedModel:
    """Return a copy of the model whose weights become, after each step, d * average + (1 - d) * weights.

    d is ``decay`` in the long run. After n steps it is at most (1 + n) / (10 + n), as TensorFlow's
    ExponentialMovingAverage has it: with a decay of 0.9999 a run of 2,000 steps would else end with four fifths of its
    first weights.

    Batch norm's running mean and variance are averaged like the weights (torchvision and timm do the same): they then
    belong to weights of the same age, where a copy of the newest would belong to the newest weights only. The count of
    batches, which is no statistic, is copied.
    """

    def blend(averages: list[Tensor], current: list[Tensor], steps: Tensor | int) -> None:
        if averages[0].is_floating_point():
            get_ema_multi_avg_fn(min(decay, (1 + int(steps)) / (10 + int(steps))))(averages, current, steps)
        else:
            for average, value in zip(averages, current, strict=True):
                average.copy_(value)

    return AveragedModel(model, multi_avg_fn=blend, use_buffers=True)  # type: ignore[arg-type]
