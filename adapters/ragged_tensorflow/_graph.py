"""Structure in a graph: row numbers, and rounds whose number only the running program knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged.rows import Rows
from ragged_tensorflow._sizes import Size

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["contracted", "doubled", "numbered"]


def contracted(b: Backend, step: Callable[..., Any], x: Any, rows: Rows) -> tuple[Any, Rows]:
    """`x, rows = step(b, x, rows)` until no row has more than one element, as a loop of the graph."""

    def at(offsets: Any) -> Rows:
        return Rows(rows.ops, offsets, rows.nrows, Size(offsets[-1]))

    def is_long(x: Any, offsets: Any) -> Any:
        return tf.convert_to_tensor(at(offsets).longest) > 1

    def shorter(x: Any, offsets: Any) -> tuple[Any, Any]:
        x, rows = step(b, x, at(offsets))
        return x, rows.offsets

    invariants = [tf.TensorShape([None, *x.shape[1:]]), tf.TensorShape([None])]
    x, offsets = tf.while_loop(is_long, shorter, [x, rows.offsets], invariants)
    return x, at(offsets)


def doubled(b: Backend, step: Callable[..., Any], x: Any, rows: Rows) -> Any:
    """`x = step(b, x, rows, n)` for n = 1, 2, 4, … below the longest row, as a loop of the graph."""
    longest = tf.convert_to_tensor(rows.longest, tf.int64)

    def further(n: Any, x: Any) -> tuple[Any, Any]:
        return n * 2, tf.ensure_shape(step(b, x, rows, Size(n)), x.shape)

    first = tf.constant(1, tf.int64)
    return tf.while_loop(lambda n, x: n < longest, further, [first, x], [first.shape, x.shape])[1]


def numbered(ends: Any, total: Any) -> Any:
    """For each of `total` elements how many rows end before it: its row. (`tf.repeat` pads all rows to the longest.)"""
    ends = tf.cast(ends, tf.int64)
    return tf.cumsum(tf.math.unsorted_segment_sum(tf.ones_like(ends), ends, total + 1)[:-1])
