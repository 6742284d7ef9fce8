"""Pages as a real browser sees them: opened at a width of one's choice, all that it says on its console kept."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

# The page stands in a frame of that width. Once its figures are drawn (or after 20 s) the frame is measured.
HARNESS = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><iframe id="frame" width="%d" height="900"
style="border:0"></iframe><pre id="seen"></pre><script>
const frame = document.getElementById("frame"), started = Date.now();
frame.onload = function look() {
  const page = frame.contentDocument, plots = [...page.querySelectorAll("div.plot")];
  const drawn = plots.filter(plot => plot.dataset.drawn === "yes");
  if (drawn.length < plots.length && Date.now() - started < 20000) { setTimeout(look, 200); return; }
  document.getElementById("seen").textContent = JSON.stringify({
    width: page.documentElement.clientWidth, scroll: page.documentElement.scrollWidth, plots: plots.length,
    drawn: drawn.length, marks: plots.map(plot => plot.querySelectorAll(".main-svg, canvas").length),
    paths: plots.map(plot => plot.querySelectorAll("path.js-line, canvas").length),
    pictures: [...page.querySelectorAll("svg[role=img]")].map(drawing => drawing.getBoundingClientRect().height),
    cut: [...page.querySelectorAll(".scroll")].filter(part => part.scrollWidth > part.clientWidth + 1).length,
    title: page.title, colour: getComputedStyle(page.body).color });
};
frame.srcdoc = %s;
</script></body>"""

# What plotly's 3-D drawing makes the browser say of its own speed.
HINTS = ("Canvas2D: Multiple readback operations", "GL Driver Message")


class Seen(NamedTuple):
    """What the browser made of a page."""

    facts: dict
    said: list[str]  # on its console


def open_page(text: str, folder: Path, width: int) -> Seen:
    """Open the page in a frame so many pixels wide and return what is there, and what was said on the console."""
    harness = folder / f"harness-{width}.html"
    harness.write_text(HARNESS % (width, json.dumps(text).replace("</", "<\\/")), encoding="utf-8")
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu-sandbox", "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader", f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr",
        "--window-size=1200,900", "--virtual-time-budget=40000", "--dump-dom", harness.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=True)
    seen = re.search(r'<pre id="seen">(.+?)</pre>', done.stdout, re.DOTALL)
    assert seen, f"the page was never measured\n{done.stderr[-2000:]}"
    said = [line for line in done.stderr.splitlines() if ":CONSOLE" in line and not any(hint in line for hint in HINTS)]
    return Seen(json.loads(html.unescape(seen[1])), said)
