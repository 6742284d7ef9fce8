"""What a run will do, told before it does it."""

from __future__ import annotations

from residuum_runtime.names import printable

from ..data import Dataset
from ..machine.kernel_choice import convolutions_told, kernels_told
from ..settings.recipe import told as recipe_told
from .run import Run


def facts(run: Run) -> dict[str, str]:
    """Return what the run will do, in words by topic.

    >>> facts(resumed_run("runs/mine", {}))["classes"]
    '10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9'
    """
    settings, dataset = run.settings, run.dataset
    height, width = settings.image_size
    start = f", starting from {settings.weights}" if settings.weights else ""
    more = ", ..." if len(dataset.classes) > 10 else ""
    step = f"batches of {settings.batch_size}, {settings.opt} at {settings.lr:g}, {settings.sched}"
    threads = f"{settings.threads} thread{'s' * (settings.threads != 1)}, {settings.workers} decoding processes"
    if settings.processes > 1:
        threads = f"{settings.processes} processes of {threads} each"
    told = {
        "data": _data(dataset),
        "classes": f"{len(dataset.classes)}: {', '.join(dataset.classes[:10])}{more}",
        "model": f"{settings.model} at {height}x{width}{start}",
        "parameters": f"{run.counts.parameters:,}",
        "MACs": f"{run.counts.macs / 1e6:,.1f} million an image",
        "schedule": f"{settings.epochs} epochs, {step}; the {settings.choose} epoch is taken",
        "device": f"{settings.device}, {threads}",
        "precision": f"{settings.precision}, channels last",
        "kernels": kernels_told(settings.kernels, settings.device),
        "seed": str(settings.seed),
    }
    if settings.val_precision == "bf16":
        told["validation"] = "in bf16" + ("" if settings.winograd else ", norms folded")
    if settings.winograd:
        told["convolutions"] = convolutions_told(settings.kernels, settings.precision)
    if settings.cache:
        told["cache"] = f"images decoded once, at {settings.cache} pixels on the shorter side"
    if settings.recipe is not None:
        told = {"recipe": recipe_told(settings), **told}
    for key, reason in run.reasons.items():
        key = {"epochs": "schedule"}.get(key, key)
        told[key] = f"{told[key]} ({reason})" if key in told else reason
    if run.images_per_second:
        rate = run.images_per_second * settings.processes
        seconds = len(dataset.train) * settings.epochs / rate
        told["estimated"] = f"about {_duration(seconds)} at {rate:,.0f} images/s"
    return told


def _data(dataset: Dataset) -> str:
    sides = f"{printable(dataset.name)}: {len(dataset.train):,} images to train on, {len(dataset.val):,} to "
    if dataset.test is not None:
        return f"{sides}choose by ({dataset.val_is}), {len(dataset.test):,} to test on once ({dataset.test_is})"
    return f"{sides}validate on ({dataset.val_is})"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
