"""The VJP of every protocol primitive, over the protocol, so that it differentiates again.

A rule is `(b, g, shape, *parameters) -> cotangent`, with the operand's shape; `fit` brings shapes and dtypes
together once, for all rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.autodiff.derivatives import conjugate
from ragged.rows import Groups

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["fit", "matmul_left", "matmul_right", "primitives"]


def spread(b: Backend, g: Any, rows: Any) -> Any:
    """Each segment's entry for each of its elements; 0 for slack."""
    if rows.offsets is not None:
        return b.expand(g, rows)
    return b.take(b.concat([g, b.full((1, *g.shape[1:]), 0, b.dtype(g))]), rows.ids)


def put_back(b: Backend, g: Any, shape: Any, start: int, stop: int, step: int) -> Any:
    """`g` in its place among zeros."""
    n = shape[0]
    if step != 1:
        return b.segment_sum(g, Groups(b.home().arange(g.shape[0]) * step + start, n))
    rest, dtype = g.shape[1:], b.dtype(g)
    after = n - start - g.shape[0]
    parts = [b.full((start, *rest), 0, dtype)] if start else []
    parts.append(g)
    if after:
        parts.append(b.full((after, *rest), 0, dtype))
    return b.concat(parts) if len(parts) > 1 else g


def sum_from_here(b: Backend, g: Any) -> Any:
    """The running sum from the end."""
    n = g.shape[0]
    backwards = n - 1 - b.home().arange(n)
    return b.take(b.cumulative_sum(b.take(g, backwards)), backwards)


def repeat_along(b: Backend, g: Any, shape: Any, axes: tuple[int, ...]) -> Any:
    """`g` along the axes that a sum removed."""
    removed = {axis % len(shape) for axis in axes}
    kept = tuple(1 if i in removed else n for i, n in enumerate(shape))
    return b.broadcast_to(b.reshape(g, kept), shape)


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes `axes`."""
    return tuple(sorted(range(len(axes)), key=lambda i: axes[i] % len(axes)))


primitives: dict[str, Callable[..., Any]] = {
    "astype": lambda b, g, shape, dtype: g,
    "broadcast_to": lambda b, g, shape, new: g,
    "cumulative_sum": lambda b, g, shape: sum_from_here(b, g),
    "expand": lambda b, g, shape, rows: b.segment_sum(g, rows),
    "permute_dims": lambda b, g, shape, axes: b.permute_dims(g, inverse(axes)),
    "reshape": lambda b, g, shape, new: b.reshape(g, shape),
    "segment_sum": lambda b, g, shape, rows: spread(b, g, rows),
    "slice": lambda b, g, shape, start, stop, step=1: put_back(b, g, shape, start, stop, step),
    "sum": lambda b, g, shape, axes: repeat_along(b, g, shape, axes),
    "take": lambda b, g, shape, index: b.segment_sum(g, Groups(index, shape[0])),
}


def transposed(b: Backend, x: Any) -> Any:
    """The conjugate transpose of the last two axes."""
    n = x.ndim
    return conjugate(b, b.permute_dims(x, (*range(n - 2), n - 1, n - 2)))


def as_matrices(b: Backend, g: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """A matrix product's cotangent and operands with vectors made rows and columns."""
    x2 = b.reshape(x, (1, x.shape[0])) if x.ndim == 1 else x
    y2 = b.reshape(y, (y.shape[0], 1)) if y.ndim == 1 else y
    shape = list(g.shape)
    if x.ndim == 1:
        shape.insert(len(shape) - (y.ndim > 1), 1)
    if y.ndim == 1:
        shape.append(1)
    return b.reshape(g, tuple(shape)), x2, y2


def matmul_left(b: Backend, g: Any, x: Any, y: Any) -> Any:
    """G Yᴴ."""
    g2, _, y2 = as_matrices(b, g, x, y)
    product = b.matmul(g2, transposed(b, y2))
    return b.sum(product, (product.ndim - 2,)) if x.ndim == 1 else product


def matmul_right(b: Backend, g: Any, x: Any, y: Any) -> Any:
    """Xᴴ G."""
    g2, x2, _ = as_matrices(b, g, x, y)
    product = b.matmul(transposed(b, x2), g2)
    return b.sum(product, (product.ndim - 1,)) if y.ndim == 1 else product


def fit(b: Backend, g: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """A cotangent in its operand's shape and dtype: broadcast axes are summed, a real operand takes the real part."""
    if b.dtype(g).kind == "c" and dtype.kind != "c":
        g = b.apply("real", g)
    if b.dtype(g) != dtype:
        g = b.astype(g, dtype)
    if g.shape == shape:
        return g
    extra = len(g.shape) - len(shape)
    if extra < 0:  # a rule may give a cotangent that still has to be broadcast
        return b.broadcast_to(g, shape)
    axes = tuple(range(extra)) + tuple(i + extra for i, n in enumerate(shape) if n == 1 and g.shape[i + extra] != 1)
    return b.reshape(b.sum(g, axes), shape) if axes else b.broadcast_to(g, shape)
