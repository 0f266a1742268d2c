"""The primitives that move values, each compiled once a shape and dispatched once a call."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ragged.errors import UnsupportedError
from ragged_jax._compat import x64_enabled
from ragged_jax._dtypes import cast

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "argextremum",
    "argsort",
    "broadcast_to",
    "concat",
    "cumulative_sum",
    "empty_segments",
    "expand",
    "expand_lines",
    "extremum_lines",
    "identity",
    "recast",
    "reduce_sum",
    "reshape",
    "segment_extremum",
    "segment_sum",
    "slice_rows",
    "sum_lines",
    "take",
    "take_runs",
    "take_windows",
    "transpose",
    "where",
    "worst",
]


@jax.jit
def identity(x: Any) -> Any:
    """The same."""
    return x


@partial(jax.jit, static_argnums=1)
def recast(x: Any, dtype: Any) -> Any:
    """`x` in a dtype that JAX holds."""
    return cast(x, dtype)


@partial(jax.jit, static_argnums=1)
def reshape(x: Any, shape: Any) -> Any:
    """The same elements in another shape."""
    return jnp.reshape(x, shape)


@partial(jax.jit, static_argnums=1)
def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` repeated to a shape."""
    return jnp.broadcast_to(x, shape)


@partial(jax.jit, static_argnums=1)
def reduce_sum(x: Any, axes: Any) -> Any:
    """Sum over some axes in `x`'s own dtype."""
    return jnp.sum(x, axis=axes, dtype=x.dtype)


@partial(jax.jit, static_argnums=1)
def transpose(x: Any, axes: Any) -> Any:
    """Axes in another order."""
    return jnp.transpose(x, axes)


@jax.jit
def concat(arrays: Any) -> Any:
    """Arrays joined along axis 0."""
    return jnp.concatenate(arrays)


def gather(x: Any, index: Any, ascending: bool) -> Any:
    """`x[index]` for an index in range, of shape (n,) or (n, 1).

    Of the second shape nothing is made of the index, so that the transpose has no copy to keep.
    """
    if not index.shape[0]:
        return x[:0]
    one = (1, *x.shape[1:])
    along = lax.GatherDimensionNumbers(tuple(range(1, x.ndim)), (0,), (0,))
    mode = lax.GatherScatterMode.PROMISE_IN_BOUNDS
    return lax.gather(x, upright(index), along, one, indices_are_sorted=ascending, mode=mode)


def scatter(way: Callable[..., Any], start: Any, index: Any, x: Any, ascending: bool) -> Any:
    """`start` with the entries of `x` put in where the index says; those beyond the end are dropped."""
    if not index.shape[0]:
        return start
    along = lax.ScatterDimensionNumbers(tuple(range(1, x.ndim)), (0,), (0,))
    mode = lax.GatherScatterMode.FILL_OR_DROP
    return way(start, upright(index), x, along, indices_are_sorted=ascending, mode=mode)


def upright(index: Any) -> Any:
    """An index as a column."""
    return index[:, None] if index.ndim == 1 else index


@jax.jit
def take(x: Any, index: Any) -> Any:
    """`x[index]`, the index in range."""
    return gather(x, index, False)


@jax.jit
def take_runs(arrays: Any, shift: Any, ids: Any, step: int, last: Any) -> Any:
    """`x[i]` for each `i = shift[ids[k]] + k * step`, none beyond `last`: what runs on within each segment.

    `x` is the arrays put one after another, which is not made if there is one.
    """
    along = lax.iota(shift.dtype, ids.shape[0]) * step
    return gather(one_array(arrays), jnp.minimum(gather(shift, ids, True) + along, last), False)


@partial(jax.jit, static_argnums=2)
def take_windows(arrays: Any, starts: Any, size: int, step: int, last: Any) -> Any:
    """The same for segments of one size, one after another."""
    index = starts[:, None] + lax.iota(starts.dtype, size) * step
    return gather(one_array(arrays), jnp.minimum(index.reshape(-1), last), False)


def one_array(arrays: Any) -> Any:
    """Arrays put one after another."""
    return arrays[0] if len(arrays) == 1 else jnp.concatenate(arrays)


@jax.jit
def expand(x: Any, ids: Any) -> Any:
    """`x[ids]` for ascending ids."""
    return gather(x, ids, True)


