"""Transformer skips: which residual connections does a GPT need?

Command    residuum study transformer-skips
"""

from __future__ import annotations

import hashlib
import itertools
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from ..models.gpt import gpt
from ..nn import Block, BranchOnly
from ..nn.text import TextNetwork
from ..report.lines import Line, Panel, line_panel
from ..report.study_page import Drawing, Finding, Table
from ..seeds import drawing
from .form import Members, Numbers, Options, Workspace
from .own_training import gradient_norm, minimise
from .statistics import Matters, judged_pairs, spread

QUESTION = (
    "Each layer of a transformer has two skips, one past attention and one past the MLP. How well does a decoder learn "
    "to continue a text with both, with one of them, and with none, and does depth decide it?"
)
SOURCE = (
    "popular accounts (BERT and GPT need residual connections); Vaswani et al. 2017, arXiv:1706.03762; Dong et al. "
    "2021, arXiv:2103.03404: without skips attention loses rank doubly exponentially with depth"
)
COST = "about three hours on two cores: 42 runs of 600 steps on the characters of Python's own documentation"
EXPECTED = "Without skips the decoder learns worse, and worse with depth; a single kind of skip lies between."
DATA = "python-documentation"
DEFAULTS = Options(data=DATA, depths=(6, 12), epochs=6, batch_size=16)
EPOCH = 100  # steps
WIDTH, HEADS, LENGTH = 128, 4, 128
RATES = {"both": (0.001,), "attention": (0.001, 0.0003), "mlp": (0.001, 0.0003), "none": (0.001, 0.0003)}
HELD_OUT = 0.1  # share of the text, its end
WINDOWS = 64  # of the held-out text, spread evenly
SKIPS = {"both": (True, True), "attention": (True, False), "mlp": (False, True), "none": (False, False)}
WORDS = {"both": "both skips", "attention": "skips past attention alone", "mlp": "skips past the MLP alone",
         "none": "no skips"}  # fmt: skip
LOOKS = {"both": "blue", "attention": "green", "mlp": "ochre", "none": "vermilion"}
MATTERS = Matters(0.05, "chosen here: two percent of the 2.4 nat of a bigram model")


class Text(NamedTuple):
    """A text as character indices."""

    train: Tensor
    held_out: Tensor
    characters: int
    checksum: str  # of the text: the documentation grows with Python's version


def read_text() -> Text:
    """Return Python's language reference, as ``help()`` shows it (PSF licence), topics in order of their names."""
    from pydoc_data.topics import topics

    text = "\n".join(topics[name] for name in sorted(topics))
    alphabet = sorted(set(text))
    numbers = torch.tensor([alphabet.index(character) for character in text])
    split = round(len(numbers) * (1 - HELD_OUT))
    checksum = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Text(numbers[:split], numbers[split:], len(alphabet), checksum)


def decoder(skips: str, depth: int, characters: int) -> TextNetwork:
    """Build a GPT-2 of that depth whose blocks keep only the requested skips."""
    model = gpt(depth, width=WIDTH, heads=HEADS, vocabulary=characters, length=LENGTH)
    for place, block in enumerate(model.blocks):
        assert isinstance(block, Block)
        if not SKIPS[skips][place % 2]:
            block.merge = BranchOnly()
    return model


def members(options: Options) -> Members:
    """Return none: a decoder classifies no images, so this study trains its own."""
    if options.data != DATA:
        raise InputError(f"this study reads Python's own documentation, got --data {options.data}; leave --data out")
    return {}


def measure(work: Workspace) -> Numbers:
    """Train every decoder; return its held-out loss over the epochs and its gradients by block, [seeds]."""
    options, text = work.options, read_text()
    networks: dict[str, dict[str, Any]] = {}
    for depth, skips in itertools.product(options.depths, SKIPS):
        tried = [
            [
                work.keep(
                    f"{skips}-{depth}-{rate:g}-seed{seed}",
                    lambda skips=skips, depth=depth, rate=rate, seed=seed: train_network(
                        skips, depth, rate, seed, text, options
                    ),
                )
                for seed in range(options.seeds)
            ]
            for rate in RATES[skips]
        ]
        best = min(tried, key=lambda runs: float(np.mean([run["loss"][-1] for run in runs])))
        networks.setdefault(str(depth), {})[skips] = {key: [run[key] for run in best] for key in best[0]}
    return {"data": DATA, "checksum": text.checksum, "epoch": EPOCH, "networks": networks}


def train_network(skips: str, depth: int, rate: float, seed: int, text: Text, options: Options) -> dict[str, Any]:
    """Train one decoder; return its held-out loss after each epoch and each block's gradient at both ends.

    A diverged run keeps the loss of guessing among all characters from there on.
    """
    with drawing(seed, "init"):
        model = decoder(skips, depth, text.characters)
    losses, gradients = [held_out_loss(model, text)], {}
    steps = EPOCH * options.training["epochs"]

    def loss_of(step: int) -> Tensor:
        with drawing(seed, "study", 5, step):
            starts = torch.randint(len(text.train) - LENGTH, (options.batch_size,))
        return _loss(model, text.train[starts[:, None] + torch.arange(LENGTH + 1)])

    def look(step: int) -> None:
        if step in {1, steps}:
            gradients["first" if step == 1 else "last"] = [gradient_norm(block) for block in model.blocks]
        if step and step % EPOCH == 0:
            losses.append(held_out_loss(model, text))

    minimise(model, loss_of, steps=steps, rate=rate, look=look)
    missing = options.training["epochs"] + 1 - len(losses)
    none = [None] * len(model.blocks)
    return {
        "loss": losses + [float(np.log(text.characters))] * missing,
        "first": gradients.get("first", none),
        "last": gradients.get("last", none),
    }


