"""The primitives that move values between segments and elements: each knows the other as its derivative.

TensorFlow's own gradient of a gather is an `IndexedSlices`, which every later step makes dense again, one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged_tensorflow._compat import is_recorded

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["argsort", "gather", "segment_extremum", "segment_sum"]


def linear(f: Callable[..., Any], transpose: Callable[..., Any], x: Any) -> Any:
    """`f(x)` of a linear `f`, whose derivative is `transpose`; nothing is prepared where none will be asked for."""
    if not is_recorded((x,)):
        return f(x)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def call(x: Any) -> Any:
        return f(tf.stop_gradient(x)), transpose

    return call(x)


def gather(x: Any, ids: Any, n: Any, contiguous: bool = False, total: Any = None) -> Any:
    """`x[ids]` along axis 0; `n` is the length of `x`. `contiguous` tells that the ids ascend."""
    return linear(lambda x: tf.gather(x, ids), lambda g: segment_sum(g, ids, n, contiguous), x)


def segment_sum(x: Any, ids: Any, nrows: Any, contiguous: bool) -> Any:
    """Sum by segment; ids equal to `nrows` are dropped (there are none where segments are contiguous)."""

    def transpose(g: Any) -> Any:
        if contiguous:
            return gather(g, ids, nrows, True)
        return gather(tf.concat([g, tf.zeros_like(g[:1])], 0) if with_slack else g, ids, count, False)

    with_slack = not contiguous
    count = nrows + 1 if with_slack else nrows
    return linear(lambda x: added(x, ids, nrows, contiguous), transpose, x)


def added(x: Any, ids: Any, nrows: Any, contiguous: bool) -> Any:
    """The sums themselves."""
    if contiguous:
        return tf.math.unsorted_segment_sum(x, ids, nrows)
    return tf.math.unsorted_segment_sum(x, ids, nrows + 1)[:nrows]


def segment_extremum(x: Any, ids: Any, nrows: Any, identity: Any, largest: bool) -> Any:
    """Maximum (or minimum) by segment, `identity` where one is empty; NaN wins."""
    kernel = tf.math.unsorted_segment_max if largest else tf.math.unsorted_segment_min
    best = kernel(x, ids, nrows + 1)[:nrows]
    if x.dtype.is_floating:
        is_nan = tf.cast(tf.math.is_nan(x), tf.int32)
        some = tf.math.unsorted_segment_max(is_nan, ids, nrows + 1)[:nrows] > 0
        best = tf.where(some, tf.constant(float("nan"), x.dtype), best)
    empty = tf.math.unsorted_segment_max(tf.ones_like(ids), ids, nrows + 1)[:nrows] <= 0
    empty = tf.reshape(empty, tf.concat([tf.shape(empty), tf.ones([x.shape.rank - 1], tf.int32)], 0))
    return tf.where(empty, tf.cast(identity, x.dtype), best)


def argsort(x: Any, ids: Any, descending: bool) -> Any:
    """Stable order within each segment: by value, then by segment; NaN last (first, descending)."""
    if x.dtype.is_bool:
        x = tf.cast(x, tf.int32)
    first = tf.argsort(x, direction="DESCENDING" if descending else "ASCENDING", stable=True)
    if x.dtype.is_floating:
        is_nan = tf.cast(tf.math.is_nan(tf.gather(x, first)), tf.int32)
        first = tf.gather(first, tf.argsort(-is_nan if descending else is_nan, stable=True))
    return tf.cast(tf.gather(first, tf.argsort(tf.gather(ids, first), stable=True)), tf.int64)
