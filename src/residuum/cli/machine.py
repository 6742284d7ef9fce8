"""``residuum machine``."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def machine(json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Report this machine's hardware, the settings Residuum chose for it and why, and what to install for more.

    residuum machine

    residuum machine --json
    """
    from ..machine.equipment import equipment
    from .saying import say, show_facts
    from .tables import show_json

    found = equipment()
    if json:
        show_json(found)
        return
    width = max(map(len, found["chosen"]))
    show_facts(describe_machine(found).items(), width)
    typer.echo("\nchosen")
    show_facts(((name, f"{choice['value']}: {choice['why']}") for name, choice in found["chosen"].items()), width)
    typer.echo("\nfor more" if found["install"] else "\nnothing else to install")
    for hint in found["install"]:
        say(hint["for"], "  ")
        say(hint["what"], "    ")


def describe_machine(found: dict[str, Any]) -> dict[str, str]:
    """Return the machine's facts as text."""
    cores, gpu = found["cores"], found["gpu"]
    memory = found["memory_bytes"]
    return {
        "processor": found["processor"],
        "can do": ", ".join(found["features"]) or "unknown here",
        "cores": f"{cores['here']}, of which {cores['usable']} {'is' if cores['usable'] == 1 else 'are'} used",
        "memory": f"{memory / 1e9:.1f} GB" if memory else "unknown here",
        "GPU": _describe_gpu(gpu) if gpu else "none that torch sees",
        "system": f"{found['system']}, Python {found['python']}, torch {found['torch']}",
    }


def _describe_gpu(gpu: dict[str, Any]) -> str:
    size = f", {gpu['memory_bytes'] / 1e9:.1f} GB" if gpu["memory_bytes"] else ""
    return f"{gpu['count']} x {gpu['name']}{size}"
