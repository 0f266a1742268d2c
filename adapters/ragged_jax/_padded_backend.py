"""The protocol within a function under `ragged.jit`: arrays of traced length over data of static capacity.

To the core these are arrays whose sizes it does not know, as within a TensorFlow graph; slack stays in here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ragged.errors import UnsupportedError
from ragged.rows import Rows
from ragged.sizes import is_known
from ragged_jax import _kernels, _padded_moves
from ragged_jax._backend import JaxBackend, _worst
from ragged_jax._checks import check, room
from ragged_jax._compat import Tracer
from ragged_jax._dtypes import cast, held, structural
from ragged_jax._functions import deciding
from ragged_jax._padded import Padded, data_of, fitted, lined_up, padded, sliced
from ragged_jax._padded_functions import applied
from ragged_jax._padded_moves import gather, scatter_add
from ragged_jax._padded_structure import Structure, is_unknown
from ragged_jax._padded_transforms import checkpoint, custom_vjp, jvp, vjp
from ragged_jax._sizes import Size, capacity_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend
    from ragged.rows import Ranges, Segments

__all__ = ["PaddedBackend"]

FEW = 4
"""Elements a row where nothing is known about them."""
SMALL = 1 << 10
"""So many elements are provided for without counting whether there could be fewer."""


class PaddedBackend(JaxBackend):
    """JAX while it compiles a function for all arrays of a size class."""

    def __init__(self) -> None:
        super().__init__()
        self._host, self._home = self._home, Structure(self._home, self)

    # ------------------------------------------------------------------ where things are

    def home(self, *arrays: Any) -> Backend:
        return self._home

    def owns(self, x: Any) -> bool:
        return isinstance(x, jax.Array | Padded)

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        if isinstance(x, Size):
            x = x.value
        if type(x) is Padded:
            return x if dtype is None else self.astype(x, dtype)
        return super().asarray(x, dtype)

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        if type(x) is Padded:
            raise UnsupportedError(f"an array that depends on the arguments is {NOT_NOW}")
        return super().to_numpy(x)

    def as_structure(self, x: Any) -> Any:
        if type(x) is Padded:
            return Padded(lax.stop_gradient(x.data), x.shape, x.clean)
        fixed = lax.stop_gradient(x) if isinstance(x, Tracer) else x
        return fixed if isinstance(fixed, Tracer) else np.asarray(fixed)

    def differentiating(self, x: Any) -> bool:
        return isinstance(data_of(x), Tracer)

    def known(self, x: Any) -> bool:
        return not isinstance(x, Padded | Size) and super().known(x)

    def stop_gradient(self, x: Any) -> Any:
        if type(x) is Padded:
            return Padded(lax.stop_gradient(x.data), x.shape, x.clean)
        return super().stop_gradient(x)

    def joined(self, other: Backend) -> Backend:
        return self

    def hosting(self, other: Backend) -> Backend:
        return self

    def serving(self, x: Any) -> Backend:
        return self

    def tracing(self, leaves: Sequence[Any]) -> bool:
        return True

    def segment_prod(self, x: Any, rows: Segments) -> Any:
        return None

    # ------------------------------------------------------------------ differentiation

    def vjp(self, f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
        return vjp(f, [self.asarray(x) for x in primals])

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
        return jvp(f, [self.asarray(x) for x in primals], [self.asarray(x) for x in tangents])

    def checkpoint(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return checkpoint(f)

    def custom_vjp(
        self, f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Callable[..., Any]:
        return custom_vjp(f, forward, backward)

    # ------------------------------------------------------------------ sizes and dtypes

    def bound(self, offsets: Any, upper: Any) -> Any:
        if not is_unknown(offsets):
            return int(np.asarray(offsets)[-1])
        last = offsets[-1] if type(offsets) is Padded else data_of(offsets)[-1]
        if upper is not None and not isinstance(upper, Rows):
            return Size(last, capacity_of(upper))
        most = room(last, self._estimate(offsets, upper), upper is not None)
        return Size(jnp.minimum(last, most), most)

    def _estimate(self, offsets: Any, source: Rows | None) -> int:
        """How many elements rows may have: as many a row as those that they are taken from, or a few."""
        rows = capacity_of(self.size(offsets)) - 1
        if source is None:
            return FEW * rows
        total, of = capacity_of(source.total), max(capacity_of(source.nrows), 1)
        return rows * total if rows * total <= SMALL else total * max(-(-rows // of), 1)

    def astype(self, x: Any, dtype: Any) -> Any:
        if type(x) is not Padded:
            return super().astype(x, dtype)
        dtype = held(dtype)
        return x if x.dtype == dtype else padded(cast(x.data, dtype), x.shape, x.clean)

    # ------------------------------------------------------------------ differentiable primitives

    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        args = tuple([value_of(x) for x in args])
        if type(valid) is not Padded and not any(type(x) is Padded for x in args):
            return super().apply(name, *args, valid=valid)
        return applied(name, args, valid)

    def take(self, x: Any, index: Any) -> Any:
        if type(x) is not Padded and not is_unknown(index):
            return super().take(x, index)
        x, rest = data_of(x), x.shape[1:]
        at = data_of(index) if is_unknown(index) else jnp.asarray(index)
        return padded(gather(x, at), (index.shape[0], *rest), False)

    def take_ranges(self, x: Any, ranges: Ranges) -> Any:
        if type(x) is not Padded and not is_unknown(ranges):
            return super().take_ranges(x, ranges)
        return self.take(x, ranges.index)

    def interleave(self, arrays: Sequence[Any], ranges: Ranges) -> Any:
        if not is_unknown((*arrays, ranges)):
            return super().interleave(arrays, ranges)
        return self.take(self.concat(arrays), ranges.index)

    def expand(self, x: Any, rows: Rows) -> Any:
        if type(x) is not Padded and not is_unknown(rows):
            return super().expand(x, rows)
        ids = self.ids_of(rows)
        data = fitted(data_of(x), capacity_of(rows.nrows))
        return padded(gather(data, ids, True), (rows.total, *x.shape[1:]), True)

    def slice(self, x: Any, start: Any, stop: Any, step: int = 1) -> Any:
        if is_unknown((x, start, stop)) and not (is_known(start) and is_known(stop) and type(x) is not Padded):
            return sliced(x, start, stop, step)
        return super().slice(x, start, stop, step)

    def ids_of(self, segments: Segments) -> Any:
        """Each element's segment; the capacity of segments for slack."""
        ids, n = segments.ids, capacity_of(segments.nrows)
        if type(ids) is not Padded:
            return jnp.asarray(ids)
        if ids.narrow is None:
            ids.narrow = lax.convert_element_type(ids.zeroed(n), "int32")
        return ids.narrow

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        if type(x) is not Padded and not is_unknown(rows):
            return super().segment_sum(x, rows)
        if x.dtype == bool:
            return self.astype(self.segment_sum(self.astype(x, np.int32), rows), np.bool_)
        ids, n = self.ids_of(rows), capacity_of(rows.nrows)
        data = fitted(data_of(x), ids.shape[0])
        start = jnp.zeros((n, *x.shape[1:]), x.dtype)
        return padded(scatter_add(start, ids, data, rows.offsets is not None), (rows.nrows, *x.shape[1:]), True)

    def _segment_extremum(self, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
        if type(x) is not Padded and not is_unknown(rows):
            return super()._segment_extremum(x, rows, identity, largest)
        data = lax.stop_gradient(data_of(x))
        worst, identity = _worst(data.dtype, largest), value_of(identity)
        ids, n = self.ids_of(rows), capacity_of(rows.nrows)
        data = fitted(data, ids.shape[0])
        best = _kernels.segment_extremum(data, ids, n, rows.offsets is not None, worst, largest)
        if isinstance(identity, Tracer) or identity != worst:
            best = jnp.where(_kernels.empty_segments(ids, n, data.ndim), jnp.asarray(identity, best.dtype), best)
        return padded(best, (rows.nrows, *x.shape[1:]))

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self._segment_extremum(x, rows, identity, True)

    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self._segment_extremum(x, rows, identity, False)

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        if not is_unknown((x, rows, *options)):
            return super().fused(f, x, rows, *options, tangent=tangent)
        return f(self, x, rows, *options)

    def concat(self, arrays: Sequence[Any]) -> Any:
        if not any(type(x) is Padded for x in arrays):
            return super().concat(arrays)
        return _padded_moves.concatenated([x if type(x) is Padded else jnp.asarray(x) for x in arrays])

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        args = [value_of(each) for each in (condition, x, y)]
        if not any(type(each) is Padded for each in args):
            return super().where(*args)
        dtype = np.result_type(*map(deciding, args[1:]))
        datas, shape = lined_up(args, list(map(data_of, args)))
        condition, x, y = datas
        return padded(_kernels.where(condition, x, y, held(dtype)), shape)

    def cumulative_sum(self, x: Any) -> Any:
        if type(x) is not Padded:
            return super().cumulative_sum(x)
        return padded(jnp.cumsum(x.zeroed(), axis=0, dtype=x.dtype), x.shape)

    def reshape(self, x: Any, shape: tuple[Any, ...]) -> Any:
        if type(x) is not Padded and all(map(is_known, shape)):
            return super().reshape(x, shape)
        return _padded_moves.reshaped(x, shape)

    def broadcast_to(self, x: Any, shape: tuple[Any, ...]) -> Any:
        if type(x) is not Padded and all(map(is_known, shape)):
            return super().broadcast_to(x, shape)
        target = tuple(map(capacity_of, shape))
        (data,), _ = lined_up([x], [data_of(x)])
        for axis in range(-data.ndim, 0):
            if isinstance(x.shape[axis], Size) or x.shape[axis] != 1:
                data = fitted(data, target[axis], axis + data.ndim)
        return padded(jnp.broadcast_to(data, target), tuple(shape))

    def sum(self, x: Any, axes: tuple[int, ...]) -> Any:
        if type(x) is not Padded:
            return super().sum(x, axes)
        gone = {axis % x.ndim for axis in ((axes,) if isinstance(axes, int) else axes)}
        shape = tuple(size for axis, size in enumerate(x.shape) if axis not in gone)
        return padded(jnp.sum(x.zeroed(), axis=tuple(gone), dtype=x.dtype), shape, True)

    def permute_dims(self, x: Any, axes: tuple[int, ...]) -> Any:
        if type(x) is not Padded:
            return super().permute_dims(x, axes)
        return padded(jnp.transpose(x.data, axes), tuple(x.shape[axis] for axis in axes), x.clean)

    def matmul(self, x: Any, y: Any) -> Any:
        if not any(type(each) is Padded for each in (x, y)):
            return super().matmul(x, y)
        datas = [each.zeroed() if type(each) is Padded else jnp.asarray(each) for each in (x, y)]
        before, after = datas[0].shape[-1], datas[1].shape[-2 if y.ndim > 1 else 0]
        least = min(before, after)
        datas = [fitted(datas[0], least, x.ndim - 1), fitted(datas[1], least, max(y.ndim - 2, 0))]
        shape = (*x.shape[:-1], *(y.shape[-1:] if y.ndim > 1 else ()))
        return padded(super().matmul(*datas), shape, True)

    def full(self, shape: tuple[Any, ...], value: Any, dtype: Any) -> Any:
        value = value_of(value)
        if all(map(is_known, shape)) and not isinstance(value, Tracer):
            return super().full(shape, value, dtype)
        data = jnp.full(tuple(map(capacity_of, shape)), value, held(dtype))
        return padded(data, shape, not isinstance(value, Tracer) and not value)

    def entry(self, x: Any, i: Any) -> Any:
        if type(x) is not Padded and is_known(i):
            return super().entry(x, i)
        return padded(lax.dynamic_index_in_dim(data_of(x), value_of(i), 0, keepdims=False), x.shape[1:])

    def size(self, x: Any) -> Any:
        return x.shape[0]

    # ------------------------------------------------------------------ structure primitives

    def arange(self, n: Any) -> Any:
        if not isinstance(n, Size):
            return super().arange(n)
        return padded(lax.iota(structural(), n.capacity), (n,))

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        ends = data_of(self.offsets_from_lengths(counts))[1:]
        ids = _padded_moves.numbered(ends, capacity_of(total))
        return padded(gather(jnp.asarray(data_of(x)), ids, True), (total, *x.shape[1:]))

    def ranges(self, starts: Any, rows: Rows, step: int = 1) -> Any:
        shift = starts - (rows.starts if step == 1 else rows.starts * step)
        shift = fitted(jnp.asarray(data_of(shift)), capacity_of(rows.nrows))
        count = lax.iota(shift.dtype, capacity_of(rows.total)) * step
        return padded(gather(shift, self.ids_of(rows), True) + count, (rows.total,))

    def row_ids(self, rows: Rows) -> Any:
        ends, n = rows.offsets[1:], capacity_of(rows.nrows)
        ends = ends.zeroed(np.iinfo("int32").max) if type(ends) is Padded else data_of(ends)
        ids = _padded_moves.numbered(fitted(ends, n), capacity_of(rows.total))
        if is_known(rows.total):
            return lax.convert_element_type(ids, structural())
        inside = lax.iota("int32", ids.shape[0]) < value_of(rows.total)
        narrow = jnp.where(inside, ids, n)
        return Padded(lax.convert_element_type(narrow, structural()), (rows.total,), False, narrow)

    def row_positions(self, rows: Rows) -> Any:
        starts = fitted(jnp.asarray(data_of(rows.starts)), capacity_of(rows.nrows))
        count = lax.iota(starts.dtype, capacity_of(rows.total))
        return padded(count - gather(starts, self.ids_of(rows), True), (rows.total,))

    def row_longest(self, rows: Rows) -> Any:
        lengths = rows.lengths
        data = lengths.zeroed() if type(lengths) is Padded else data_of(lengths)
        return Size(jnp.max(data, initial=0), capacity_of(rows.total))

    def offsets_from_lengths(self, lengths: Any) -> Any:
        data = lengths.zeroed() if type(lengths) is Padded else jnp.asarray(data_of(lengths))
        data = lax.convert_element_type(data, structural())
        offsets = jnp.concatenate([jnp.zeros(1, data.dtype), jnp.cumsum(data)])
        return padded(offsets, (lengths.shape[0] + 1,))

    def searchsorted(self, x: Any, values: Any, side: str = "left") -> Any:
        data = x.zeroed(np.iinfo(x.dtype).max) if type(x) is Padded else jnp.asarray(x)
        found = jnp.searchsorted(data, jnp.asarray(data_of(values)), side=side)
        return padded(jnp.minimum(found, value_of(x.shape[0])), values.shape)

    def flatnonzero(self, mask: Any, size: Any = None) -> Any:
        data = mask.zeroed(False) if type(mask) is Padded else data_of(mask)
        if size is None:
            size = Size(jnp.sum(data, dtype=structural()), data.shape[0])
        return padded(jnp.flatnonzero(data, size=capacity_of(size), fill_value=data.shape[0]), (size,))

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        ids = self.ids_of(rows)
        data = fitted(lax.stop_gradient(jnp.asarray(data_of(x))), ids.shape[0])
        order = _kernels.argsort(data, ids, descending)
        return padded(lax.convert_element_type(order, structural()), (rows.total,))

    def segment_sort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        if not is_unknown((x, rows)):
            return super().segment_sort(x, rows, descending)
        return self.take(x, self._home.segment_argsort(x, rows, descending))

    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        if not is_unknown((x, rows)):
            return super().segment_argmax(x, rows, largest)
        ids, n = self.ids_of(rows), capacity_of(rows.nrows)
        data = fitted(lax.stop_gradient(jnp.asarray(data_of(x))), ids.shape[0])
        first = _kernels.argextremum(data, ids, n, _worst(data.dtype, largest), largest)
        return padded(lax.convert_element_type(first, structural()), (rows.nrows,))

    def largest(self, x: Any) -> Any:
        if not is_unknown(x):
            return self._host.largest(np.asarray(x))
        raise UnsupportedError(
            "a size that follows from values is bounded by no size of the arguments; under ragged.jit say it (nrows=, "
            "max_len=), or take this step outside of the compiled function"
        )

    def true(self, x: Any) -> bool:
        return self.known(x) and bool(np.asarray(x))

    def violated(self, bad: Any, what: str) -> bool:
        if not is_unknown(bad):
            return bool(np.any(np.asarray(bad)))
        check(jnp.any(bad.zeroed(False) if type(bad) is Padded else bad), what)
        return False

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


NOT_NOW = "not known while ragged.jit compiles the function; return it, or take this step outside"
