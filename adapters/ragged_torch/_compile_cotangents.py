"""Which outputs of a graph have cotangents, and of which shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ragged_torch._compile_sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["fitted", "followed_of", "smooth_places"]


def fitted(g: Any, y: Any) -> Any:
    """A cotangent of the shape of its output."""
    for n, m in zip(g.shape, y.shape, strict=True):
        size = size_of(m)
        if size != n:
            (size if not isinstance(size, int) else size_of(n)).expect(n if not isinstance(size, int) else m, "a shape")
    return g


def smooth_places(outputs: Sequence[Any]) -> tuple[int, ...]:
    """Which outputs have derivatives."""
    return tuple(
        j for j, y in enumerate(outputs) if isinstance(y, torch.Tensor) and (y.is_floating_point() or y.is_complex())
    )


def followed_of(captured: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Those of the tensors of a closure that someone differentiates by."""
    return [x for x in captured if x.requires_grad] if torch.is_grad_enabled() else []
