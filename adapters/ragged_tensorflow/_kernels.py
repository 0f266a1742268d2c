"""The primitives that move values between segments and elements: each knows the other as its derivative.

TensorFlow's own gradient of a gather is an `IndexedSlices`, which every later step makes dense again, one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged_tensorflow._compat import is_recorded
from ragged_tensorflow._sizes import within

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged_tensorflow._index import Places

__all__ = ["argsort", "gather", "segment_extremum", "segment_sum", "tied_extremum", "with_nothing"]

R = tf.raw_ops
NAN, INF = float("nan"), float("inf")


def linear(f: Callable[..., Any], transpose: Callable[..., Any], x: Any, places: Places) -> Any:
    """`f(x, places)` of a linear `f`, whose derivative is `transpose`; nothing is prepared where nobody will ask."""
    if not is_recorded((x,)):
        return f(x, places)
    places = places.within()

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def call(x: Any) -> Any:
        return f(tf.stop_gradient(x), places), lambda g: transpose(g, places)

    return call(x)


def gather(x: Any, places: Places) -> Any:
    """`x[ids]` along axis 0, where x has an entry for each segment."""
    return linear(lambda x, at: R.GatherV2(params=x, indices=at.ids, axis=0), segment_sum, x, places)


def segment_sum(x: Any, places: Places) -> Any:
    """Sum by segment; ids equal to the number of segments (loose ones have some) are dropped."""

    def transpose(g: Any, at: Places) -> Any:
        if at.ascending:
            return gather(g, at)
        return gather(with_nothing(g), at._replace(nrows=at.nrows + 1))

    return linear(added, transpose, x, places)


def with_nothing(x: Any) -> Any:
    """`x` with one more entry, of zeros."""
    return tf.pad(x, [[0, 1]] + [[0, 0]] * (x.shape.rank - 1))


def added(x: Any, places: Places) -> Any:
    """The sums themselves."""
    ids, nrows, ascending, filled, sums = places
    if (found := sums(x)) is not None:
        return found
    if not ascending:
        return tf.math.unsorted_segment_sum(x, ids, nrows + 1)[:nrows]
    if filled is None:
        return tf.math.unsorted_segment_sum(x, ids, nrows)
    sums = R.SegmentSum(data=x, segment_ids=ids)  # a third faster, but it stops at the last id
    return sums if filled == nrows else tf.concat([sums, tf.zeros([nrows - filled, *x.shape[1:]], x.dtype)], 0)


def segment_extremum(x: Any, places: Places, identity: Any, largest: bool) -> Any:
    """Maximum (or minimum) by segment, `identity` where one is empty; NaN wins."""
    ids, nrows = places.ids, places.nrows
    kernel = tf.math.unsorted_segment_max if largest else tf.math.unsorted_segment_min
    best = kernel(x, ids, nrows + 1)[:nrows]
    least = -INF if largest else INF
    rank = tf.ones_like(ids)
    if x.dtype.is_floating:  # all of a segment may be what the kernel, which begins with the least finite number, drops
        rank = tf.where(tf.math.is_nan(x), 2, tf.cast(tf.not_equal(x, tf.cast(least, x.dtype)), tf.int32))
    found = tf.math.unsorted_segment_max(rank, ids, nrows + 1)[:nrows]
    if not x.dtype.is_floating:
        found = tf.reshape(found, tf.concat([tf.shape(found), tf.ones([x.shape.rank - 1], tf.int32)], 0))
        return tf.where(found < 0, tf.cast(identity, x.dtype), best)
    best = tf.where(found > 1, tf.cast(NAN, x.dtype), tf.where(found < 1, tf.cast(least, x.dtype), best))
    return tf.where(found < 0, tf.cast(identity, x.dtype), best)


def tied_extremum(extremum: Callable[[Any], Any], x: Any, places: Places) -> Any:
    """`extremum(x)` by segment, through which tied values share the derivative equally."""
    places = places.within()

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def call(x: Any) -> Any:
        x = tf.stop_gradient(x)
        best = extremum(x)

        def pull(g: Any) -> Any:
            ties = tf.equal(x, gather(best, places))
            if not x.dtype.is_integer:
                ties |= tf.not_equal(x, x)  # NaN, which equals nothing and yet wins
            count = segment_sum(tf.cast(ties, x.dtype), places)
            share = g / tf.where(tf.equal(count, 0), tf.ones_like(count), count)
            return tf.where(ties, gather(share, places), tf.zeros((), x.dtype))

        return best, pull

    return call(within(x))


def argsort(x: Any, ids: Any, descending: bool) -> Any:
    """Stable order within each segment: by value, then by segment; NaN last (first, descending)."""
    if x.dtype.is_bool:
        x = tf.cast(x, tf.int32)
    known = tf.where(tf.math.is_nan(x), tf.zeros((), x.dtype), x) if x.dtype.is_floating else x  # in no order else
    first = tf.argsort(known, direction="DESCENDING" if descending else "ASCENDING", stable=True)
    if x.dtype.is_floating:
        is_nan = tf.cast(tf.math.is_nan(tf.gather(x, first)), tf.int32)
        first = tf.gather(first, tf.argsort(-is_nan if descending else is_nan, stable=True))
    return tf.cast(tf.gather(first, tf.argsort(tf.gather(ids, first), stable=True)), tf.int64)