def _loss(model: nn.Module, windows: Tensor) -> Tensor:
    return F.cross_entropy(model(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())


@torch.no_grad()
def held_out_loss(model: nn.Module, text: Text) -> float:
    """Return the mean cross-entropy of a character, nat, over windows of the held-out text."""
    starts = torch.linspace(0, len(text.held_out) - LENGTH - 1, WINDOWS).long()
    return float(_loss(model, text.held_out[starts[:, None] + torch.arange(LENGTH + 1)]))


def last_loss(numbers: Numbers, depth: str, skips: str) -> np.ndarray:
    """Return the held-out loss after the last epoch: [seeds]."""
    return np.array([curve[-1] for curve in numbers["networks"][depth][skips]["loss"]])


def findings(numbers: Numbers) -> list[Finding]:
    """Compare each wiring with both skips, and the deepest decoder with the shallowest."""
    found, unit = [], "nat a character"
    depths = sorted(numbers["networks"], key=int)
    for depth, skips in itertools.product(depths, ("none", "attention", "mlp")):
        claim = f"A decoder of {depth} layers learns worse with {WORDS[skips]} than with both"
        pairs = last_loss(numbers, depth, skips) - last_loss(numbers, depth, "both")
        found.append(judged_pairs(claim, "popular accounts", pairs, "above", MATTERS, unit=unit))
    if len(depths) > 1:
        shallow, deep = depths[0], depths[-1]
        for skips, side, does in (("none", "above", "worse"), ("both", "below", "better")):
            claim = f"With {WORDS[skips]}, {deep} layers learn {does} than {shallow}"
            pairs = last_loss(numbers, deep, skips) - last_loss(numbers, shallow, skips)
            found.append(judged_pairs(claim, "–", pairs, side, MATTERS, unit=unit))
    return found


def answer(numbers: Numbers) -> str:
    """Report the held-out loss of each wiring at each depth."""
    said = [
        f"with {depth} layers "
        + ", ".join(f"{last_loss(numbers, depth, skips).mean():.2f} with {WORDS[skips]}" for skips in SKIPS)
        for depth in sorted(numbers["networks"], key=int)
    ]
    steps = numbers["epoch"] * (len(next(iter(numbers["networks"].values()))["both"]["loss"][0]) - 1)
    return f"Nat a character on held-out text after {steps:,} steps: {'; '.join(said)}."


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw held-out loss over the steps, and the gradient of each block, for each depth."""
    drawn = []
    for depth, networks in numbers["networks"].items():
        steps = [numbers["epoch"] * epoch for epoch in range(len(networks["both"]["loss"][0]))]
        curves = [Line(WORDS[name], steps, found["loss"], LOOKS[name]) for name, found in networks.items()]
        title = f"{depth} layers"
        panel = Panel(title, "step", "held-out loss, nat a character", curves, form="{:.2f}")
        drawn.append(Drawing(f"transformer-skips-{depth}", line_panel(panel), f"Held-out loss over steps, {title}."))
        blocks = list(range(1, 1 + len(networks["both"]["first"][0])))
        curves = [Line(WORDS[name], blocks, found["first"], LOOKS[name]) for name, found in networks.items()]
        panel = Panel(f"{title}: gradient of each block at the first step", "block (attention, MLP in turn)",
                      "norm (log scale)", curves, form="{:.2g}", log=True)  # fmt: skip
        name = f"transformer-skips-gradients-{depth}"
        drawn.append(Drawing(name, line_panel(panel), f"Gradient norm of each block at the first step, {title}."))
    return drawn


def tables(numbers: Numbers) -> list[Table]:
    """Return the last held-out loss of every seed, and the gradients at both ends of the network."""
    rows = []
    for depth, networks in numbers["networks"].items():
        for skips, found in networks.items():
            losses = last_loss(numbers, depth, skips)
            ratio = [first[0] / first[-1] for first in found["first"] if first[0] is not None and first[-1]]
            rows.append([depth, WORDS[skips], spread(losses, 3), spread(ratio, 3) if ratio else "–",
                         *(f"{loss:.3f}" for loss in losses)])  # fmt: skip
    header = ["layers", "skips", "loss", "first / last block", *(f"seed {seed}" for seed in range(len(rows[0]) - 4))]
    caption = (
        f"Held-out loss, nat a character (text {numbers['checksum']}), the better rate of each; the gradient's norm in "
        "the first block over that in the last, at the first step."
    )
    return [Table(header, rows, caption)]
