"""Sums and extrema of contiguous segments, and their transposes, with all derivatives.

`torch.segment_reduce` is the fastest pass over contiguous segments, but has no second derivative. Each function here
brings its own, made of these functions again: so they hold to every order, in both modes and under `torch.vmap`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch

from ragged_torch._compat import is_batched, is_wrapped

if TYPE_CHECKING:
    from ragged.rows import Rows

__all__ = ["best", "expand", "extremum", "fused", "reduced", "total"]

NEUTRAL = {"sum": 0, "prod": 1, "max": -torch.inf, "min": torch.inf}
REGULAR: dict[str, Any] = {"sum": torch.sum, "prod": torch.prod, "max": torch.amax, "min": torch.amin}
LONG = 256
"""Segments of more numbers than these are added up in double precision."""

Function: Any = torch.autograd.Function


def reduced(x: torch.Tensor, rows: Rows, way: str) -> torch.Tensor:
    """Sum, product, maximum or minimum of contiguous segments of floats, `NEUTRAL` where empty; no derivative."""
    if x.is_complex():
        return torch.view_as_complex(reduced(torch.view_as_real(x), rows, way))
    size = rows._longest
    if size and size * rows.nrows == rows.total:  # rows of one length are a regular axis
        lines = x.reshape(rows.nrows, size, *x.shape[1:])
        return cast("torch.Tensor", REGULAR[way](lines, 1))
    if x.shape[0] == 0:  # of which segment_reduce takes no offsets
        return torch.full((rows.nrows, *x.shape[1:]), NEUTRAL[way], dtype=x.dtype, device=x.device)
    if way == "sum" and x.dtype.itemsize < 8 and rows.longest > LONG:  # one number after the other would lose digits
        return reduced(x.double(), rows, way).to(x.dtype)
    reduce: Any = torch.segment_reduce
    return cast("torch.Tensor", reduce(x.contiguous(), way, offsets=rows.offsets, axis=0, unsafe=True))


def total(x: torch.Tensor, rows: Rows) -> torch.Tensor:
    """Sum of each segment, differentiable."""
    return cast("torch.Tensor", Total.apply(x, rows))


def expand(x: torch.Tensor, rows: Rows) -> torch.Tensor:
    """Each segment's entry for each of its elements, differentiable."""
    return cast("torch.Tensor", Expand.apply(x, rows))


def best(x: torch.Tensor, rows: Rows, way: str) -> torch.Tensor:
    """Maximum or minimum of each segment, as a constant."""
    x = x.detach()
    return cast("torch.Tensor", Best.apply(x, rows, way)) if is_wrapped(x) else reduced(x, rows, way)


def extremum(x: torch.Tensor, rows: Rows, way: str) -> torch.Tensor:
    """Maximum or minimum of each segment, differentiable: ties share the slope; NaN, which wins, has it."""
    fixed = x.detach()
    found = best(fixed, rows, way)
    ties = fixed == torch.index_select(found, 0, rows.ids)
    if is_batched(found) or bool(torch.isnan(found).any()):
        ties = ties | torch.isnan(fixed)
    return cast("torch.Tensor", Chosen.apply(x, found, ties, rows))


def fused(b: Any, f: Any, tangent: Any, x: torch.Tensor, rows: Rows) -> torch.Tensor:
    """`f(b, x, rows)`, of which only the result is kept for its derivative `tangent(b, y, dx, rows)`."""
    return cast("torch.Tensor", Fused.apply(x, b, f, tangent, rows))


class Total(Function):  # type: ignore[misc]
    """The sum of each segment; its transpose expands."""

    @staticmethod
    def forward(x: Any, rows: Any) -> Any:
        return reduced(x, rows, "sum")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.rows = inputs[1]

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return Expand.apply(g, ctx.rows), None

    @staticmethod
    def jvp(ctx: Any, t: Any, _: Any) -> Any:
        return Total.apply(t, ctx.rows)

    @staticmethod
    def vmap(info: Any, dims: Any, x: Any, rows: Any) -> Any:
        return Total.apply(x.movedim(dims[0], -1), rows), -1


class Expand(Function):  # type: ignore[misc]
    """Each segment's entry for each of its elements; its transpose sums."""

    @staticmethod
    def forward(x: Any, rows: Any) -> Any:
        return torch.index_select(x, 0, rows.ids)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.rows = inputs[1]

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return Total.apply(g, ctx.rows), None

    @staticmethod
    def jvp(ctx: Any, t: Any, _: Any) -> Any:
        return Expand.apply(t, ctx.rows)

    @staticmethod
    def vmap(info: Any, dims: Any, x: Any, rows: Any) -> Any:
        return Expand.apply(x.movedim(dims[0], -1), rows), -1


class Best(Function):  # type: ignore[misc]
    """The extremum of each segment, a constant."""

    @staticmethod
    def forward(x: Any, rows: Any, way: Any) -> Any:
        return reduced(x, rows, way)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return None, None, None

    @staticmethod
    def jvp(ctx: Any, *_: Any) -> Any:
        return None

    @staticmethod
    def vmap(info: Any, dims: Any, x: Any, rows: Any, way: Any) -> Any:
        return Best.apply(x.movedim(dims[0], -1), rows, way), -1


class Fused(Function):  # type: ignore[misc]
    """A function of segments whose derivative is its own transpose, and a function of the result."""

    @staticmethod
    def forward(x: Any, b: Any, f: Any, tangent: Any, rows: Any) -> Any:
        return f(b, x, rows)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _, ctx.b, _, ctx.tangent, ctx.rows = inputs
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return ctx.tangent(ctx.b, ctx.saved_tensors[0], g, ctx.rows), None, None, None, None

    @staticmethod
    def jvp(ctx: Any, t: Any, *_: Any) -> Any:
        return ctx.tangent(ctx.b, ctx.saved_tensors[0], t, ctx.rows)

    @staticmethod
    def vmap(info: Any, dims: Any, x: Any, b: Any, f: Any, tangent: Any, rows: Any) -> Any:
        return Fused.apply(x.movedim(dims[0], -1), b, f, tangent, rows), -1


class Chosen(Function):  # type: ignore[misc]
    """The best of each segment, as a mean of the entries that are tied for it."""

    @staticmethod
    def forward(x: Any, best: Any, ties: Any, rows: Any) -> Any:
        return best.view_as(best)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, _, ties, ctx.rows = inputs
        ctx.dtype = x.dtype
        ctx.save_for_backward(ties)
        ctx.save_for_forward(ties)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (ties,) = ctx.saved_tensors
        return torch.where(ties, expand(g * share(ties, ctx.rows, g.dtype), ctx.rows), 0), None, None, None

    @staticmethod
    def jvp(ctx: Any, t: Any, *_: Any) -> Any:
        (ties,) = ctx.saved_tensors
        return total(torch.where(ties, t, 0), ctx.rows) * share(ties, ctx.rows, t.dtype)

    @staticmethod
    def vmap(info: Any, dims: Any, x: Any, best: Any, ties: Any, rows: Any) -> Any:
        moved = [
            each.unsqueeze(-1).expand(*each.shape, info.batch_size) if dim is None else each.movedim(dim, -1)
            for each, dim in zip((x, best, ties), dims, strict=False)
        ]
        return Chosen.apply(*moved, rows), -1


def share(ties: Any, rows: Any, dtype: Any) -> Any:
    """One over the number of ties of each segment; 1 where there are none."""
    return 1 / total(ties.to(dtype), rows).clamp(min=1)
