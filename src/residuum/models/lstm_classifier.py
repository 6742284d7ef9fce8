"""Images read row by row by long short-term memory cells: the residual network along time.

Each row of pixels is a step; the last step's h goes to a linear layer.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from ..errors import InputError
from ..nn import Network
from ..nn.heads import classifier
from ..nn.recurrent import ImageRows, LastStep, LSTMCell, Recurrent, pick_forget
from .variant import variant


def lstm_classifier(
    depth: int = 1,
    *,
    num_classes: int = 10,
    in_chans: int = 1,
    image_size: int = 8,
    width: int = 64,
    forget: str = "learnt",
) -> Network:
    """Build cells c' = f*c + i*g in ``depth`` layers above each other, along the rows of an image.

    Args:
        depth: layers of cells.
        num_classes: how many logits.
        in_chans: channels of the images.
        image_size: width of the images, pixels; their height is free.
        width: units of a cell.
        forget: "learnt" (the modern cell) or "one" (f = 1, the cell of 1997).
    """
    if depth < 1:
        raise InputError(f"depth must be 1 or more layers of cells, got {depth}")
    make_forget = pick_forget(forget)

    def cell(inputs: int) -> LSTMCell:
        return LSTMCell(inputs, width, forget=make_forget(inputs, width))

    return Network(
        stem=ImageRows(in_chans, image_size),
        stages=[Recurrent(cell(in_chans * image_size)), *(Recurrent(cell(width)) for _ in range(depth - 1))],
        head=nn.Sequential(OrderedDict(last=LastStep(), fc=classifier(width, num_classes))),
        num_features=width,
    )


DIGITS = (1, 8, 8)

BUILDERS = {"lstm_classifier": lstm_classifier}

VARIANTS = {
    "lstm_classifier_1997": variant(
        lstm_classifier, depth=1, forget="one", source="Hoc97, no forget gate", image_size=8, input_shape=DIGITS
    ),
    "lstm_classifier_2000": variant(
        lstm_classifier, depth=1, source="Gers et al. 2000, with a forget gate", image_size=8, input_shape=DIGITS
    ),
}
