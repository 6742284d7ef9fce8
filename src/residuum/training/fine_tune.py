"""Which fine-tuning suits how many pictures: weights already trained, taught other classes."""

from __future__ import annotations

from typing import Any

import torch

from ..data import Dataset
from ..models import Description, create_model

# Fewer pictures than this ...
FEW = 500  # ... teach a classifier, but would only spoil the features
SOME = 5_000  # ... refine the later features; the earlier ones (edges, textures) serve any picture
PASSES = 30_000  # pictures shown in all, between the bounds below
LEAST_EPOCHS, MOST_EPOCHS = 5, 50
HEAD_LR = 0.02  # of the new classifier, at batches of 64 or more
BACKBONE_SHARE = 0.1  # of that, for what is learnt already


def fine_tuning(dataset: Dataset, start: Description, batch_size: int) -> tuple[dict[str, Any], str]:
    """Return settings for teaching these weights this data, and why.

    The number of pictures decides how much learns. Frozen parts keep the statistics of their batch norms too: those of
    a few small batches are worse. Sources: Yosinski et al. 2014, arXiv:1411.1792 (which features carry over); Kornblith
    et al. 2019, arXiv:1805.08974; Kolesnikov et al. 2020, arXiv:1912.11370 (short schedules without much tuning). The
    numbers are ours.

    Args:
        dataset: the pictures.
        start: what the weights are.
        batch_size: pictures a step.
    """
    pictures, parts = len(dataset.train), parts_of(start)
    epochs = max(LEAST_EPOCHS, min(MOST_EPOCHS, round(PASSES / pictures)))
    lr = round(HEAD_LR * min(1.0, batch_size / 64), 6)
    values: dict[str, Any] = {
        "opt": "nesterov", "lr": lr, "weight_decay": 1e-4, "sched": "cosine", "warmup_epochs": 1, "epochs": epochs,
        "label_smoothing": 0.1,
    }  # fmt: skip
    if list(start.classes) == list(dataset.classes):
        same = "the weights know these classes already: everything learns on, at a tenth of the usual rate"
        return {"lr": round(0.1 * min(1.0, batch_size / 128) / 10, 6)}, same
    opening = f"{pictures:,} pictures of {len(dataset.classes)} classes"
    closing = f"{epochs} epochs, cosine, label smoothing 0.1"
    if pictures < FEW and parts:
        frozen = (
            f"are few: the stem and {parts - 1} stages keep their weights and batch norms, the new classifier learns"
        )
        return {**values, "freeze": parts}, f"{opening} {frozen} at {lr:g}; {closing}"
    backbone = f"the new classifier learns at {lr:g}, all before it at {BACKBONE_SHARE * lr:g}"
    values["backbone_lr"] = BACKBONE_SHARE
    if pictures < SOME and parts > 2:
        kept = parts // 2
        what = f"are not many: the stem and {kept - 1} of {parts - 1} stages keep their weights and batch norms"
        return {**values, "freeze": kept}, f"{opening} {what}; {backbone}; {closing}"
    return values, f"{opening} are enough for everything to learn: {backbone}; {closing}"


def parts_of(start: Description) -> int:
    """Return how many parts can be frozen, stem and stages; 0 where the network has none."""
    with torch.device("meta"):
        model = create_model(start.model, **start.arguments)
    stages = getattr(model, "stages", None)
    return 1 + len(list(stages.children())) if stages is not None and hasattr(model, "stem") else 0
