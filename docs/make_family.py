"""Write docs/family.md and its drawings from the models themselves: ``python docs/make_family.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from residuum.cli.draw import draw_anatomy
from residuum.files import write_text
from residuum.models import VARIANTS, build
from residuum.models.anatomy import Anatomy, anatomy
from residuum.models.slots import Slots
from residuum.report.diagram import entrance, operations

DOCS = Path(__file__).parent


class Member(NamedTuple):
    """A section of the page."""

    title: str
    name: str  # the variant that is drawn
    paper: str
    says: str


def arxiv(authors: str, number: str) -> str:
    """Return a link to a paper."""
    return f"[{authors}, arXiv:{number}](https://arxiv.org/abs/{number})"


HE15 = arxiv("He et al. 2015", "1512.03385")
HE16 = arxiv("He et al. 2016", "1603.05027")
SRIVASTAVA = arxiv("Srivastava et al. 2015", "1507.06228")
HUANG = arxiv("Huang et al. 2016", "1608.06993")

MEMBERS = (
    Member("Residual network", "cifar_resnet20", f"{HE15}, section 4.2",
           "The branch learns what must be added to x. Where a stage changes the shape, the shortcut takes every "
           "second pixel and pads channels with zeros (option A), so that it needs no parameters."),
    Member("Its plain twin", "cifar_plain20", f"{HE15}, section 4.2",
           "The same layers, the same parameters; the merge forgets the shortcut. Only this word differs, and at depth "
           "56 it decides."),
    Member("ResNet for large images", "resnet50", f"{HE15}, table 1",
           "The bottleneck: 1×1 convolutions narrow and widen the channels around the 3×3 one. A projection stands on "
           "the shortcut where shapes change (option B)."),
    Member("ResNet for small images", "resnet18_cifar", "kuangliu, pytorch-cifar",
           "The stages of the large networks behind a 3x3 stem that keeps the size: four times the width of "
           "He et al.'s own CIFAR networks."),
    Member("Pre-activation", "cifar_preact_resnet164", f"{HE16}, figure 4e",
           "Norm and activation move before each convolution and nothing acts behind the sum, so the stream runs clean "
           "from block to block. The last block of a stage activates it for all that follows."),
    Member("Pre-activation for large images", "preact_resnet50", f"{HE16}, figure 4e",
           "The same order in the bottleneck of ResNet-50."),
    Member("Pre-activation for small images", "preact_resnet18_cifar", "kuangliu, pytorch-cifar",
           "The same order behind a 3x3 stem that keeps the size; the head pools the stream as it is, neither normed "
           "nor activated."),
    Member("ResNeXt", "resnext50_32x4d", arxiv("Xie et al. 2016", "1611.05431"),
           "The branch is 32 narrow branches side by side, which a grouped convolution computes at once."),
    Member("Wide", "wide_resnet50_2", arxiv("Zagoruyko and Komodakis 2016", "1605.07146"),
           "The 3×3 convolution of the branch is twice as wide."),
    Member("Fast on CIFAR-10", "fast_resnet8", f"after airbench94, {arxiv('Jordan 2024', '2404.00498')}",
           "A stem that is computed, not learned; each stage is entered through a pooled convolution, past which "
           "nothing is carried, and goes on with a residual block of one convolution."),
    Member("Efficient channel attention", "ecaresnet50d", arxiv("Wang et al. 2019", "1910.03151"),
           "The branch ends in a gate on each channel that looks at the channel's neighbours alone."),
    Member("Group norm", "resnet50_gn", arxiv("Wu and He 2018", "1803.08494"),
           "Every norm looks at one image alone, so that small batches train as large ones do."),
    Member("Big Transfer (BiT)", "bit_resnet50x1", arxiv("Kolesnikov et al. 2019", "1912.11370"),
           "The pre-activation bottleneck with group norm; every filter is brought to mean 0 and variance 1 before "
           "it is used."),
    Member("Squeeze-and-excitation", "seresnet50", arxiv("Hu et al. 2017", "1709.01507"),
           "The branch ends in a gate on each of its channels that has looked at the whole image."),
    Member("ResNet-D", "resnet50d", arxiv("He et al. 2018", "1812.01187"),
           "The shortcut averages before it projects, so no activation is skipped over; three small convolutions make "
           "the stem."),
    Member("RegNet", "regnet_y_400mf", arxiv("Radosavovic et al. 2020", "2003.13678"),
           "The branch is as wide inside as outside and its 3×3 convolution has groups of a fixed width; Y puts a gate "
           "behind it, X does not. A table of widths makes every size."),
    Member("MobileNetV2", "mobilenet_v2", arxiv("Sandler et al. 2018", "1801.04381"),
           "The branch is turned inside out: the stream is narrow, the branch widens it sixfold, has one filter a "
           "channel in its middle, and narrows again without an activation, which would lose what is narrow."),
    Member("MobileNetV3", "mobilenet_v3_small", arxiv("Howard et al. 2019", "1905.02244"),
           "The same in a searched table, with gates on some channels and a hard swish in the later branches."),
    Member("EfficientNet", "efficientnet_b0", arxiv("Tan and Le 2019", "1905.11946"),
           "The inverted residual with a gate in every branch; depth, width and image grow together. Where the shape "
           "changes nothing is carried."),
    Member("EfficientNet-Lite", "efficientnet_lite0",
           "[Google 2020](https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite)",
           "The same without gates, ReLU6 instead of SiLU: what processors for whole numbers like."),
    Member("ConvNeXt", "convnext_tiny", arxiv("Liu et al. 2022", "2201.03545"),
           "The branch has the habits of a transformer: one large depthwise convolution, a layer norm, a small network "
           "at each position. A learnt scale, near 0 at first, lets every block start as its shortcut."),
    Member("Highway", "cifar_highway20", SRIVASTAVA,
           "The merge is a gate T that looks at x: it mixes what is computed with what is carried. T → 0 is the "
           "identity, T → 1 the plain network; without gates it is the residual network."),
    Member("Highway, fully connected", "highway_mlp10", SRIVASTAVA,
           "The same sentence with a linear layer as branch and as gate."),
    Member("DenseNet", "cifar_densenet40_k12", HUANG,
           "The merge concatenates: every block hears all earlier ones and adds 12 channels of its own. Between stages "
           "stands a plain block that halves the image."),
    Member("DenseNet for large images", "densenet121", HUANG,
           "A 1×1 convolution narrows the growing stream before the 3×3 one."),
    Member("Explicit skip matrices: residual", "skip_mlp_residual10", f"{HE15}, equation 1, fully connected",
           "A cell of its own: every layer's matrix is the branch, every skip is a matrix on the shortcut. Fixed "
           "identities end to end make the residual network."),
    Member("Explicit skip matrices: dense", "skip_mlp_dense10", f"{HUANG}, equation 2, as a sum",
           "Learnt matrices from all earlier layers make the weighted dense form: concatenation is one merged matrix."),
    Member("Long short-term memory", "lstm_classifier_2000",
           "[Hochreiter and Schmidhuber 1997](https://doi.org/10.1162/neco.1997.9.8.1735); forget gate: "
           "[Gers et al. 2000](https://doi.org/10.1162/089976600300015015)",
           "A residual block along time: the memory c is the stream. The cell of 1997 (`lstm_classifier_1997`) keeps "
           "f = 1, which leaves c + i·g, the sum."),
    Member("Transformer encoder", "bert_tiny", arxiv("Devlin et al. 2018", "1810.04805"),
           "Two blocks in turn, attention and a small network at each position. Post-norm: a layer norm is the outer "
           "activation."),
    Member("Transformer decoder", "gpt_tiny",
           "[Radford et al. 2019](https://cdn.openai.com/better-language-models/"
           "language_models_are_unsupervised_multitask_learners.pdf)",
           "Pre-norm: the norm opens the branch and the stream stays clean, as in pre-activation. Each position sees "
           "itself and what is before it."),
    Member("Vision transformer", "vit_tiny", arxiv("Dosovitskiy et al. 2020", "2010.11929"),
           "The pre-norm encoder, which reads an image's patches like words."),
    Member("VGG", "vgg16_bn", arxiv("Simonyan and Zisserman 2014", "1409.1556"),
           "The plain ancestor: one convolution a block, and the merge forgets the shortcut."),
    Member("AlexNet", "alexnet", arxiv("Krizhevsky 2014", "1404.5997"),
           "The plain ancestor's ancestor, in its form for one processor."),
)  # fmt: skip

INTRODUCTION = """\
# The family

