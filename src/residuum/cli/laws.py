"""``residuum laws``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..analysis.laws import Outcome, Subject
    from ..analysis.laws.page import LawOutcome
    from ..analysis.laws.signal import SignalCurves

# One of each kind; printed name: model, arguments
MEMBERS: dict[str, tuple[str, dict[str, Any]]] = {
    "cifar_plain20": ("cifar_plain20", {}),
    "cifar_resnet20": ("cifar_resnet20", {}),
    "cifar_resnet20 B": ("cifar_resnet", {"depth": 20, "shortcut": "B"}),
    "cifar_resnet20 C": ("cifar_resnet", {"depth": 20, "shortcut": "C"}),
    "cifar_preact_resnet110": ("cifar_preact_resnet110", {}),
    "cifar_highway20": ("cifar_highway20", {}),
    "cifar_densenet40_k12": ("cifar_densenet40_k12", {}),
    "gpt_tiny": ("gpt_tiny", {}),
    "skip_mlp_dense10": ("skip_mlp_dense10", {}),
    "skip_mlp_residual10": ("skip_mlp_residual10", {}),
}


def laws(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help="model names, weights files or run folders [default: some of each kind]"
        ),
    ] = None,
    entry: Annotated[str, typer.Option(help="which entry or network of each checkpoint, such as teacher")] = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="folder for a page and its figures")] = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Check the laws of residual networks on models, in double precision, without data.

    Laws 1 to 6 and 8 are identities and must hold to 1e-10 of the largest term. Law 7 describes how gradients of new
    networks grow, shrink and decorrelate with depth; it is measured on its own stacks over 5 seeds and must hold within
    stated intervals. Exits with code 1 if a law fails.

    residuum laws

    residuum laws cifar_preact_resnet164 runs/digits-1 --output figures

    residuum laws resnet50 --json
    """
    from ..analysis.laws import LAWS
    from ..analysis.laws.page import table_of
    from ..analysis.laws.signal import answer, signal_curves, signal_law
    from ..errors import StudyFailed
    from .saying import say
    from .tables import show_json, show_table

    subjects = [_subject(name, entry) for name in models] if models else [_member(name) for name in MEMBERS]
    curves = signal_curves()
    rows: list[LawOutcome] = []
    for law, check in LAWS.items():
        if law.startswith("8"):
            rows += [("7 signal", name, outcome) for name, outcome in signal_law(curves)]
        rows += [(law, subject.name, check(subject)) for subject in subjects]
    if json:
        show_json([_figures(*row) for row in rows])
    else:
        columns = ["law", "network", "left side", "right side", "difference", "verdict"]
        show_table(columns, table_of(rows), numbers=["difference"], dropped=["right side", "left side"])
        say(f"\n{answer(curves)}\n")
    summary, failed = _summary(rows)
    if output is not None:
        _write(output, rows, curves, summary, quiet=json)
    if failed:
        raise StudyFailed(f"{summary}; not: {', '.join(failed)}")
    if not json:
        typer.echo(summary)


def _member(name: str) -> Subject:
    from ..analysis.laws import make_subject
    from ..models import build
    from ..seeds import drawing

    model, arguments = MEMBERS[name]
    with drawing(0, "init"):
        return make_subject(build(model, **arguments), name, new=True)


def _subject(name: str, entry: str) -> Subject:
    from ..analysis.laws import make_subject
    from ..models import build
    from ..seeds import drawing
    from ..weights.pretrained import with_entry
    from .opening import is_published, names_weights, open_model

    if names_weights(name):
        return make_subject(open_model(with_entry(name, entry)), name if is_published(name) else Path(name).name)
    with drawing(0, "init"):
        return make_subject(build(name), name, new=True)  # or the error lists the names


def _figures(law: str, network: str, outcome: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = {"law": law, "network": network, "applies": outcome.applies}
    if not outcome.applies:
        return told | {"why": outcome.why}
    sides = {"left": outcome.left, "right": outcome.right}
    return told | sides | {"difference": outcome.difference, "limit": outcome.limit, "holds": outcome.holds}


def _summary(rows: list[LawOutcome]) -> tuple[str, list[str]]:
    """Return ``N of N laws hold``, counting a law that holds on all networks it applies to; and the laws that fail."""
    applied = dict.fromkeys(law for law, _, outcome in rows if outcome.applies)
    failed = dict.fromkeys(law for law, _, outcome in rows if outcome.applies and not outcome.holds)
    silent = len({law for law, _, _ in rows}) - len(applied)
    note = f" ({silent} did not apply)" if silent else ""
    return f"{len(applied) - len(failed)} of {len(applied)} laws hold{note}", list(failed)


def _write(output: Path, rows: list[LawOutcome], curves: list[SignalCurves], summary: str, *, quiet: bool) -> None:
    from ..analysis.law_figures import scaling_figure, shares_figure, signal_figure
    from ..analysis.laws.page import laws_page
    from ..analysis.laws.signal import answer
    from ..files import write_bytes, write_text
    from ..report.style import png

    figures = {"signal": signal_figure(curves)}
    scaled = [outcome.values["curve"] for _, _, outcome in rows if "curve" in outcome.values]
    if scaled:
        figures["scaling"] = scaling_figure(max(scaled, key=len))
    shares = {network: outcome.values["shares"] for _, network, outcome in rows if "shares" in outcome.values}
    if shares:
        figures["paths"] = shares_figure(shares)
    for name, figure in figures.items():
        write_bytes(output / f"law-{name}.png", png(figure))
    write_text(output / "laws.html", laws_page(rows, figures, f"{summary}.", answer(curves)))
    if not quiet:
        typer.echo(f"see {output / 'laws.html'}")
