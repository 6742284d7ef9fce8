"""Every setting of a run, declared once.

From a line of this table follow the flag, the recipe key, the Python keyword, the checks, the help, the section of
``config.yaml`` and the row of docs/settings.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .declaring import (
    AUGMENTATION,
    AUGMENTATIONS,
    AUTO,
    AUTO_OR_NOT_NEGATIVE,
    BELOW_ONE,
    DATA,
    EVALUATION,
    FRACTION,
    MACHINE,
    MODEL,
    NOT_NEGATIVE,
    OPTIMISATION,
    PROBABILITY,
    RISING,
    RUN,
    CacheSize,
    Open,
    Setting,
    Size,
    at_least,
    declared,
    one_of,
    setting,
)

OPTIMISERS = one_of("sgd", "nesterov", "sgdw", "adamw", "lamb", "muon", "muon_sphere")
SCHEDULES = one_of("onecycle", "cosine", "linear", "step", "constant")
VIEWS = one_of("centre", "flip", "ten-crop", "shifts", "multi-scale")
PRECISIONS = one_of(AUTO, "fp32", "bf16")

BY_DATA, BY_WEIGHTS, BY_MACHINE = Open("the data"), Open("the weights, or the data"), Open("the machine")


# fmt: off
@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides a run's numbers.

    >>> resumed_run("runs/mine", {}).settings.model_arguments["depth"]
    8
    """

    data: str = setting(DATA, "digits, cifar10, fashion_mnist, or a folder of images", Open("you"), everyday=True,
        free=True, moves=True)
    image_size: Size = setting(DATA, "side, or height and width (24x32), pixels", BY_WEIGHTS, short="--img-size",
        everyday=True)
    resize: int = setting(DATA, "shorter side before the centre crop of evaluation; 0: stretch", BY_DATA,
        rule=at_least(0))
    mean: list[float] = setting(DATA, "of each channel, of values scaled to 0..1", BY_WEIGHTS)
    std: list[float] = setting(DATA, "of each channel", BY_WEIGHTS)
    cache: CacheSize = setting(DATA, "shorter side of the decoded images that --cache keeps, pixels", 0,
        flag="--cache-size", rule=AUTO_OR_NOT_NEGATIVE)
    max_pixels: int = setting(DATA, "largest image of a folder, pixels; larger ones are left out", 178_956_970,
        rule=at_least(1), free=True)
    strict: bool = setting(DATA, "stop at a damaged image", False, free=True)
    balanced: bool = setting(DATA, "draw all classes equally often", False)

    model: str = setting(MODEL, "a name from `residuum models`", BY_WEIGHTS, everyday=True, free=True)
    model_arguments: dict[str, Any] = setting(MODEL, "of the builder, such as '{widths: [16, 32, 64]}'", BY_DATA,
        free=True)
    weights: str | None = setting(MODEL, "start from a file, torchvision:, timm: or hf://", None, everyday=True)

    epochs: int = setting(OPTIMISATION, "times through the training images", BY_DATA, rule=at_least(1), everyday=True)
    batch_size: int = setting(OPTIMISATION, "images a step, of all processes together", BY_DATA, rule=at_least(1),
        short="-b", everyday=True)
    lr: float = setting(OPTIMISATION, "peak learning rate", BY_WEIGHTS, rule=NOT_NEGATIVE, everyday=True)
    opt: str = setting(OPTIMISATION, "sgd, nesterov, sgdw, adamw, lamb, muon, muon_sphere", "sgd", rule=OPTIMISERS,
        everyday=True)
    momentum: float = setting(OPTIMISATION, "momentum, or AdamW's first beta", 0.9, rule=BELOW_ONE)
    weight_decay: float = setting(OPTIMISATION, "of what --decay names", 5e-4, rule=NOT_NEGATIVE, short="--wd",
        everyday=True)
    decay: str = setting(OPTIMISATION, "what decays: matrices (filters too), or all parameters", "matrices",
        rule=one_of("matrices", "all"))
    sched: str = setting(OPTIMISATION, "onecycle, cosine, linear, step or constant", "onecycle", rule=SCHEDULES,
        everyday=True)
    milestones: list[float] = setting(OPTIMISATION, "shares of the run after which a step falls", [0.5, 0.75],
        rule=RISING)
    gamma: float = setting(OPTIMISATION, "factor of each step", 0.1, rule=FRACTION)
    warmup_epochs: float = setting(OPTIMISATION, "straight rise to the peak rate", 0, rule=NOT_NEGATIVE)
    warmup_lr: float | None = setting(OPTIMISATION, "constant rate of the warm-up, instead of a rise", None)
    loss: str = setting(OPTIMISATION, "cross_entropy, or binary: a yes or no for each class", "cross_entropy",
        rule=one_of("cross_entropy", "binary"))
    label_smoothing: float = setting(OPTIMISATION, "share of the label spread over all classes", 0.0, rule=BELOW_ONE,
        short="--smoothing")
    head_lr: float | None = setting(OPTIMISATION, "the classifier's own peak rate", None)
    bias_lr: float | None = setting(OPTIMISATION, "peak rate of biases and of the parameters of norms", None)
    backbone_lr: float = setting(OPTIMISATION, "share of the rate for all but the classifier", 1.0, rule=FRACTION)
    freeze: int = setting(OPTIMISATION, "how many of stem and stages keep their weights", 0)
    whiten: bool = setting(OPTIMISATION, "compute the stem's filters from the training images", False)
    grad_accum: int = setting(OPTIMISATION, "batches whose gradients make one step", 1, rule=at_least(1))
    clip_grad: float = setting(OPTIMISATION, "largest norm of the whole gradient; 0: any", 0.0, rule=at_least(0))
    ema: float = setting(OPTIMISATION, "decay of a running average of the weights, such as 0.999", 0.0, rule=BELOW_ONE)

    pad: int = setting(AUGMENTATION, "border that random shifts draw from, pixels", BY_DATA, rule=at_least(0))
    pad_mode: str = setting(AUGMENTATION, "the border: zeros, or reflect, the image mirrored", "zeros",
        rule=one_of("zeros", "reflect"))
    flip: bool = setting(AUGMENTATION, "mirror images left to right", BY_DATA)
    flip_mode: str = setting(AUGMENTATION, "random, or alternate: mirrored every second epoch", "random",
        rule=one_of("random", "alternate"))
    mixup: float = setting(AUGMENTATION, "alpha; images are laid over one another", 0.0, rule=NOT_NEGATIVE,
        everyday=True)
    cutmix: float = setting(AUGMENTATION, "alpha; rectangles are pasted into one another", 0.0, rule=NOT_NEGATIVE)
    auto_augment: str | None = setting(AUGMENTATION, "trivialaugment, randaugment or randaugment-N", None,
        rule=AUGMENTATIONS, short="--aa", everyday=True)
    random_erasing: float = setting(AUGMENTATION, "probability of a filled rectangle", 0.0, rule=PROBABILITY,
        short="--reprob")
    crop_scale: float = setting(AUGMENTATION, "least share of the area that a random crop of a file keeps", 0.35,
        rule=FRACTION)
    train_size: Size | None = setting(AUGMENTATION, "side, or 24x32, in training, if not --image-size", None)
    early_epochs: int = setting(AUGMENTATION, "number of first epochs at --early-size", 0)
    early_size: Size | None = setting(AUGMENTATION, "side, or 24x32, in the first epochs, pixels", None)

    val_split: float = setting(EVALUATION, "share of the training images that chooses the epoch", BY_DATA, before=0.0,
        everyday=True)
    choose: str = setting(EVALUATION, "the best epoch on validation, or the last", BY_DATA, before="best",
        rule=one_of("best", "last"), everyday=True)
    views: str = setting(EVALUATION, "how the result shows its images, see `evaluate`", "centre", rule=VIEWS)
    validate_every: int = setting(EVALUATION, "epochs between validations", 1, rule=at_least(1))
    val_precision: str = setting(EVALUATION, "of validation: auto (training's), fp32 or bf16", AUTO, before="fp32",
        rule=PRECISIONS, free=True, measured=True)

    device: str = setting(MACHINE, "auto, cpu, cuda or mps", AUTO, rule=one_of(AUTO, "cpu", "cuda", "mps"),
        everyday=True, free=True, measured=True)
    precision: str = setting(MACHINE, "auto (measured), fp32 or bf16", AUTO, rule=PRECISIONS, everyday=True, free=True,
        measured=True)
    kernels: str = setting(MACHINE, "auto, plain (torch's own), or fused: norm, addition and activation in one", AUTO,
        before="plain", rule=one_of(AUTO, "plain", "fused"), free=True, measured=True)
    winograd: bool = setting(MACHINE, "3x3 convolutions with a quarter of the products, in bf16: docs/speed.md", False,
        free=True)
    threads: int = setting(MACHINE, "of the processor", BY_MACHINE, rule=at_least(1), free=True, measured=True,
        moves=True)
    workers: int = setting(MACHINE, "processes that decode images", BY_MACHINE, rule=at_least(0), short="-j",
        everyday=True, free=True, moves=True)
    processes: int = setting(MACHINE, "processes on this machine that train together", BY_MACHINE, before=1,
        rule=at_least(1), free=True)
    sync_bn: bool = setting(MACHINE, "batch norm over the images of all processes", False)

    recipe: str | None = setting(RUN, "a published way to train, by name, or a YAML file", None,
        everyday=True, free=True)
    seed: int = setting(RUN, "decides every random draw", 0, everyday=True, free=True)
    licence: str = setting(RUN, "written into the weights files", "unspecified", free=True)
    checkpoint_every: int = setting(RUN, "steps between checkpoints; 0: at each epoch's end", 0, rule=at_least(0),
        free=True)
    keep: int = setting(RUN, "checkpoints kept beside the best weights", 2, rule=at_least(1), free=True)


SETTINGS = declared(Settings)

# Arguments of the model that have flags of their own; they belong to model_arguments.
PARTS = {
    "num_classes": Setting("num_classes", "int", MODEL, "logits; the data's classes unless given", rule=at_least(1)),
    "depth": Setting("depth", "int", MODEL, "layers, for builders such as cifar_resnet", everyday=True),
    "shortcut": Setting("shortcut", "str", MODEL, "A, B or C, for residual networks"),
}
# fmt: on
