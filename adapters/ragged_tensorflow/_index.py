"""Row ids and positions as tensors: in 32 bits where they fit, and those of long rows kept as long as the rows."""

from __future__ import annotations

import weakref
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from ragged.rows import Groups, Rows
from ragged_tensorflow._compat import is_symbolic
from ragged_tensorflow._sizes import within

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.rows import Segments

__all__ = ["Places", "as_axes", "as_index", "ids_of", "places_of", "segments_within"]

INT32 = 2**31 - 1
WORTH_KEEPING = 4096
"""Row ids shorter than this become tensors with each call, which is faster than looking them up."""

_kept: dict[tuple[int, Any], tuple[weakref.ref[Any], Any]] = {}


class Places(NamedTuple):
    """For each element its segment, as a tensor.

    `ascending` segments are contiguous; of those `filled` is the number of segments up to the last that holds anything,
    where it is known. `sums` gives the sums by segment of numbers that are there now, None where it cannot.
    """

    ids: Any
    nrows: Any
    ascending: bool
    filled: Any = None
    sums: Callable[[Any], Any] = lambda x: None

    def within(self) -> Places:
        """The same as the graph that is being built knows them, for a derivative to use."""
        return self._replace(ids=within(self.ids), nrows=within(self.nrows))


def places_of(segments: Segments, device: Any, sums: Callable[[Any], Any]) -> Places:
    """The places of segments."""
    ids, offsets = ids_of(segments, device), segments.offsets
    if offsets is None:
        return Places(ids, segments.nrows, False, None, sums)
    filled = int(offsets.searchsorted(offsets[-1])) if isinstance(offsets, np.ndarray) else None
    return Places(ids, segments.nrows, True, filled, sums)


def segments_within(segments: Segments) -> Segments:
    """Segments, and what a derivative may ask of them, as the graph that is being built knows them.

    A derivative reaches what a branch or a loop has in its own graph, not all that it sees there.
    """
    if segments.offsets is None:
        return Groups(within(segments.ids), within(segments.nrows))
    if type(segments) is not Rows or not is_symbolic(segments.offsets):
        return segments
    rows = Rows(segments.ops, within(segments.offsets), within(segments.nrows), within(segments.total))
    rows._lengths, rows._ids = within(segments.lengths), within(segments.ids)
    return rows


def as_index(index: Any, size: Any) -> Any:
    """Positions up to `size` as a tensor."""
    if isinstance(index, tf.Tensor):
        return index
    fits = isinstance(size, int | np.integer) and size <= INT32
    return tf.convert_to_tensor(index.astype(np.int32) if fits else index)


@cache
def as_axes(axes: tuple[int, ...]) -> Any:
    """Numbers of axes as the tensor that eager reductions take, which is most of what a small one costs."""
    with tf.device("CPU:0"):
        return tf.constant(axes, tf.int32)


def ids_of(segments: Segments, device: Any = None) -> Any:
    """Each element's segment as a tensor."""
    if isinstance(segments.offsets, tf.Tensor) or type(segments) is not Rows or segments.total < WORTH_KEEPING:
        return as_index(segments.ids, segments.nrows)
    return kept(segments, device, row_ids)


def row_ids(rows: Rows) -> Any:
    """The row of each element, in 32 bits from the start where nobody has made it in 64."""
    if rows._ids is not None or rows.nrows > INT32:
        return as_index(rows.ids, rows.nrows)
    begun = np.zeros(rows.total + 1, np.int32)
    np.add.at(begun, rows.offsets[1:-1], np.int32(1))  # in its own dtype: another would be cast one by one
    return tf.convert_to_tensor(np.cumsum(begun[:-1], dtype=np.int32, out=begun[:-1]))


def kept(rows: Rows, device: Any, make: Callable[[Rows], Any]) -> Any:
    """What `make` makes of the rows, kept as long as they live."""
    key = (id(rows), device)
    found = _kept.get(key)
    if found is None or found[0]() is not rows:
        with tf.init_scope():  # also while a graph is built: what is concrete stays so
            made = make(rows)
        found = _kept[key] = (weakref.ref(rows, lambda _: _kept.pop(key, None)), made)
    return found[1]
