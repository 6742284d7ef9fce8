"""Shortcuts: does the kind of shortcut matter?

Command    residuum study shortcuts
"""

from __future__ import annotations

from ..report.study_page import Drawing, Finding, Table
from .curves import accuracy_dots, accuracy_table, against, gathered, held_against, of_conditions, one_sentence
from .form import Members, Numbers, Options, Workspace
from .members import warmed
from .statistics import Interval, Matters, mean_interval

QUESTION = (
    "What should carry the input past the branch: the bare identity, a projection, or something that scales, gates or "
    "drops it? Does anything but the identity help, or hurt?"
)
SOURCE = "He et al. 2015, arXiv:1512.03385, table 3; He et al. 2016, arXiv:1603.05027, table 1 (ResNet-110, CIFAR-10)"
COST = "about four minutes on two cores: 21 runs of 10 epochs of 32 layers on the digits"
EXPECTED = "C >= B >= A by little; constant scaling, gates and dropout on the shortcut below A."
DEFAULTS = Options(depths=(32,), epochs=10)

# conv1x1 of He16 is C; test error of ResNet-110 on CIFAR-10, percent: He16 table 1 (best of its gates' biases;
# constant scaling of both branch and shortcut: of the shortcut alone it fails)
HURT = Matters(2.0, "He16 table 1: exclusive gating, the mildest of those that hurt, costs 2.09 points")
LITTLE = Matters(0.5, "He15 table 3: B gains 0.51 points on A")
CLAIMS = {
    "B": ("above", "He15 table 3 (ImageNet, 34 layers, ten crops): top-1 error 24.52 % against 25.03 % with A", LITTLE),
    "C": (
        "above",
        "He15 table 3: 24.19 % against 25.03 % with A; He16 table 1 (conv1x1): 12.22 % against 6.61 %",
        LITTLE,
    ),
    "constant_scaling": ("below", "He16 table 1: 12.35 % against 6.61 %", HURT),
    "exclusive_gating": ("below", "He16 table 1: 8.70 % against 6.61 %", HURT),
    "shortcut_gating": ("below", "He16 table 1: 6.91 % (bias -6), 12.86 % (bias 0) against 6.61 %", HURT),
    "dropout": ("below", "He16 table 1: fails to converge (above 20 %)", HURT),
}
WORDS = {
    "A": "identity, padded (A)",
    "B": "projection where shapes change (B)",
    "C": "projection everywhere (C)",
    "constant_scaling": "constant scaling by 0.5",
    "exclusive_gating": "exclusive gating",
    "shortcut_gating": "shortcut-only gating",
    "dropout": "dropout on the shortcut",
}


CHOICES = tuple(WORDS)  # of --only; A is always included


def members(options: Options) -> Members:
    """Return a network of the first depth with each shortcut."""
    depth = options.depths[0]
    return of_conditions(
        {
            kind: {"model": "cifar_resnet", "model_arguments": {"depth": depth, "shortcut": kind}, **warmed(depth)}
            for kind in _asked(options)
        },
        options,
    )


def _asked(options: Options) -> list[str]:
    return [name for name in WORDS if not options.only or name in ("A", *options.only)]


def _claims(numbers: Numbers) -> dict[str, tuple[str, str, Matters]]:
    """Return the claims about trained conditions."""
    return {name: claim for name, claim in CLAIMS.items() if name in numbers["curves"]}


def measure(work: Workspace) -> Numbers:
    """Gather the curves."""
    return {**gathered(work), "depth": work.options.depths[0]}


def effect(numbers: Numbers, kind: str) -> Interval:
    """Validation accuracy with this shortcut minus accuracy with A, paired by seed, in points."""
    return mean_interval(against(numbers, kind, "A"))


def findings(numbers: Numbers) -> list[Finding]:
    """Compare each shortcut with A."""
    return held_against(numbers, ("A", "A"), WORDS, _claims(numbers))


def answer(numbers: Numbers) -> str:
    """Report which shortcuts are shown to differ from the identity."""

    def sentence() -> str:
        worse = [WORDS[kind] for kind in _claims(numbers) if effect(numbers, kind).below(0)]
        better = [WORDS[kind] for kind in _claims(numbers) if effect(numbers, kind).above(0)]
        where = f"In networks of {numbers['depth']} layers"
        if not worse and not better:
            return f"{where} no shortcut is shown to do better or worse than the bare identity."
        said = (
            [f"{', '.join(worse)} {'do' if len(worse) > 1 else 'does'} worse than the bare identity"] if worse else []
        )
        said += [f"{', '.join(better)} {'do' if len(better) > 1 else 'does'} better than it"] if better else []
        return f"{where} {' and '.join(said)}; of the others no difference is shown."

    return one_sentence(numbers, sentence)


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw validation accuracy by shortcut."""
    words = {kind: WORDS[kind] for kind in numbers["curves"]}
    looks = {WORDS[kind]: "vermilion" for kind in words if kind not in "ABC"}
    figure = accuracy_dots(numbers, "A", words, "Validation accuracy by shortcut", looks)
    return [Drawing("shortcuts", figure, "Validation accuracy of networks that differ in their shortcut, a row each.")]


def tables(numbers: Numbers) -> list[Table]:
    """Return the accuracies."""
    return [accuracy_table(numbers)]
