"""Activations: where should norms and activations stand around the convolutions and the sum?

Command    residuum study activations
"""

from __future__ import annotations

from ..report.study_page import Drawing, Finding, Table
from .curves import accuracy_dots, accuracy_table, against, gathered, held_against, of_conditions, one_sentence
from .form import Members, Numbers, Options, Workspace
from .members import warmed
from .statistics import Interval, Matters, mean_interval

QUESTION = (
    "The same layers can stand in five orders around the addition. Does it matter, and is it best to leave the stream "
    "between the blocks untouched?"
)
SOURCE = "He et al. 2016, arXiv:1603.05027, figure 4 and table 2 (ResNet-110 and -164, CIFAR-10)"
COST = "about three minutes on two cores: 15 runs of 10 epochs of 32 layers on the digits"
EXPECTED = "Full pre-activation does best, a norm after the addition worst."
DEFAULTS = Options(depths=(32,), epochs=10)

WORDS = {
    "original": "original",
    "norm_after_add": "norm after addition",
    "act_before_add": "ReLU before addition",
    "act_preactivation": "ReLU-only pre-activation",
    "full_preactivation": "full pre-activation",
}
HURT = Matters(1.23, "He16 table 2: ReLU before addition, the milder of the two that hurt, costs 1.23 points")
LITTLE = Matters(0.24, "He16 table 2: full pre-activation gains 0.24 points")
CLAIMS = {  # test error of ResNet-110 on CIFAR-10, percent
    "norm_after_add": ("below", "He16 table 2: 8.17 % against 6.61 %", HURT),
    "act_before_add": ("below", "He16 table 2: 7.84 % against 6.61 %", HURT),
    "act_preactivation": ("below", "He16 table 2: 6.71 % against 6.61 %", LITTLE),
    "full_preactivation": ("above", "He16 table 2: 6.37 % against 6.61 %", LITTLE),
}
ORIGINAL = ("original", "the original order")


CHOICES = tuple(WORDS)  # of --only; original is always included


def members(options: Options) -> Members:
    """Return a network of the first depth for each order."""
    depth = options.depths[0]
    shared = {"depth": depth, "branch": "basic", "shortcut": "A"}
    return of_conditions(
        {
            order: {"model": "cifar_preact_resnet", "model_arguments": {**shared, "order": order}, **warmed(depth)}
            for order in _asked(options)
        },
        options,
    )


def _asked(options: Options) -> list[str]:
    return [name for name in WORDS if not options.only or name in ("original", *options.only)]


def _claims(numbers: Numbers) -> dict[str, tuple[str, str, Matters]]:
    """Return the claims about trained conditions."""
    return {name: claim for name, claim in CLAIMS.items() if name in numbers["curves"]}


def measure(work: Workspace) -> Numbers:
    """Gather the curves."""
    return {**gathered(work), "depth": work.options.depths[0]}


def effect(numbers: Numbers, order: str) -> Interval:
    """Validation accuracy in this order minus accuracy in the original order, paired by seed, in points."""
    return mean_interval(against(numbers, order, "original"))


def findings(numbers: Numbers) -> list[Finding]:
    """Compare each order with the original."""
    return held_against(numbers, ORIGINAL, WORDS, _claims(numbers))


def answer(numbers: Numbers) -> str:
    """Return the result for full pre-activation and for the other orders."""

    def sentence() -> str:
        if "full_preactivation" not in numbers["curves"]:
            verdicts = "; ".join(f"{one.claim}: {one.verdict}" for one in findings(numbers))
            return f"Networks of {numbers['depth']} layers: {verdicts}."
        full = effect(numbers, "full_preactivation")
        against = "better than" if full.above(0) else "worse than" if full.below(0) else None
        where = f"In networks of {numbers['depth']} layers"
        first = (
            f"{where} full pre-activation does {against} the original order, by {full} points"
            if against
            else f"{where} no difference is shown between full pre-activation and the original order ({full} points)"
        )
        others = [
            f"{WORDS[order]} ({effect(numbers, order)})"
            for order in list(_claims(numbers))[:-1]
            if not (effect(numbers, order).low <= 0 <= effect(numbers, order).high)
        ]
        rest = f"others that differ from the original: {', '.join(others)}" if others else "nor for any other order"
        return f"{first}; {rest}."

    return one_sentence(numbers, sentence)


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw validation accuracy by order."""
    words = {order: WORDS[order] for order in numbers["curves"]}
    figure = accuracy_dots(numbers, "original", words, "Validation accuracy by order")
    return [Drawing("activations", figure, "Validation accuracy of networks that differ in the order of their layers.")]


def tables(numbers: Numbers) -> list[Table]:
    """Return the accuracies."""
    return [accuracy_table(numbers)]