One sentence holds for every network on this page:

> y = activation(merge(shortcut(x), branch(x), x))

`branch` is what is computed, `shortcut` is what is carried past it, `merge` joins both and may look at x, and
`activation` acts on what was joined. Members of the family differ only in which parts fill these four slots:

```python
from residuum.nn import Block

y = Block(branch, shortcut=shortcut, merge=merge, activation=activation)(x)
```

Without further words the shortcut is the identity, the merge is the sum and the activation is nothing: the residual
block. What keeps several states (skip matrices, long short-term memory) is a cell of its own, and its terms have these
roles.

Below, s is what the shortcut carries and F is what the branch computes. Each row is read off the model, with the parts
of its most frequent block; so are the drawings, which `residuum draw NAME` makes of any model.

| member | shortcut | branch | merge | activation |
|---|---|---|---|---|
"""


def main() -> None:
    """Write the page and the drawings."""
    for path, content in pages():
        write_text(DOCS / path, content)


def pages() -> Iterator[tuple[str, str]]:
    """Yield each file's path under docs and its text."""
    rows, sections = [], []
    for member in MEMBERS:
        with torch.device("meta"):
            network = build(member.name)
        parts = anatomy(network)
        rows.append(slots_row(member, parts))
        sections.append(section(member, parts))
        yield f"images/family/{member.name}.svg", draw_anatomy(parts)
    yield "family.md", INTRODUCTION + "\n".join(rows) + "\n\n" + "\n".join(sections)


