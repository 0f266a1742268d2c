"""What is done to numbers under `ragged.jit`: arrays of traced length over data of static capacity."""

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
from ragged_jax._backend import JaxBackend
from ragged_jax._checks import compilation
from ragged_jax._compat import Tracer
from ragged_jax._dtypes import cast, held
from ragged_jax._functions import deciding
from ragged_jax._padded import Padded, data_of, fitted, is_as_old, lined_up, padded, sliced
from ragged_jax._padded_functions import applied
from ragged_jax._padded_moves import gather, in_rows, scatter_add, spread, width_of
from ragged_jax._padded_structure import is_unknown
from ragged_jax._sizes import Size, capacity_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.rows import Ranges, Segments

__all__ = ["PaddedContent"]

NOT_NOW = "not known while ragged.jit compiles the function; return it, or take this step outside"


class PaddedContent(JaxBackend):
    """The primitives on content; `PaddedBackend` adds those on structure."""

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

    def differentiating(self, x: Any) -> bool:
        return isinstance(data_of(x), Tracer)

    def known(self, x: Any) -> bool:
        return not isinstance(x, Padded | Size) and super().known(x)

    def stop_gradient(self, x: Any) -> Any:
        if type(x) is Padded:
            return Padded(lax.stop_gradient(x.data), x.shape, x.clean)
        return super().stop_gradient(x)

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
        n, width = capacity_of(rows.nrows), width_of(rows)
        data = fitted(data_of(x), n)
        if width is None:
            return padded(spread(data, self.ids_of(rows)), (rows.total, *x.shape[1:]))
        data = jnp.broadcast_to(data[:, None], (n, width, *data.shape[1:])).reshape(n * width, *data.shape[1:])
        return padded(data, (rows.total, *x.shape[1:]), getattr(x, "clean", False))

    def slice(self, x: Any, start: Any, stop: Any, step: int = 1) -> Any:
        if is_unknown((x, start, stop)) and not (is_known(start) and is_known(stop) and type(x) is not Padded):
            return sliced(x, start, stop, step)
        return super().slice(x, start, stop, step)

    def ids_of(self, segments: Segments) -> Any:
        """Each element's segment; the capacity of segments for slack."""
        ids, n = segments.ids, capacity_of(segments.nrows)
        if type(ids) is not Padded:
            return jnp.asarray(ids)
        if ids.narrow is not None:
            return ids.narrow
        narrow = lax.convert_element_type(ids.zeroed(n), "int32")
        if is_as_old(narrow, ids):
            ids.narrow = narrow
        return narrow

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        if type(x) is not Padded and not is_unknown(rows):
            return super().segment_sum(x, rows)
        if x.dtype == bool:
            return self.astype(self.segment_sum(self.astype(x, np.int32), rows), np.bool_)
        n, width = capacity_of(rows.nrows), width_of(rows)
        if width is not None:
            summed = jnp.sum(in_rows(x, n, width), axis=1, dtype=x.dtype)
            return padded(summed, (rows.nrows, *x.shape[1:]), True)
        ids = self.ids_of(rows)
        data = fitted(data_of(x), ids.shape[0])
        start = jnp.zeros((n, *x.shape[1:]), x.dtype)
        return padded(scatter_add(start, ids, data, rows.offsets is not None), (rows.nrows, *x.shape[1:]), True)

    def _segment_extremum(self, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
        if type(x) is not Padded and not is_unknown(rows):
            return super()._segment_extremum(x, rows, identity, largest)
        if (width := width_of(rows)) is not None:
            matrix = lax.stop_gradient(in_rows(x, capacity_of(rows.nrows), width))
            return padded((jnp.max if largest else jnp.min)(matrix, axis=1), (rows.nrows, *x.shape[1:]))
        data = lax.stop_gradient(data_of(x))
        worst, identity = _kernels.worst(data.dtype, largest), value_of(identity)
        ids, n = self.ids_of(rows), capacity_of(rows.nrows)
        data = fitted(data, ids.shape[0])
        best = _kernels.segment_extremum(data, ids, n, rows.offsets is not None, worst, largest)
        if isinstance(identity, Tracer) or identity != worst:
            if not isinstance(rows, Rows):
                empty = _kernels.empty_segments(ids, n, data.ndim)
            else:  # a number a row is less than one an element
                empty = (fitted(jnp.asarray(data_of(rows.lengths)), n) == 0).reshape(n, *(1,) * (data.ndim - 1))
            best = jnp.where(empty, jnp.asarray(identity, best.dtype), best)
        return padded(best, (rows.nrows, *x.shape[1:]))

    def tied_extremum(self, x: Any, segments: Segments, identity: Any, largest: bool) -> Any:
        if compilation().is_constant(data_of(x)):  # derivatives need to know how many tie, which takes three passes
            return self._segment_extremum(x, segments, identity, largest)
        return super().tied_extremum(x, segments, identity, largest)

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
        return _padded_moves.multiplied(x, y, super().matmul)

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
