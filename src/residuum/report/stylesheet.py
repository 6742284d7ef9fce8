"""The one stylesheet of all pages."""

from __future__ import annotations

from .style import PALETTE


def stylesheet() -> str:
    """Return the CSS: the palette as variables, light and dark, and the rules that use them."""
    light = "".join(f"--{name}:{colour};" for name, (colour, _) in PALETTE.items())
    dark = "".join(f"--{name}:{colour};" for name, (_, colour) in PALETTE.items())
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{_RULES}"


_RULES = """
:root { color-scheme: light dark; --wash: color-mix(in srgb, var(--ink) 4%, var(--paper));
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", "Book Antiqua", Georgia, serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 var(--sans); }
main, header, footer { max-width: 62rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
header { padding-top: clamp(1.5rem, 5vw, 3.5rem); }
footer { padding-top: 1.5rem; padding-bottom: 3rem; color: var(--muted); font-size: .875rem; }
h1 { font: 600 clamp(1.75rem, 5vw, 2.75rem)/1.15 var(--serif); margin: 0; text-wrap: balance; overflow-wrap: anywhere;
  letter-spacing: -.01em; }
h2 { font: 600 1.5rem/1.25 var(--serif); margin: 0 0 .75rem; text-wrap: balance; overflow-wrap: anywhere; }
h3 { font: 600 1rem/1.4 var(--sans); margin: 1.5rem 0 .5rem; overflow-wrap: anywhere; }
.kind { margin: 0 0 .5rem; color: var(--muted); font-size: .875rem; font-weight: 600; letter-spacing: .04em; }
section { margin-top: 2.75rem; padding-top: 1.5rem; border-top: 1px solid var(--grid); }
.opening { margin-top: 1rem; }
p { margin: 0 0 1rem; max-width: 42rem; overflow-wrap: anywhere; }
.lead { font: 400 clamp(1.25rem, 3vw, 1.5rem)/1.45 var(--serif); text-wrap: pretty; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr)); gap: .5rem 2rem; }
.beside { display: flex; flex-wrap: wrap; gap: .5rem 2rem; }
.beside > * { flex: 2 1 min-content; min-width: min(20rem, 100%); max-width: 100%; }
.beside th, .beside td { padding-right: .875rem; }
.beside > :first-child { flex: 3 1 26rem; min-width: 0; }
.figures > * { min-width: 0; }
figure { margin: 0 0 1rem; }
.figures > .wide { grid-column: 1 / -1; }
.plot { width: 100%; overflow: hidden; }
figcaption, caption { color: var(--muted); font-size: .875rem; line-height: 1.45; max-width: 42rem; }
figure > .scroll { margin-bottom: .5rem; }
svg { display: block; width: 100%; height: auto; font-family: var(--sans); }
@media (prefers-color-scheme: dark) { svg image { filter: brightness(1.25); } }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
.scroll { overflow-x: auto; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .9375rem; line-height: 1.4; margin: 0 0 1rem; }
caption { text-align: left; padding-bottom: .5rem; }
th, td { padding: .4rem 1.5rem .4rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--grid); }
thead th { color: var(--muted); font-weight: 600; font-size: .875rem; border-bottom-color: var(--muted); }
tbody th { font-weight: 600; min-width: 6.5rem; }
tr > :last-child { padding-right: 0; }
td { overflow-wrap: break-word; max-width: 34rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.facts th { color: var(--muted); white-space: nowrap; }
.facts td { overflow-wrap: anywhere; }
pre { background: var(--wash); border: 1px solid var(--grid); border-radius: 6px; padding: .875rem 1rem;
  margin: 0 0 1rem; font: .875rem/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }
ul { margin: 0 0 1rem; padding-left: 1.25rem; max-width: 42rem; }
li { margin-bottom: .25rem; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--blue); width: fit-content; margin-bottom: .75rem; }
.pictures { list-style: none; padding: 0; max-width: none; display: grid; gap: 1.25rem 1rem;
  grid-template-columns: repeat(auto-fill, minmax(8.25rem, 1fr)); }
.pictures li { margin: 0; }
.pictures img { display: block; max-width: 100%; height: auto; border-radius: 3px; margin-bottom: .375rem;
  outline: 1px solid var(--grid); }
.pictures .pixels { image-rendering: pixelated; }
.pictures span { display: block; font-size: .875rem; line-height: 1.4; overflow-wrap: anywhere; }
.pictures .note { color: var(--muted); font-size: .8125rem; }
@media print { :root { color-scheme: light; } section { break-inside: avoid; } }
"""