def slots_row(member: Member, parts: Anatomy) -> str:
    """Return the table's row: what fills the slots of the most frequent block, rather one that carries something."""
    pieces = [piece for part in parts.sections for piece in part.pieces if piece.slots[0].merge]
    common = max(pieces, key=lambda piece: (piece.repeat, piece.slots[0].merge != "none")).slots
    alike = [slots for piece in pieces for slots in piece.slots if slots.merge == common[0].merge]
    shortcuts = [", ".join(kinds(slots.shortcut)) or "identity" for slots in alike]
    carried = (
        "—"
        if common[0].merge == "none"
        else "; or ".join(sorted(dict.fromkeys(shortcuts), key=shortcuts.count, reverse=True))
    )
    anchor = re.sub(r"[^a-z0-9 -]", "", member.title.lower()).replace(" ", "-")
    cells = [
        f"[{member.title}](#{anchor})",
        carried,
        "; then ".join(", ".join(kinds(slots.branch)) for slots in common),
        merge_cell(common[0]),
        ", ".join(kinds(common[0].activation)) or "—",
    ]
    return f"| {' | '.join(cells)} |"


def merge_cell(slots: Slots) -> str:
    """Return the merge's kind with its formula."""
    if slots.merge == "none":
        return "none: F alone"
    formula = re.sub(r", (\d+|/\d+)(?=[,)]|$)", "", slots.formula)
    return f"{slots.merge}: {formula}"


def kinds(words: tuple[str, ...]) -> list[str]:
    """Return layers without their sizes."""
    bare = [re.sub(r", (\d+|/\d+)(?=,|$)", "", word) for word in words]
    return [re.sub(r"(squeeze|excite|pad) \d+", r"\1", word) for word in bare]


def section(member: Member, parts: Anatomy) -> str:
    """Return a member's part of the page."""
    source = VARIANTS[member.name].source
    return (
        f"## {member.title}\n\n{member.says}\n\n"
        f"`{member.name}`: {parts.parameters:,} parameters, {operations(parts.macs)} for an input of "
        f"{entrance(parts.input_shape)}. Paper: {member.paper}. The variant is that of: {source}.\n\n"
        f'```python\nmodel = residuum.create_model("{member.name}")\n```\n\n'
        f"![The blocks of {member.name}](images/family/{member.name}.svg)\n"
    )


if __name__ == "__main__":
    main()
