"""The primitives that move values, each compiled once a shape and dispatched once a call."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

__all__ = [
    "cumulative_sum",
    "empty_segments",
    "expand",
    "segment_extremum",
    "segment_sum",
    "slice_rows",
    "take",
    "where",
]


@partial(jax.jit)
def take(x: Any, index: Any) -> Any:
    """`x[index]`, the index in range."""
    return x.at[index].get(mode="promise_in_bounds")


@partial(jax.jit)
def expand(x: Any, ids: Any) -> Any:
    """`x[ids]` for ascending ids."""
    return x.at[ids].get(mode="promise_in_bounds", indices_are_sorted=True)


@partial(jax.jit, static_argnums=(2, 3))
def slice_rows(x: Any, start: Any, size: int, step: int) -> Any:
    """`size` entries from `start` on, every `step`-th: compiled by size, never by where it starts."""
    cut = lax.dynamic_slice_in_dim(x, start, max((size - 1) * step + 1, 0))
    return cut[::step] if step != 1 else cut


@partial(jax.jit, static_argnums=(2, 3))
def segment_sum(x: Any, ids: Any, nrows: int, contiguous: bool) -> Any:
    """Sum by segment; ids equal to `nrows` are dropped."""
    zeros = jnp.zeros((nrows, *x.shape[1:]), x.dtype)
    return zeros.at[ids].add(x, mode="drop", indices_are_sorted=contiguous)


@partial(jax.jit, static_argnums=(2, 3, 4, 5))
def segment_extremum(x: Any, ids: Any, nrows: int, contiguous: bool, worst: Any, largest: bool) -> Any:
    """Maximum (or minimum) by segment, `worst` where one is empty."""
    start = jnp.full((nrows, *x.shape[1:]), worst, x.dtype).at[ids]
    return (start.max if largest else start.min)(x, mode="drop", indices_are_sorted=contiguous)


@partial(jax.jit, static_argnums=(1, 2))
def empty_segments(ids: Any, nrows: int, ndim: int) -> Any:
    """Which segments hold nothing, with axes of length 1 behind."""
    return jnp.ones((nrows,) + (1,) * (ndim - 1), bool).at[ids].set(False, mode="drop")


@partial(jax.jit)
def cumulative_sum(x: Any) -> Any:
    """Running sum along axis 0 in `x`'s own dtype."""
    return jnp.cumsum(x, axis=0, dtype=x.dtype)


@partial(jax.jit, static_argnums=3)
def where(condition: Any, x: Any, y: Any, dtype: Any) -> Any:
    """Elementwise choice in one dtype."""
    return jnp.where(condition, lax.convert_element_type(x, dtype), lax.convert_element_type(y, dtype))
