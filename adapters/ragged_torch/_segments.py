"""Sums and extrema of contiguous segments, and their transposes, with all derivatives.

The fastest passes over contiguous segments (a regular axis, NumPy's, `torch.segment_reduce`) have no second derivative,
or none at all. Each function here brings its own, made of these functions again: so they hold to every order, in both
modes and under `torch.vmap`.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

import torch

from ragged_torch import _host
from ragged_torch._compat import is_batched, is_wrapped
from ragged_torch._kernels import take

if TYPE_CHECKING:
    from ragged.rows import Rows

__all__ = ["best", "expand", "extremum", "fused", "reduced", "repeated", "total"]

NEUTRAL = {"sum": 0, "prod": 1, "max": -torch.inf, "min": torch.inf}
REGULAR: dict[str, Any] = {"sum": torch.sum, "prod": torch.prod, "max": torch.amax, "min": torch.amin}
SMALL = 4096
"""Below this many numbers the number of calls counts, not the passes."""
LONG = 256
"""Segments of more numbers than these are added up in double precision."""

Function: Any = torch.autograd.Function


def reduced(x: torch.Tensor, rows: Rows, way: str) -> torch.Tensor:
    """Sum, product, maximum or minimum of contiguous segments of floats, `NEUTRAL` where empty; no derivative."""
    if x.is_complex():
        return torch.view_as_complex(reduced(torch.view_as_real(x.resolve_conj()), rows, way))
    if width := width_of(rows, x.numel()):
        return cast("torch.Tensor", REGULAR[way](x.reshape(rows.nrows, width, *x.shape[1:]), 1))
    if x.shape[0] == 0:  # of which segment_reduce takes no offsets
        return torch.full((rows.nrows, *x.shape[1:]), NEUTRAL[way], dtype=x.dtype, device=x.device)
    if _host.is_fastest(x):
        return _host.reduced(x, rows, way, NEUTRAL[way])
    if way == "sum" and x.dtype.itemsize < 8 and rows.longest > LONG:  # one number after the other would lose digits
        return reduced(x.double(), rows, way).to(x.dtype)
    reduce: Any = torch.segment_reduce
    return cast("torch.Tensor", reduce(x.contiguous(), way, offsets=rows.offsets, axis=0, unsafe=True))


def width_of(rows: Rows, numel: int) -> int:
    """The length of all rows, which then are a regular axis; 0 where they have several, or where there are few numbers,
    of which any pass is as fast."""
    width: int = rows.longest if numel >= SMALL else 0
    return width if width * rows.nrows == rows.total else 0


def repeated(x: torch.Tensor, rows: Rows) -> torch.Tensor:
    """Each segment's entry for each of its elements."""
    if width := width_of(rows, rows.total):
        lines = x.unsqueeze(1).expand(rows.nrows, width, *x.shape[1:])
        return lines.reshape(rows.total, *x.shape[1:])
    return take(x, rows.ids)


def summed(x: torch.Tensor, rows: Rows) -> torch.Tensor:
    """Sum of each segment, without a derivative."""
    return reduced(x, rows, "sum")


def total(x: torch.Tensor, rows: Rows) -> torch.Tensor:
    """Sum of each segment, differentiable."""
    return cast("torch.Tensor", Linear.apply(x, rows, summed, repeated))


def expand(x: torch.Tensor, rows: Rows) -> torch.Tensor:
    """Each segment's entry for each of its elements, differentiable."""
    return cast("torch.Tensor", Linear.apply(x, rows, repeated, summed))


def best(x: torch.Tensor, rows: Rows, way: str) -> torch.Tensor:
    """Maximum or minimum of each segment, as a constant."""
    x = x.detach()
    return cast("torch.Tensor", Best.apply(x, rows, way)) if is_wrapped(x) else reduced(x, rows, way)


def extremum(x: torch.Tensor, rows: Rows, way: str) -> torch.Tensor:
    """Maximum or minimum of each segment, differentiable: ties share the slope; NaN, which wins, has it."""
    fixed = x.detach()
    found = best(fixed, rows, way)
    ties = fixed == repeated(found, rows)
    if is_batched(found) or bool(torch.isnan(found).any()):
        ties = ties | torch.isnan(fixed)
    return cast("torch.Tensor", Chosen.apply(x, found, ties, rows))


def fused(b: Any, f: Any, tangent: Any, x: torch.Tensor, rows: Rows) -> torch.Tensor:
    """`f(b, x, rows)`, of which only the result is kept for its derivative `tangent(b, y, dx, rows)`."""
    return cast("torch.Tensor", Fused.apply(x, b, f, tangent, rows))


class Linear(Function):  # type: ignore[misc]
    """A linear function of rows, `f(x, rows)`, and its transpose."""

    @staticmethod
    def forward(x: Any, rows: Any, f: Any, transpose: Any) -> Any:
        return f(x, rows)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _, ctx.rows, ctx.f, ctx.transpose = inputs

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return Linear.apply(g, ctx.rows, ctx.transpose, ctx.f), None, None, None

    @staticmethod
    def jvp(ctx: Any, t: Any, *_: Any) -> Any:
        return Linear.apply(t, ctx.rows, ctx.f, ctx.transpose)

    @staticmethod
    def vmap(info: Any, dims: Any, x: Any, rows: Any, f: Any, transpose: Any) -> Any:
        return Linear.apply(x.movedim(dims[0], -1), rows, f, transpose), -1


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


for each in (Linear, Best, Fused, Chosen):
    forward: Any = each.forward
    forward.__signature__ = inspect.signature(forward)  # which PyTorch makes anew at every call
