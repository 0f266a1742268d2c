"""What is done to numbers in a program of XLA: arrays of unknown length over data of static capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged.errors import UnsupportedError
from ragged.sizes import is_known
from ragged_tensorflow import _functions, _kernels, _xla_moves
from ragged_tensorflow._backend import TensorFlowBackend
from ragged_tensorflow._compat import is_symbolic
from ragged_tensorflow._dtypes import cast, held
from ragged_tensorflow._index import Places
from ragged_tensorflow._xla_checks import WAY_OUT
from ragged_tensorflow._xla_functions import applied
from ragged_tensorflow._xla_moves import gather, in_rows, width_of
from ragged_tensorflow._xla_padded import Padded, data_of, fitted, in_graph_of, lined_up, padded, sliced, zeroed
from ragged_tensorflow._xla_sizes import Bounded, capacity_of, value_of
from ragged_tensorflow._xla_structure import is_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.rows import Ranges, Rows, Segments

__all__ = ["PaddedContent"]

NOT_NOW = f"not known while ragged.jit compiles the function; return it, or {WAY_OUT}"


class PaddedContent(TensorFlowBackend):
    """The primitives on content; `PaddedBackend` adds those on structure."""

    def owns(self, x: Any) -> bool:
        return isinstance(x, Padded) or super().owns(x)

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        if type(x) is Padded:
            return x if dtype is None else self.astype(x, dtype)
        return super().asarray(value_of(x), dtype)

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        if type(x) is Padded or is_symbolic(x):
            raise UnsupportedError(f"an array that depends on the arguments is {NOT_NOW}")
        return super().to_numpy(x)

    def differentiating(self, x: Any) -> bool:
        return super().differentiating(data_of(x))

    def known(self, x: Any) -> bool:
        return not isinstance(x, Padded | Bounded) and super().known(x)

    def stop_gradient(self, x: Any) -> Any:
        if type(x) is Padded:
            return Padded(tf.stop_gradient(x.data), x.shape, x.clean)
        return super().stop_gradient(x)

    def shape(self, x: Any) -> tuple[Any, ...]:
        """The sizes of all axes.

        Raises:
            UnsupportedError: TensorFlow does not know one of them (of `tf.boolean_mask`, say).
        """
        if type(x) is Padded:
            return x.shape
        if x.shape.rank is None or None in x.shape:
            raise UnsupportedError(
                f"a tensor whose shape XLA does not know ({x.shape}); use ragged's own, or {WAY_OUT}"
            )
        return tuple(x.shape)

    def size(self, x: Any) -> Any:
        return x.shape[0] if isinstance(x, Padded | np.ndarray) else self.shape(x)[0]

    def dtype(self, x: Any) -> np.dtype[Any]:
        return super().dtype(data_of(x))

    def astype(self, x: Any, dtype: Any) -> Any:
        if type(x) is not Padded:
            return super().astype(x, dtype)
        return x if x.dtype == held(dtype) else padded(super().astype(x.data, dtype), x.shape, x.clean)

    # ------------------------------------------------------------------ differentiable primitives

    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        args = tuple([value_of(x) for x in args])
        if type(valid) is not Padded and not any(type(x) is Padded for x in args):
            return super().apply(name, *args, valid=valid)
        return applied(self, name, args, valid)

    def take(self, x: Any, index: Any) -> Any:
        if type(x) is not Padded and not is_unknown(index):
            return super().take(x, index)
        return padded(gather(data_of(x), data_of(index)), (index.shape[0], *x.shape[1:]))

    def take_ranges(self, x: Any, ranges: Ranges) -> Any:
        if type(x) is not Padded and not is_unknown(ranges):
            return super().take_ranges(x, ranges)
        return self.take(x, ranges.index)

    def interleave(self, arrays: Sequence[Any], ranges: Ranges) -> Any:
        if not is_unknown(ranges) and not any(type(x) is Padded for x in arrays):
            return super().interleave(arrays, ranges)
        return self.take(self.concat(arrays), ranges.index)

    def expand(self, x: Any, rows: Rows) -> Any:
        if type(x) is not Padded and not is_unknown(rows):
            return super().expand(x, rows)
        n, width = capacity_of(rows.nrows), width_of(rows)
        data = fitted(data_of(x), n)
        if width is None:
            return padded(gather(data, self.ids_of(rows)), (rows.total, *x.shape[1:]))
        data = tf.broadcast_to(data[:, None], [n, width, *data.shape[1:]])
        data = tf.reshape(data, [n * width, *data.shape[2:]])
        return padded(data, (rows.total, *x.shape[1:]), getattr(x, "clean", False))

    def slice(self, x: Any, start: Any, stop: Any, step: int = 1) -> Any:
        if type(x) is Padded or not (is_known(start) and is_known(stop)):
            return sliced(x, start, stop, step)
        return super().slice(x, start, stop, step)

    def ids_of(self, segments: Segments) -> Any:
        """Each element's segment; the capacity of segments for slack."""
        ids, n = segments.ids, capacity_of(segments.nrows)
        if type(ids) is not Padded:
            return tf.convert_to_tensor(ids)
        if ids.narrow is None:
            with in_graph_of(ids.data):
                ids.narrow = tf.cast(ids.zeroed(n), tf.int32)
        return ids.narrow

    def _places(self, rows: Segments) -> Any:
        if is_unknown(rows):
            return Places(self.ids_of(rows), capacity_of(rows.nrows), False)
        return super()._places(rows)._replace(filled=None)  # XLA has no sums whose number depends on the ids

    def _of_segments(self, x: Any, rows: Segments) -> Any:
        """The data of an array that has an entry for each element."""
        return fitted(data_of(x), self.ids_of(rows).shape[0])

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        if type(x) is not Padded and not is_unknown(rows):
            return super().segment_sum(x, rows)
        if data_of(x).dtype.is_bool:
            return self.astype(self.segment_sum(self.astype(x, np.int32), rows), np.bool_)
        if (width := width_of(rows)) is not None:
            sums = tf.reduce_sum(in_rows(x, capacity_of(rows.nrows), width), 1)
        else:
            sums = _kernels.segment_sum(self._of_segments(x, rows), self._places(rows))
        return padded(sums, (rows.nrows, *x.shape[1:]), True)

    def _segment_extremum(self, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
        identity = value_of(identity)
        if type(x) is not Padded and not is_unknown(rows):
            return super()._segment_extremum(x, rows, identity, largest)
        if data_of(x).dtype.is_complex:
            raise UnsupportedError("XLA has no segment maximum of complex numbers; take it of the parts")
        data, places = tf.stop_gradient(self._of_segments(x, rows)), self._places(rows)
        best = _kernels.segment_extremum(
            tf.cast(data, tf.int32) if data.dtype.is_bool else data,
            places,
            tf.cast(identity, tf.int32) if data.dtype.is_bool else identity,
            largest,
        )
        return padded(best != 0 if data.dtype.is_bool else best, (rows.nrows, *x.shape[1:]))

    def tied_extremum(self, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
        if type(x) is not Padded and not is_unknown(rows):
            return super().tied_extremum(x, rows, identity, largest)
        return None

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        if not is_unknown((x, rows, *options)):
            return super().fused(f, x, rows, *options, tangent=tangent)
        return f(self, x, rows, *options)

    def concat(self, arrays: Sequence[Any]) -> Any:
        if not any(type(x) is Padded for x in arrays):
            return super().concat(arrays)
        return _xla_moves.concatenated([x if type(x) is Padded else tf.convert_to_tensor(x) for x in arrays])

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        args = [value_of(each) for each in (condition, x, y)]
        if not any(type(each) is Padded for each in args):
            return super().where(*args)
        datas, shape = lined_up(args, list(map(data_of, args)))
        return padded(_functions.choose(*datas), shape)

    def cumulative_sum(self, x: Any) -> Any:
        if type(x) is not Padded and not is_symbolic(x):
            return super().cumulative_sum(x)
        return padded(_xla_moves.cumulative(zeroed(x)), tuple(x.shape))

    def reshape(self, x: Any, shape: tuple[Any, ...]) -> Any:
        if type(x) is not Padded and all(map(is_known, shape)):
            return super().reshape(x, shape)
        return _xla_moves.reshaped(x, shape)

    def broadcast_to(self, x: Any, shape: tuple[Any, ...]) -> Any:
        if type(x) is not Padded and all(map(is_known, shape)):
            return super().broadcast_to(x, shape)
        target = tuple(map(capacity_of, shape))
        data = data_of(x)
        for axis in range(-len(data.shape), 0):
            if isinstance(x.shape[axis], Bounded) or x.shape[axis] != 1:
                data = fitted(data, target[axis], axis + len(data.shape))
        return padded(tf.broadcast_to(data, target), tuple(shape))

    def sum(self, x: Any, axes: tuple[int, ...]) -> Any:
        if type(x) is not Padded:
            return super().sum(x, axes)
        gone = {axis % x.ndim for axis in ((axes,) if isinstance(axes, int) else axes)}
        shape = tuple(size for axis, size in enumerate(x.shape) if axis not in gone)
        return padded(tf.reduce_sum(x.zeroed(), sorted(gone)), shape, True)

    def permute_dims(self, x: Any, axes: tuple[int, ...]) -> Any:
        if type(x) is not Padded:
            return super().permute_dims(x, axes)
        return padded(tf.transpose(x.data, axes), tuple(x.shape[axis] for axis in axes), x.clean)

    def matmul(self, x: Any, y: Any) -> Any:
        if not any(type(each) is Padded for each in (x, y)):
            return super().matmul(x, y)
        return _xla_moves.multiplied(x, y, super().matmul)

    def full(self, shape: tuple[Any, ...], value: Any, dtype: Any) -> Any:
        value = value_of(value)
        if all(map(is_known, shape)):
            return super().full(shape, value, dtype)
        data = tf.fill(tuple(map(capacity_of, shape)), cast(tf.convert_to_tensor(value), held(dtype)))
        return padded(data, shape, not is_symbolic(value) and not value)

    def entry(self, x: Any, i: Any) -> Any:
        if type(x) is not Padded and is_known(i):
            return super().entry(x, i)
        return padded(tf.gather(data_of(x), value_of(i)), tuple(x.shape[1:]))
