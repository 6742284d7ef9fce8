"""A run's settings, all resolved: what ``config.yaml`` holds."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from residuum_runtime.missing import files_like
from residuum_runtime.reading import MAX_PIXELS

from ..errors import InputError
from ..files import write_text

AUTO = "auto"  # asked for, and left open


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run's numbers.

    >>> resumed_run("runs/mine", {}).settings.model_arguments["depth"]
    8
    """

    data: str
    model: str
    model_arguments: dict[str, Any]
    weights: str | None
    image_size: list[int]  # height, width, pixels
    mean: list[float]  # one per channel, of values scaled to 0..1
    std: list[float]
    resize: int  # shorter side before the centre crop in evaluation; 0: stretch to image_size
    epochs: int
    batch_size: int  # pictures of all processes together
    opt: str
    lr: float
    momentum: float
    weight_decay: float
    sched: str
    warmup_epochs: float
    label_smoothing: float
    pad: int
    flip: bool
    seed: int
    device: str
    precision: str
    threads: int
    workers: int
    strict: bool
    licence: str
    # What came later has a default, so that the runs of earlier versions can be gone on with.
    recipe: str | None = None  # its name in recipes/
    milestones: list[float] = field(default_factory=lambda: [0.5, 0.75])  # shares of the run after which a step falls
    gamma: float = 0.1  # factor of each step
    warmup_lr: float | None = None  # a constant rate in the warm-up; none: a straight rise
    loss: str = "cross_entropy"  # or "binary": a yes or no for each class (arXiv:2110.00476)
    decay: str = "matrices"  # what weight decay acts on: filters and matrices, or "all" parameters
    grad_accum: int = 1  # batches whose gradients make one step
    clip_grad: float = 0.0  # largest norm of the whole gradient; 0: any
    ema: float = 0.0  # decay of the running average of the weights; 0: none is kept
    mixup: float = 0.0  # alpha of the Beta distribution; 0: pictures are not mixed
    cutmix: float = 0.0
    auto_augment: str | None = None  # "randaugment", "trivialaugment"
    random_erasing: float = 0.0  # probability of a picture
    crop_scale: float = 0.35  # least share of the area that a random crop of a file keeps
    train_size: list[int] | None = None  # height, width in training where it is not image_size
    cache: int = 0  # shorter side, pixels, at which a folder's pictures are kept decoded; 0: decoded in each epoch
    val_split: float = 0.0  # share of the training pictures that chooses the best epoch; the rest trains
    choose: str = "best"  # epoch on validation, or "last": whose weights are the result
    balanced: bool = False  # draw classes equally often
    backbone_lr: float = 1.0  # share of the rate with which all but the classifier learns
    head_lr: float | None = None  # the classifier's own peak rate; none: lr
    bias_lr: float | None = None  # that of biases and of what norms learn
    freeze: int = 0  # how many of stem and stages keep their weights
    sync_bn: bool = False  # batch norm's statistics over all processes
    processes: int = 1
    checkpoint_every: int = 0  # steps between checkpoints within an epoch; 0: at its end only
    kernels: str = "plain"  # or "fused": norm, addition and activation in one operation (nn/fuse.py)
    keep: int = 2  # checkpoints kept beside the best weights
    whiten: bool = False  # compute the stem's filters from the training pictures (nn/whitening.py)
    pad_mode: str = "zeros"  # what stands beyond the border: or "reflect", the picture mirrored
    flip_mode: str = "random"  # or "alternate": each picture is mirrored in every second epoch
    early_epochs: int = 0  # so many epochs at early_size
    early_size: list[int] | None = None  # height, width, pixels
    views: str = "centre"  # how the result's pictures are shown (evaluation/views.py)
    winograd: bool = False  # 3x3 convolutions with a quarter of the products, where that is faster (nn/winograd.py)
    validate_every: int = 1  # epochs; the last one is validated always
    val_precision: str = "fp32"  # of validation; in bf16 norms are folded (evaluation/precision.py)
    max_pixels: int = MAX_PIXELS  # the largest image of a folder; larger ones are left out

    def write(self, path: Path) -> None:
        """Write the settings as YAML."""
        write_text(path, yaml.safe_dump(asdict(self), sort_keys=False))


def read_settings(path: Path) -> Settings:
    """Read ``config.yaml``, naming keys that are missing or unknown."""
    if not path.exists():
        hint = "give the folder that a training run has written" if path.parent.is_dir() else files_like(path.parent)
        raise InputError(f"{path.parent} is no run: it has no {path.name}; {hint}")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {error}") from error
    known = {entry.name: entry.default is MISSING and entry.default_factory is MISSING for entry in fields(Settings)}
    required = {name for name, needed in known.items() if needed}
    names = set(found) if isinstance(found, dict) else set()
    if difference := sorted((required - names) | (names - set(known))):
        raise InputError(f"{path} must hold the keys of a run's settings; missing or unknown: {', '.join(difference)}")
    return Settings(**found)


def differing(saved: Settings, asked: dict[str, Any]) -> list[str]:
    """Return ``key: saved X, asked Y`` for each asked value that is not the saved one.

    Of the model's arguments those count that are asked for. A cache whose size is left open is any.
    """
    stored, parts = asdict(saved), asked.get("model_arguments", {})
    pairs = [(key, stored[key], value) for key, value in asked.items() if key != "model_arguments"]
    pairs += [(key, stored["model_arguments"].get(key), value) for key, value in parts.items()]
    pairs = [(key, before, value) for key, before, value in pairs if not (key == "cache" and value == AUTO and before)]
    return [f"{key}: saved {before}, asked {value}" for key, before, value in pairs if before != value]
