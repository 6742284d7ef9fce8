"""Networks on token numbers: stem, masks, heads and the network that holds them together."""

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from .heads import classifier
from .network import refuse_checkpointing
from .tracing import one_node

Sees = Callable[[Tensor, Tensor | None], Tensor | None]


def sees_all(tokens: Tensor, keep: Tensor | None) -> Tensor | None:
    """Let every position see every kept one: the encoder's mask, [N, 1, 1, T], or None when all are kept."""
    return None if keep is None else keep.bool()[:, None, None, :]


@one_node
def sees_past(tokens: Tensor, keep: Tensor | None) -> Tensor:
    """Let every position see itself and the kept ones before it: the decoder's mask, [N or 1, 1, T, T]."""
    length = tokens.shape[1]
    past = torch.ones(length, length, dtype=torch.bool, device=tokens.device).tril()
    return past[None, None] if keep is None else past & keep.bool()[:, None, None, :]


class TextStem(nn.Module):
    """Words, places and, where there are any, segments, added up: tokens [N, T] -> [N, T, width].

    Args:
        vocabulary: the number of words.
        length: the number of places.
        width: features of a position.
        segments: the number of kinds of segments (2 in BERT: first and second sentence); 0 for none.
        norm: of the sum.
    """

    def __init__(
        self, vocabulary: int, length: int, width: int, *, segments: int = 0, norm: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(length, width)
        self.segments = nn.Embedding(segments, width) if segments else None
        self.norm = norm if norm is not None else nn.Identity()

    def forward(self, tokens: Tensor, segments: Tensor | None = None) -> Tensor:
        """Return the sum; segments [N, T] are all 0 when none are given."""
        x = self.words(tokens) + self.places(place_numbers(tokens, self.places.num_embeddings))
        if self.segments is not None:
            x = x + self.segments(torch.zeros_like(tokens) if segments is None else segments)
        elif segments is not None:
            raise InputError("this model knows no segments, got some; leave segments= out")
        return self.norm(x)


@one_node
def place_numbers(tokens: Tensor, most: int) -> Tensor:
    """Return the places 0 to T - 1 of tokens [N, T], or raise InputError where there are more than ``most``."""
    if tokens.shape[1] > most:
        raise InputError(
            f"this model reads at most {most} tokens, got {tokens.shape[1]}; "
            "cut the text or build it with a larger length="
        )
    return torch.arange(tokens.shape[1], device=tokens.device)


class FirstTokenHead(nn.Module):
    """fc(tanh(pool(first position))): features [N, T, width] -> logits [N, num_classes] (BERT section 3.2)."""

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.pool = nn.Linear(width, width)
        self.act = nn.Tanh()
        self.fc = classifier(width, num_classes)

    def forward(self, features: Tensor, words: Tensor) -> Tensor:
        """Return logits, or the pooled features where there are no classes; the words' vectors are not needed."""
        return self.fc(self.before(features))

    def before(self, features: Tensor) -> Tensor:
        """Return what ``fc`` receives [N, width]."""
        return self.act(self.pool(features[:, 0]))


class WordHead(nn.Module):
    """How well each word's vector fits: features [N, T, width] -> logits [N, T, vocabulary].

    The last matrix is the first one transposed (Press and Wolf 2017, arXiv:1608.05859), so nothing is stored here.
    """

    def forward(self, features: Tensor, words: Tensor) -> Tensor:
        """Return features words^T, words being [vocabulary, width]."""
        return F.linear(features, words)

    def before(self, features: Tensor) -> Tensor:
        """Return what the words' vectors are multiplied with: the features themselves."""
        return features


class MaskedWordHead(nn.Module):
    """WordHead behind one more layer, and a bias for each word (BERT's pre-training head)."""

    def __init__(self, width: int, vocabulary: int, norm: nn.Module) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.act = nn.GELU()
        self.norm = norm
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, features: Tensor, words: Tensor) -> Tensor:
        """Return logits [N, T, vocabulary]."""
        return F.linear(self.before(features), words, self.bias)

    def before(self, features: Tensor) -> Tensor:
        """Return what the words' vectors are multiplied with [N, T, width]."""
        return self.norm(self.act(self.dense(features)))


class TextNetwork(nn.Module):
    """logits = head(norm(blocks(stem(tokens)))).

    Args:
        stem: tokens to the first block's features; its ``words`` are the words' vectors.
        blocks: attention and MLP in turn; each is called as ``block(x, mask=...)``.
        norm: what acts on the last block's output.
        head: ``head(features, words)`` to logits; ``head.before(features)`` is all of it but the last matrix.
        sees: what each position may see; the one difference between encoder and decoder.
    """

    def __init__(
        self, stem: TextStem, blocks: Iterable[nn.Module], norm: nn.Module, head: nn.Module, *, sees: Sees
    ) -> None:
        super().__init__()
        self.stem = stem
        self.blocks = nn.ModuleList(blocks)
        self.norm = norm
        self.head = head
        self.sees = sees

    def forward_features(self, tokens: Tensor, keep: Tensor | None = None, segments: Tensor | None = None) -> Tensor:
        """Return the last features [N, T, width]; arguments as in ``forward``."""
        mask = self.sees(tokens, keep)
        x = self.stem(tokens, segments)
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.norm(x)

    @property
    def num_classes(self) -> int:
        """How many logits come out; 0 after ``reset_classifier(0)``. A model that ends in words has none."""
        if (fc := getattr(self.head, "fc", None)) is None:
            raise AttributeError("a network that ends in words has no num_classes")
        return fc.out_features if isinstance(fc, nn.Linear) else 0

    @property
    def num_features(self) -> int:
        """Width of what the last matrix receives."""
        return self.stem.words.embedding_dim

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Return logits for the last features; with ``pre_logits`` the vectors that the last matrix receives."""
        return cast(Any, self.head).before(features) if pre_logits else self.head(features, self.stem.words.weight)

    def forward(self, tokens: Tensor, keep: Tensor | None = None, segments: Tensor | None = None) -> Tensor:
        """Return logits.

        Args:
            tokens: word numbers [N, T].
            keep: 1 for words, 0 for padding [N, T]; without it all are words.
            segments: kind of segment [N, T], where the stem has any.
        """
        return self.head(self.forward_features(tokens, keep, segments), self.stem.words.weight)

    def reset_classifier(self, num_classes: int) -> None:
        """Replace the last linear layer by a new one for ``num_classes`` (0: none, features come out)."""
        if num_classes < 0:
            raise InputError(f"num_classes must be 0 (features) or more, got {num_classes}")
        if not hasattr(self.head, "fc"):
            raise InputError("this model ends in words, not in classes; build one whose builder takes num_classes=")
        words = self.stem.words.weight
        self.head.add_module("fc", classifier(words.shape[1], num_classes).to(words.device, words.dtype))

    def get_classifier(self) -> nn.Module | None:
        """Return the last linear layer, or None where the model ends in words."""
        return getattr(self.head, "fc", None)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Refuse to recompute blocks in the backward pass, as ``Network`` does."""
        refuse_checkpointing(enable)
