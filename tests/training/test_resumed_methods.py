"""A run broken off in mid-epoch ends with the same bytes, whatever the method draws and keeps."""

import os
import signal

import pytest

from residuum.training import Interrupted, Step, new_run, resumed_run, train

SMALL = {"data": "digits[:160,:40]", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]},
         "epochs": 2, "batch_size": 32, "precision": "fp32", "threads": 1}  # fmt: skip
METHODS = {
    "lamb, mixed, varied, binary": {"opt": "lamb", "lr": 0.01, "loss": "binary", "mixup": 0.2, "cutmix": 1.0,
                                    "auto_augment": "randaugment", "random_erasing": 0.3},
    "muon, balanced": {"opt": "muon", "lr": 0.01, "balanced": True, "sched": "step", "warmup_epochs": 0.4,
                       "warmup_lr": 0.001},
    "nesterov, frozen, chosen apart": {"opt": "nesterov", "freeze": 2, "backbone_lr": 0.1, "val_split": 0.2,
                                       "decay": "all", "ema": 0.9},
    "whitened, alternating, growing": {"model": "fast_resnet", "model_arguments": {"widths": [4, 8, 8]},
                                       "opt": "muon_sphere", "sched": "linear", "lr": 0.2, "head_lr": 0.01,
                                       "bias_lr": 5.0, "whiten": True, "freeze": 1, "pad": 1, "pad_mode": "reflect",
                                       "flip": True, "flip_mode": "alternate", "image_size": [16, 16],
                                       "early_epochs": 1, "early_size": [12, 12], "views": "shifts",
                                       "choose": "last", "validate_every": 2},
}  # fmt: skip
FILES = ("config.yaml", "summary.csv", "result.json", "last.safetensors", "model.safetensors")


@pytest.mark.parametrize("name", METHODS)
def test_a_broken_run_ends_with_the_same_bytes(name, tmp_path):
    given = {**SMALL, **METHODS[name]}
    list(train(new_run(tmp_path / "whole", given), report=False))
    with pytest.raises(Interrupted):
        for event in train(new_run(tmp_path / "broken", given), report=False):
            if isinstance(event, Step) and event.number == 5:
                os.kill(os.getpid(), signal.SIGINT)
    list(train(resumed_run(tmp_path / "broken", {}), report=False))
    for file in FILES:
        assert (tmp_path / "broken" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file
