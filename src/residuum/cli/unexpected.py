"""Report an unexpected error: one message for the user, and a file for the developer who fixes it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import re
import shlex
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from .. import __version__

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "safetensors", "typer")
# Words that precede a secret value, and values that look like secrets.
_AFTER = re.compile(r"(?i)([\w-]*(?:token|password|passwd|secret|api[-_]?key|credential)s?[\"']?(?:\s*[=:]\s*|\s+))\S+")
_FORMS = ((re.compile(r"(?<=//)[^/\s@]+@"), "***@"), (re.compile(r"\b(?:hf|ghp|gho|sk)[_-][A-Za-z0-9_-]{8,}"), "***"))
_WORKER = "Original Traceback (most recent call last)"


def one_line(error: BaseException) -> str:
    """Return an error's message; of a worker's error with its traceback, the last line."""
    try:
        text = str(error).strip() or type(error).__name__
    except Exception:  # a foreign error's __str__ may fail
        return type(error).__name__
    if _WORKER not in text:
        return text
    return re.sub(r"^[\w.]+(?:Error|Exception): ", "", text.splitlines()[-1])


def write_report(error: Exception, command: Sequence[str]) -> str:
    """Write a report for the developers, and return a message that names the file and how to report it."""
    said = f"{type(error).__name__}: {one_line(error).splitlines()[0][:300]}"
    said = _without_secrets(said)
    again = "RESIDUUM_DEBUG=1 shows the traceback"
    try:
        path = _written(_report(error, command), command)
    except Exception as refused:
        reason = getattr(refused, "strerror", None) or type(refused).__name__
        return f"{said}. This was not expected, and no report could be written ({reason}); {again}"
    return f"{said}. This was not expected: please report it with {path}, which holds the traceback; {again}"


def _report(error: Exception, command: Sequence[str]) -> str:
    lines = [
        "Please report this to the authors of Residuum with the whole of this file and, if you may, the data.",
        "What looks confidential is left out, paths are not: read it before you send it.",
        "",
        f"command   {shlex.join(['residuum', *command[1:]])}",
        f"residuum  {__version__}",
        f"python    {platform.python_version()} on {platform.platform()}",
        *(f"{name:<9} {_version(name)}" for name in PACKAGES),
        "",
        "".join(traceback.format_exception(error)),
    ]
    return _without_secrets("\n".join(lines))


def _written(text: str, command: Sequence[str]) -> Path:
    """Write the report beside the run that the command names, or into the system's temporary folder."""
    run = _run_of(command)
    if run is not None:
        with contextlib.suppress(OSError):  # read-only, or full
            return _write(text, run)
    return _write(text, None)


def _write(text: str, folder: Path | None) -> Path:
    handle, name = tempfile.mkstemp(prefix="residuum-error-", suffix=".txt", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        Path(name).unlink(missing_ok=True)  # removes a partial report
        raise
    return Path(name)


def _run_of(command: Sequence[str]) -> Path | None:
    """Return the existing folder of the run that the command names, or None."""
    for flag, value in zip(command, [*command[1:], ""], strict=True):
        flag, _, joined = flag.partition("=")
        with contextlib.suppress(OSError):
            if flag in ("--resume", "--output", "-o") and ((folder := Path(joined or value)) / "config.yaml").is_file():
                return folder
    return None


def _without_secrets(text: str) -> str:
    text = _AFTER.sub(r"\1***", text)
    for form, instead in _FORMS:
        text = form.sub(instead, text)
    return text


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