@partial(jax.jit, static_argnums=(2, 3))
def slice_rows(x: Any, start: Any, size: int, step: int) -> Any:
    """`size` entries from `start` on, every `step`-th: compiled by size, never by where it starts."""
    cut = lax.dynamic_slice_in_dim(x, start, max((size - 1) * step + 1, 0))
    return cut[::step] if step != 1 else cut


@partial(jax.jit, static_argnums=(2, 3))
def segment_sum(x: Any, ids: Any, nrows: int, contiguous: bool) -> Any:
    """Sum by segment; ids equal to `nrows` are dropped."""
    return scatter(lax.scatter_add, jnp.zeros((nrows, *x.shape[1:]), x.dtype), ids, x, contiguous)


@partial(jax.jit, static_argnums=1)
def sum_lines(x: Any, nrows: int) -> Any:
    """Sum by segment, where all are of one length."""
    return jnp.sum(x.reshape(nrows, -1, *x.shape[1:]), axis=1, dtype=x.dtype)


@partial(jax.jit, static_argnums=(1, 2))
def extremum_lines(x: Any, nrows: int, largest: bool) -> Any:
    """Maximum (or minimum) by segment, where all are of one length."""
    return (jnp.max if largest else jnp.min)(x.reshape(nrows, -1, *x.shape[1:]), axis=1)


@partial(jax.jit, static_argnums=1)
def expand_lines(x: Any, width: int) -> Any:
    """Each entry so many times."""
    n, *rest = x.shape
    return jnp.broadcast_to(x[:, None], (n, width, *rest)).reshape(n * width, *rest)


@partial(jax.jit, static_argnums=(2, 3, 4, 5))
def segment_extremum(x: Any, ids: Any, nrows: int, contiguous: bool, worst: Any, largest: bool) -> Any:
    """Maximum (or minimum) by segment, `worst` where one is empty."""
    start = jnp.full((nrows, *x.shape[1:]), worst, x.dtype)
    return scatter(lax.scatter_max if largest else lax.scatter_min, start, ids, x, contiguous)


@partial(jax.jit, static_argnums=(2, 3, 4))
def argextremum(x: Any, ids: Any, nrows: int, worst: Any, largest: bool) -> Any:
    """Where each segment's first maximum (or minimum; NaN wins) is, anything in range where it is empty."""
    best = gather(segment_extremum(x, ids, nrows, True, worst, largest), ids, True)
    last = np.asarray(max(x.shape[0] - 1, 0), ids.dtype)
    place = jnp.where((x == best) | (x != x), lax.iota(ids.dtype, x.shape[0]), last)
    first = scatter(lax.scatter_min, jnp.full((nrows,), last), ids, place, True)
    return lax.convert_element_type(first, np.int64 if x64_enabled() else np.int32)


@partial(jax.jit, static_argnums=2)
def argsort(x: Any, ids: Any, descending: bool) -> Any:
    """Stable order within each segment; backwards, what is reversed is sorted and reversed again."""
    n, ids = x.shape[0], ids.reshape(-1)
    keys = (-ids[::-1], x[::-1]) if descending else (ids, x)
    order = lax.sort((*keys, jnp.arange(n)), num_keys=2)[2]
    return n - 1 - order[::-1] if descending else order


@partial(jax.jit, static_argnums=(1, 2))
def empty_segments(ids: Any, nrows: int, ndim: int) -> Any:
    """Which segments hold nothing, with axes of length 1 behind."""
    return jnp.ones((nrows,) + (1,) * (ndim - 1), bool).at[ids.reshape(-1)].set(False, mode="drop")


@jax.jit
def cumulative_sum(x: Any) -> Any:
    """Running sum along axis 0 in `x`'s own dtype."""
    return jnp.cumsum(x, axis=0, dtype=x.dtype)


@partial(jax.jit, static_argnums=3)
def where(condition: Any, x: Any, y: Any, dtype: Any) -> Any:
    """Elementwise choice in one dtype."""
    return jnp.where(condition, lax.convert_element_type(x, dtype), lax.convert_element_type(y, dtype))


@cache
def worst(dtype: Any, largest: bool) -> Any:
    """What no maximum (or minimum) of this dtype is beyond."""
    if dtype.kind == "b":
        return np.bool_(not largest)
    if jnp.issubdtype(dtype, jnp.complexfloating):
        raise UnsupportedError("JAX has no segment maximum of complex numbers while it traces; take it of the parts")
    if jnp.issubdtype(dtype, jnp.floating):
        return dtype.type(-np.inf if largest else np.inf)
    return dtype.type(np.iinfo(dtype).min if largest else np.iinfo(dtype).max)
