"""Features: what do the layers of a trained network represent, from the first to the last?

Command    residuum study features [--model FILE --data DATA]

At each depth: a linear probe (ridge regression on pooled features, fitted on training images, tested on others), the
share of an image's five nearest images with its class, and the similarity of depths (linear CKA of whole
feature maps). For the first seed also first filters, nearest images, and images that maximise single units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ..analysis.features import first_filters, neighbours, neighbours_of_own_class, probes_by_depth
from ..analysis.maximisation import Units, channel_units, class_units, maximised
from ..analysis.sample import Sample, take_sample
from ..analysis.similarity import cka_by_depth
from ..analysis.taps import depth_points, features_by_depth
from ..report.study_page import Finding, Table
from .feature_figures import drawings as drawings
from .feature_figures import packed
from .form import Numbers, Options, Workspace
from .measuring import OWN, PICTURES, by_network, interval, measured, members_or_model, named, twins_judged
from .statistics import Matters, judged, spread

QUESTION = (
    "What do the layers represent? Does each block make classes easier to read off, how much does it change the "
    "representation, and what do first filters, middle channels and last units answer to?"
)
SOURCE = "linear probes: Alain 2016 (arXiv:1610.01644); CKA: Kornblith 2019 (arXiv:1905.00414); Gre17 on small steps"
COST = "about three minutes on two cores: six runs of 15 epochs on the embedded digits"
EXPECTED = "probes and neighbours improve with depth; neighbouring blocks are more similar in residual networks."
DEFAULTS = Options(data="digits", depths=(20,))

NEAREST = 5
COMPARED = 300  # images whose whole feature maps are compared
SHOWN = 6  # units per depth, and query images
STEPS = 96  # of the gradient ascent
OF_CHANNELS, OF_CLASSES = 0.3, 10.0  # smoothness: a class's logit rises to a hundred, a channel's mean to a few
PROBE = Matters(5.0, "chosen here: Alain 2016 shows tens of points")
STEP = Matters(0.5, "chosen here: half a point a block")
ALIKE = Matters(0.05, "chosen here: a twentieth of the scale of CKA")

members = members_or_model


def measure(work: Workspace) -> Numbers:
    """Return probes, neighbours and similarity by depth of each network, and images of the first seed."""

    def look(name: str, model: nn.Module, sample: Sample) -> Numbers:
        learnt = take_sample(model, work.dataset(), count=PICTURES, split="train")
        train, test = (features_by_depth(model, given.images()) for given in (learnt, sample))
        probes = probes_by_depth(train, learnt.labels, test, sample.labels)
        whole = features_by_depth(model, sample.first(COMPARED).images(), pooled=False)
        found = {
            "depths": list(test),
            "probes": [100 * hits.double().mean().item() for hits in probes.values()],
            "gain": (probes[_last(probes)].double() - probes[_first(probes)].double()).tolist(),
            "neighbours": [
                100 * neighbours_of_own_class(one, sample.labels, NEAREST).mean().item() for one in test.values()
            ],
            "alike": cka_by_depth(whole).tolist(),
        }
        if name == OWN or name.endswith("seed0"):
            found["pictures_of"] = _pictures(model, sample, test)
        return found

    return measured(work, "features", passes=3, look=look)


def _first(found: dict[str, Any]) -> str:
    return next(iter(found))


def _last(found: dict[str, Any]) -> str:
    return list(found)[-1]


def _pictures(model: nn.Module, sample: Sample, test: dict[str, torch.Tensor]) -> Numbers:
    """Return filters, images that maximise units, and nearest images, packed."""
    asked = torch.arange(SHOWN)
    near = {name: neighbours(test[name], asked, NEAREST) for name in (_first(test), _last(test))}
    points = depth_points(model)
    stages = [points[round(share * (len(points) - 1))] for share in (0, 1 / 3, 2 / 3, 1)]
    count = min(10, int(getattr(model, "num_classes", 0)))
    return {
        "filters": first_filters(model).double().tolist(),
        "asked": packed(sample.pixels[asked]),
        "nearest": {name: [packed(sample.pixels[row]) for row in rows] for name, rows in near.items()},
        "channels": {
            name: _climbed(model, sample, channel_units(name, range(SHOWN)), SHOWN, OF_CHANNELS) for name in stages
        },
        "classes": _climbed(model, sample, class_units(range(count)), count, OF_CLASSES),
    }


def _climbed(model: nn.Module, sample: Sample, units: Units, count: int, smoothness: float) -> Any:
    channels, height, width = sample.pixels.shape[1:]
    shape, climb = (count, channels, height, width), {"steps": STEPS, "rate": 0.1, "smoothness": smoothness}
    pictures, _ = maximised(model, units, sample.normalise, shape, **climb)
    return packed(pictures.mul(255).round().to(torch.uint8))


def findings(numbers: Numbers) -> list[Finding]:
    """Return whether classes get easier to read off with depth, and whether residual blocks take smaller steps."""
    grouped, found = by_network(numbers), []
    for network, seeds in grouped.items():
        gains = [one["probes"][-1] - one["probes"][0] for one in seeds]
        effect = interval(gains, 100 * np.array(seeds[0]["gain"]))
        claim = f"{named(network)}: a linear probe reads more off the last block than off the stem"
        found.append(judged(claim, "Alain 2016", effect, "above", PROBE, pairs=gains))
        steps = [step for one in seeds for step in np.diff(one["probes"])]
        rises = [float(np.mean(np.diff(one["probes"]))) for one in seeds]
        claim = f"{named(network)}: the probe improves from block to block"
        found.append(
            judged(claim, "Alain 2016", interval(rises, steps), "above", STEP, unit="points a block", pairs=steps)
        )
    found += twins_judged(
        "Neighbouring blocks are more similar (CKA) in a residual network than in its plain twin",
        "Gre17: residual blocks refine an estimate",
        grouped,
        _neighbouring,
        "above",
        matters=ALIKE,
        unit="of 1",
    )
    return found


def _neighbouring(one: Any) -> float:
    """Return the mean similarity of each block to the next."""
    return float(np.mean(np.diagonal(np.array(one["alike"]), 1)))


def answer(numbers: Numbers) -> str:
    """Report the probe at the stem and at the last block, and the similarity of neighbouring blocks."""
    said = [
        f"a linear probe reads {np.mean([one['probes'][0] for one in seeds]):.1f} % off the stem of {named(network)} "
        f"and {np.mean([one['probes'][-1] for one in seeds]):.1f} % off its last block; neighbouring blocks have a CKA "
        f"of {np.mean([_neighbouring(one) for one in seeds]):.2f}"
        for network, seeds in by_network(numbers).items()
    ]
    verdicts = [f"{one.claim}: {one.verdict}" for one in findings(numbers) if one.claim.startswith("Neighbouring")]
    text = "; ".join(said)
    return ". ".join([text[0].upper() + text[1:], *verdicts]) + "."


def tables(numbers: Numbers) -> list[Table]:
    """Return probe and neighbours at the stem, in the middle and at the end."""
    rows = []
    for network, seeds in by_network(numbers).items():
        places = (0, len(seeds[0]["depths"]) // 2, -1)
        figures = [[one[what][place] for one in seeds] for what in ("probes", "neighbours") for place in places]
        rows.append([network, *(spread(one) for one in figures), spread([_neighbouring(one) for one in seeds], 3)])
    count = next(iter(numbers["subjects"].values()))["pictures"]
    places = ("stem", "middle", "end")
    header = ["network", *(f"{what}, {place}" for what in ("probe", "neighbours") for place in places)]
    caption = (
        f"Percent on {count} images of {numbers['data']}: a probe's accuracy, the share of nearest images with "
        "the same class; CKA of neighbouring blocks. Mean and deviation over seeds."
    )
    return [Table([*header, "CKA"], rows, caption)]
