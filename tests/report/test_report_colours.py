"""The palette's colours stay apart to readers who see two of the three primary colours."""

from itertools import combinations

import numpy as np
import pytest

from residuum.report.figures import _DEPTH_LOOKS
from residuum.report.lines import LOOKS, TWIN_LOOKS
from residuum.report.style import PALETTE

# Machado, Oliveira and Fernandes 2009 (IEEE TVCG 15), severity 1, on linear RGB.
SEEN_BY = {
    "all": np.eye(3),
    "protanopes": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopes": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopes": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ.sum(axis=1)
# CIE 1976 colour difference; 2.3 is just noticeable side by side. Lines lie apart, so ten of these are asked of twins
# and of the first lines of a figure, and five of any two, which differ in marker, width and name too.
TWINS, ANY = 23.0, 11.5


def lab(colour, matrix):
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    ratios = TO_XYZ @ np.clip(matrix @ linear, 0, 1) / WHITE
    roots = np.where(ratios > (6 / 29) ** 3, np.cbrt(ratios), ratios / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * roots[1] - 16, 500 * (roots[0] - roots[1]), 200 * (roots[1] - roots[2])])


def difference(one, other, who, theme):
    first, second = (lab(PALETTE[name][theme], SEEN_BY[who]) for name in (one, other))
    return float(np.linalg.norm(first - second))


def test_the_measure_is_that_of_the_standard():
    red, green = lab("#ff0000", np.eye(3)), lab("#00ff00", np.eye(3))
    assert red == pytest.approx([53.24, 80.09, 67.20], abs=0.05)  # Lindbloom's values for sRGB, D65
    assert green == pytest.approx([87.74, -86.18, 83.18], abs=0.05)
    apart = [
        np.linalg.norm(lab("#ff0000", SEEN_BY[who]) - lab("#6f8f00", SEEN_BY[who])) for who in ("all", "deuteranopes")
    ]
    assert apart[0] > 60 > 23 > apart[1], "red and olive are told apart by most and hardly by deuteranopes"


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("who", SEEN_BY)
def test_the_colours_of_lines_stay_apart(who, theme):
    names = [name for name in LOOKS if name != "muted"]
    assert {look for look, _ in _DEPTH_LOOKS} == set(names)
    for one, other in combinations(names, 2):
        assert difference(one, other, who, theme) >= ANY, (one, other)
    twins = [TWIN_LOOKS["plain"], TWIN_LOOKS["residual"]]
    shallow_and_deep = [look for look, _ in _DEPTH_LOOKS[:2]]
    for one, other in (twins, shallow_and_deep):
        assert difference(one, other, who, theme) >= TWINS, (one, other)
