"""Skip length of convolutions: how many 3x3 layers should a skip span?

Command    residuum study skip-length-convolutions

Members have the same layers with the same shapes and differ only in the additions; length 1 adds after
every layer.
"""

from __future__ import annotations

from ..report.study_page import Drawing, Finding, Table
from .curves import accuracy_dots, accuracy_table, gathered, held_against, last, of_conditions, one_sentence
from .form import Members, Numbers, Options, Workspace
from .members import warmed
from .statistics import Matters

QUESTION = "How many 3x3 layers should a skip span: one, two or three? And is any of them better than none?"
SOURCE = (
    "He et al. 2016, arXiv:1603.05027, table 3 (110 layers); Zagoruyko and Komodakis 2016, arXiv:1605.07146, table 3 "
    "(40 layers, twice as wide); popular accounts"
)
COST = "about five minutes on two cores: 12 runs of 10 epochs of 20 layers on the digits"
EXPECTED = "Skips past two or three layers do better than past one, and all of them better than none."
DEFAULTS = Options(depths=(20,), epochs=10)
MATTERS = Matters(1.26, "Zagoruyko and Komodakis table 3: 6.69 % with one convolution a block, 5.43 % with two")
LENGTHS = (1, 2, 3)
WORDS = {"plain": "no skip", **{str(n): f"skips past {n} layer{'s' if n > 1 else ''}" for n in LENGTHS}}
AGAINST_ONE = {
    "2": ("above", "He16 table 3: 6.61 % against 9.90 % past one; Zagoruyko table 3: 5.43 % against 6.69 %", MATTERS),
    "3": ("above", "Zagoruyko table 3: 5.65 % against 6.69 % past one", MATTERS),
}
AGAINST_TWO = {"3": ("below", "Zagoruyko table 3: 5.65 % against 5.43 % past two", MATTERS)}
AGAINST_NONE = {str(n): ("above", "He15 figure 6" if n == 2 else "–", MATTERS) for n in LENGTHS}


def members(options: Options) -> Members:
    """Return networks of the first depth: plain, and with skips of each length."""
    depth = options.depths[0]
    conditions = {"plain": {"model": "cifar_plain", "model_arguments": {"depth": depth}, **warmed(depth)}}
    for length in LENGTHS:
        arguments = {"depth": depth, "skip_length": length}
        conditions[str(length)] = {"model": "cifar_resnet", "model_arguments": arguments, **warmed(depth)}
    return of_conditions(conditions, options)


def measure(work: Workspace) -> Numbers:
    """Gather the curves."""
    return {**gathered(work), "depth": work.options.depths[0]}


def findings(numbers: Numbers) -> list[Finding]:
    """Compare the lengths with one another and with no skip."""
    return [
        *held_against(numbers, ("1", WORDS["1"]), WORDS, AGAINST_ONE),
        *held_against(numbers, ("2", WORDS["2"]), WORDS, AGAINST_TWO),
        *held_against(numbers, ("plain", WORDS["plain"]), WORDS, AGAINST_NONE),
    ]


def answer(numbers: Numbers) -> str:
    """Report the mean accuracy of each length, and the verdicts that compare lengths."""

    def sentence() -> str:
        means = ", ".join(f"{last(numbers, name, 'val_acc1').mean():.1f} % with {WORDS[name]}" for name in WORDS)
        verdicts = "; ".join(f"{one.claim}: {one.verdict}" for one in findings(numbers)[:3])
        return f"{numbers['depth']} layers reach {means}. {verdicts}."

    return one_sentence(numbers, sentence)


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw validation accuracy by length."""
    figure = accuracy_dots(numbers, "2", WORDS, "Validation accuracy by skip", {WORDS["plain"]: "vermilion"})
    alt = "Validation accuracy of networks of the same layers by the length of their skips, a row each."
    return [Drawing("skip-length-convolutions", figure, alt)]


def tables(numbers: Numbers) -> list[Table]:
    """Return the accuracies."""
    return [accuracy_table(numbers)]
