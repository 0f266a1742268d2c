"""The protocol within a function under `ragged.jit(..., jit_compile=True)`: XLA wants shapes that it knows.

To the core these are arrays whose sizes it does not know, as within any graph; slack stays in here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged._capacity import Capacity
from ragged.errors import UnsupportedError
from ragged.registry import get_backend
from ragged.rows import Rows
from ragged.sizes import is_known
from ragged_tensorflow import _xla_moves, _xla_transforms
from ragged_tensorflow._sizes import NO_NONE
from ragged_tensorflow._xla_checks import WAY_OUT, check, room
from ragged_tensorflow._xla_content import PaddedContent
from ragged_tensorflow._xla_moves import gather, width_of
from ragged_tensorflow._xla_padded import Padded, count, data_of, fitted, padded, zeroed
from ragged_tensorflow._xla_sizes import Bounded, capacity_of, value_of
from ragged_tensorflow._xla_structure import PaddedStructure, is_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend
    from ragged.rows import Segments

__all__ = ["PaddedBackend"]

FEW = 4
"""Elements a row where nothing is known about them."""
SMALL = 1 << 10
"""So many elements are provided for without counting whether there could be fewer."""


class PaddedBackend(PaddedContent):
    """TensorFlow while XLA compiles a function for all arrays of a size class."""

    def __init__(self, device: Any) -> None:
        self.device = device
        self._home = PaddedStructure(get_backend("numpy"), self)

    # ------------------------------------------------------------------ where things are

    def as_structure(self, x: Any) -> Any:
        return self.stop_gradient(x) if type(x) is Padded else super().as_structure(x)

    def joined(self, other: Backend) -> Backend:
        return self

    def hosting(self, other: Backend) -> Backend:
        return self

    def serving(self, x: Any) -> Backend:
        return self

    def tracing(self, leaves: Sequence[Any]) -> bool:
        return True

    def within(self, args: Any) -> Any:
        return args

    def segment_prod(self, x: Any, rows: Segments) -> Any:
        return None

    # ------------------------------------------------------------------ differentiation

    def vjp(self, f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
        return _xla_transforms.vjp(f, [self.asarray(x) for x in primals])

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
        return _xla_transforms.jvp(f, [self.asarray(x) for x in primals], [self.asarray(x) for x in tangents])

    def checkpoint(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return f  # XLA would merge what is computed twice

    def custom_vjp(
        self, f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Callable[..., Any]:
        return _xla_transforms.custom_vjp(f, forward, backward)

    # ------------------------------------------------------------------ sizes

    def bound(self, offsets: Any, upper: Any) -> Any:
        if not is_unknown(offsets):
            return int(np.asarray(offsets)[-1])
        last = offsets[-1]
        said = max(upper.most, 1) if type(upper) is Capacity else None
        source = upper if isinstance(upper, Rows) else None
        if said is None and source is None and upper is not None:
            return Bounded(last, capacity_of(upper))
        most = room(last, self._estimate(offsets, source), source is not None, said)
        return Bounded(tf.minimum(last, most), most)

    def _estimate(self, offsets: Any, source: Rows | None) -> int:
        """How many elements rows may have: as many a row as those that they are taken from, or a few."""
        rows = capacity_of(self.size(offsets)) - 1
        if source is None:
            return FEW * rows
        total, of = capacity_of(source.total), max(capacity_of(source.nrows), 1)
        return rows * total if rows * total <= SMALL else total * max(-(-rows // of), 1)

    # ------------------------------------------------------------------ structure primitives

    def arange(self, n: Any) -> Any:
        return padded(count(n.capacity), (n,)) if isinstance(n, Bounded) else super().arange(n)

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        ends = data_of(self.offsets_from_lengths(counts))[1:]
        ids = _xla_moves.numbered(ends, capacity_of(total))
        return padded(gather(data_of(x), ids), (total, *x.shape[1:]))

    def ranges(self, starts: Any, rows: Rows, step: int = 1) -> Any:
        shift = starts - (rows.starts if step == 1 else rows.starts * step)
        shift = fitted(data_of(shift), capacity_of(rows.nrows))
        return padded(gather(shift, self.ids_of(rows)) + count(capacity_of(rows.total)) * step, (rows.total,))

    def row_ids(self, rows: Rows) -> Any:
        ends, n, width = rows.offsets[1:], capacity_of(rows.nrows), width_of(rows)
        if width is not None:
            ids = tf.range(capacity_of(rows.total)) // width
        else:
            ids = _xla_moves.numbered(fitted(zeroed(ends, np.iinfo("int64").max), n), capacity_of(rows.total))
        if is_known(rows.total):
            return tf.cast(ids, tf.int64)
        narrow = tf.where(count(ids.shape[0]) < value_of(rows.total), ids, n)
        return Padded(tf.cast(narrow, tf.int64), (rows.total,), False, narrow)

    def row_positions(self, rows: Rows) -> Any:
        if (width := width_of(rows)) is not None:
            return padded(count(capacity_of(rows.total)) % width, (rows.total,))
        starts = fitted(data_of(rows.starts), capacity_of(rows.nrows))
        return padded(count(capacity_of(rows.total)) - gather(starts, self.ids_of(rows)), (rows.total,))

    def row_longest(self, rows: Rows) -> Any:
        lengths = tf.concat([zeroed(rows.lengths), tf.zeros(1, tf.int64)], 0)
        return Bounded(tf.reduce_max(lengths), capacity_of(rows.total))

    def offsets_from_lengths(self, lengths: Any) -> Any:
        running = _xla_moves.cumulative(tf.cast(zeroed(lengths), tf.int64))
        return padded(tf.concat([tf.zeros(1, tf.int64), running], 0), (lengths.shape[0] + 1,))

    def searchsorted(self, x: Any, values: Any, side: str = "left") -> Any:
        data = zeroed(x, x.dtype.max) if type(x) is Padded else tf.convert_to_tensor(x)
        found = _xla_moves.searched(data, tf.cast(data_of(values), data.dtype), side)
        return padded(tf.minimum(found, tf.cast(value_of(x.shape[0]), tf.int64)), tuple(values.shape))

    def flatnonzero(self, mask: Any, size: Any = None) -> Any:
        data = zeroed(mask, False)
        before = _xla_moves.cumulative(tf.cast(data, tf.int64))
        if size is None:
            size = Bounded(before[-1] if before.shape[0] else tf.zeros((), tf.int64), data.shape[0])
        n = capacity_of(size)
        place = tf.where(data, before - 1, n)
        found = tf.math.unsorted_segment_sum(count(data.shape[0]), tf.minimum(place, n), n + 1)[:n]
        return padded(found, (size,))

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        ids = self.ids_of(rows)
        data = tf.stop_gradient(fitted(data_of(x), ids.shape[0]))
        return padded(_xla_moves.argsorted(data, ids, descending), (rows.total,))

    def segment_sort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        return self.take(x, self._home.segment_argsort(x, rows, descending))

    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        ids = self.ids_of(rows)
        data = tf.stop_gradient(fitted(data_of(x), ids.shape[0]))
        return padded(_xla_moves.argextremum(data, ids, capacity_of(rows.nrows), largest), (rows.nrows,))

    def largest(self, x: Any) -> Any:
        if not is_unknown(x):
            return self._home.host.largest(np.asarray(x))
        raise UnsupportedError(
            "a size that follows from values is bounded by no size of the arguments; under ragged.jit say it (nrows=, "
            f"max_len=), or {WAY_OUT}"
        )

    def true(self, x: Any) -> bool:
        return self.known(x) and bool(np.asarray(x))

    def violated(self, bad: Any, what: str) -> bool:
        if not is_unknown(bad):
            return bool(np.any(np.asarray(bad)))
        check(tf.reduce_any(zeroed(bad, False)), what)
        return False

    def expect_some(self, count: Any, name: str) -> None:
        if is_unknown(count):
            check(tf.logical_not(tf.cast(value_of(count), tf.bool)), name + NO_NONE)

    def contracted(self, step: Callable[..., Any], x: Any, rows: Rows) -> tuple[Any, Rows]:
        """As many rounds as the longest row could need."""
        if not is_unknown(rows):
            return super().contracted(step, x, rows)
        longest = capacity_of(rows.longest)
        while longest > 1:
            x, rows = step(self, x, rows)
            longest = (longest + 1) // 2
        return x, rows

    def doubled(self, step: Callable[..., Any], x: Any, rows: Rows) -> Any:
        if not is_unknown(rows):
            return super().doubled(step, x, rows)
        n = 1
        while n < capacity_of(rows.longest):
            x = step(self, x, rows, n)
            n *= 2
        return x
