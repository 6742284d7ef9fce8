"""The block that every family fills with other parts."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from .merges import Add


class Block(nn.Module):
    """y = activation(merge(shortcut(x), branch(x), x)).

    Args:
        branch: what is computed, ``branch(x, **context)``; context (attention masks) reaches only the branch.
        shortcut: what is carried past it; the identity unless shapes change.
        merge: how both are joined; ``Add`` makes a residual block, ``BranchOnly`` a plain one.
        activation: what acts on the joined stream; the identity leaves the stream clean (He16).

    >>> block = Block(basic_branch(16, 16), activation=torch.nn.ReLU())
    >>> block(torch.zeros(2, 16, 8, 8)).shape
    torch.Size([2, 16, 8, 8])
    >>> plain_twin = Block(basic_branch(16, 16), merge=BranchOnly(), activation=torch.nn.ReLU())
    """

    def __init__(
        self,
        branch: nn.Module,
        *,
        shortcut: nn.Module | None = None,
        merge: nn.Module | None = None,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.shortcut = shortcut if shortcut is not None else nn.Identity()
        self.branch = branch
        self.merge = merge if merge is not None else Add()
        self.activation = activation if activation is not None else nn.Identity()

    def forward(self, x: Tensor, **context: Any) -> Tensor:
        """Return the block's output, of the shape that branch and merge give."""
        return self.activation(self.merge(self.shortcut(x), self.branch(x, **context), x))
