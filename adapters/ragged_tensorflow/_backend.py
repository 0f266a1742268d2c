"""The protocol on TensorFlow: content in tensors; structure on NumPy where it is concrete, symbolic within a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged.errors import UnsupportedError
from ragged.registry import get_backend
from ragged_tensorflow import _functions, _graph, _host, _kernels, _native, _nest, _transforms
from ragged_tensorflow._compat import is_recorded, is_symbolic
from ragged_tensorflow._configuration import Configuration
from ragged_tensorflow._dtypes import cast, constant, held, numpy_dtype
from ragged_tensorflow._index import Places, as_axes, as_index, ids_of, places_of
from ragged_tensorflow._namespace import Namespace
from ragged_tensorflow._sizes import NOT_KNOWN, Size, bounded, checked, dense_shape, expect_some, shape_of, size_of
from ragged_tensorflow._structure import Structure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged._mixed_structure import MixedStructure
    from ragged.backend import Backend
    from ragged.rows import Rows, Segments


class TensorFlowBackend(Configuration):
    """Eager and symbolic tensors."""

    xp = Namespace()
    unsupported = _functions.UNSUPPORTED
    immutable = True
    zero_copy = frozenset({"to_numpy", "reshape"})  # on the CPU; TensorFlow copies what NumPy may write to

    def __init__(self) -> None:
        self._home: MixedStructure = Structure(get_backend("numpy"), self)

    # ------------------------------------------------------------------ where things are

    def home(self, *arrays: Any) -> Backend:
        return self._home

    def owns(self, x: Any) -> bool:
        return isinstance(x, tf.Tensor | tf.Variable)

    def content(self, x: Any) -> Any:
        return tf.convert_to_tensor(x) if isinstance(x, tf.Variable) else x

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        x = self.content(x)
        if isinstance(x, tf.Tensor):
            return x if dtype is None else self.astype(x, dtype)
        x = np.asarray(x)
        return constant(x, held(x.dtype if dtype is None else dtype))

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        if is_symbolic(x):
            raise UnsupportedError(f"a value that depends on a tensor of this tf.function is {NOT_KNOWN}")
        return np.asarray(x)

    def as_structure(self, x: Any) -> Any:
        if not is_symbolic(x):
            return np.asarray(x)
        return tf.stop_gradient(x) if x.dtype.is_floating or x.dtype.is_complex else x

    def differentiating(self, x: Any) -> bool:
        return is_recorded((x,))

    def known(self, x: Any) -> bool:
        return not is_symbolic(x)

    def stop_gradient(self, x: Any) -> Any:
        return tf.stop_gradient(x)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.device,)

    # ------------------------------------------------------------------ differentiation

    def checkpoint(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return _transforms.checkpoint(f)

    def vjp(self, f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
        return _transforms.vjp(f, [self.asarray(x) for x in primals])

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
        return _transforms.jvp(f, [self.asarray(x) for x in primals], tangents)

    def custom_vjp(
        self, f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Callable[..., Any]:
        return _transforms.custom_vjp(f, forward, backward)

    def within(self, args: Any) -> Any:
        return args if tf.executing_eagerly() else _nest.held_within(args)

    # ------------------------------------------------------------------ sizes and dtypes

    def size(self, x: Any) -> Any:
        return size_of(x)

    def shape(self, x: Any) -> tuple[Any, ...]:
        return shape_of(x)

    def bound(self, offsets: Any, upper: Any) -> Any:
        return bounded(offsets[-1], upper) if is_symbolic(offsets) else int(offsets[-1])

    def dtype(self, x: Any) -> np.dtype[Any]:
        return numpy_dtype(x.dtype)

    def astype(self, x: Any, dtype: Any) -> Any:
        dtype = held(dtype)
        if dtype.is_bool and x.dtype != dtype:
            return x != tf.zeros((), x.dtype)
        return cast(x, dtype)

    # ------------------------------------------------------------------ differentiable primitives

    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        if tf.executing_eagerly():
            return _functions.call(self, name, args, valid)
        with checked():
            return _functions.call(self, name, args, valid)

    def take(self, x: Any, index: Any) -> Any:
        n = self.size(x)
        with checked():
            return _kernels.gather(x, Places(as_index(index, n), n, False))

    def expand(self, x: Any, rows: Rows) -> Any:
        return _kernels.gather(x, self._places(rows))

    def slice(self, x: Any, start: Any, stop: Any, step: int = 1) -> Any:
        return x[start:stop:step]

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        if x.dtype.is_bool:
            return self.segment_sum(tf.cast(x, tf.int32), rows) != 0
        if not is_recorded((x,)) and (sums := _host.segment_sum(self, x, rows)) is not None:
            return sums
        return _kernels.segment_sum(x, self._places(rows))

    def _places(self, rows: Segments) -> Any:
        """For each element its segment, as a tensor."""
        return places_of(rows, self.device, lambda x: _host.segment_sum(self, x, rows))

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self._segment_extremum(x, rows, identity, True)

    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self._segment_extremum(x, rows, identity, False)

    def _segment_extremum(self, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
        found = _host.segment_extremum(self, x, rows, identity, largest)
        if found is not None:
            return found
        x = tf.stop_gradient(x)
        if x.dtype.is_bool:
            kernel = tf.cast(x, tf.int32), tf.cast(identity, tf.int32)
            return _kernels.segment_extremum(kernel[0], self._places(rows), kernel[1], largest) != 0
        if x.dtype.is_complex:
            raise UnsupportedError(
                "TensorFlow has no segment maximum of complex numbers in a graph; take it of the parts"
            )
        return _kernels.segment_extremum(x, self._places(rows), identity, largest)

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        adjoint = f.__dict__.get("adjoint")
        if adjoint is None or not is_recorded((x,)) or any(hasattr(each, "shape") for each in options):
            return f(self, x, rows, *options)
        return _functions.with_adjoint(self, f, adjoint, x, rows, options)

    def tied_extremum(self, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
        if x.dtype.is_complex:
            return None
        extremum = self.segment_max if largest else self.segment_min
        return _kernels.tied_extremum(lambda x: extremum(x, rows, identity), x, self._places(rows))

    def segment_prod(self, x: Any, rows: Segments) -> Any:
        return _host.segment_prod(self, x, rows)

    def concat(self, arrays: Sequence[Any]) -> Any:
        return tf.concat(list(arrays), 0)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        with checked():
            return _functions.choose(condition, x, y)

    def cumulative_sum(self, x: Any) -> Any:
        return tf.cumsum(x, 0)

    def reshape(self, x: Any, shape: tuple[Any, ...]) -> Any:
        return tf.reshape(x, dense_shape(shape))

    def broadcast_to(self, x: Any, shape: tuple[Any, ...]) -> Any:
        return tf.broadcast_to(x, dense_shape(shape))

    def sum(self, x: Any, axes: tuple[int, ...]) -> Any:
        if not tf.executing_eagerly():
            return tf.reduce_sum(x, axes)
        return tf.raw_ops.Sum(input=x, axis=as_axes(tuple(axes)))

    def permute_dims(self, x: Any, axes: tuple[int, ...]) -> Any:
        return tf.transpose(x, axes)

    def matmul(self, x: Any, y: Any) -> Any:
        dtype = np.result_type(self.dtype(x), self.dtype(y))
        return _functions.matmul(self.astype(x, dtype), self.astype(y, dtype))

    def full(self, shape: tuple[Any, ...], value: Any, dtype: Any) -> Any:
        is_tensor = isinstance(value, Size | tf.Tensor)
        value = tf.cast(tf.convert_to_tensor(value), held(dtype)) if is_tensor else constant(value, held(dtype))
        return tf.fill(dense_shape(shape), value)

    # ------------------------------------------------------------------ structure primitives

    def arange(self, n: Any) -> Any:
        return tf.range(tf.cast(n, tf.int64), dtype=tf.int64)

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        return tf.gather(x, _graph.numbered(tf.cumsum(counts), total))

    def ranges(self, starts: Any, rows: Rows, step: int = 1) -> Any:
        shift = starts - rows.starts * step
        return tf.gather(shift, rows.ids) + self.arange(rows.total) * step

    def row_ids(self, rows: Rows) -> Any:
        return _graph.numbered(rows.offsets[1:], rows.total)

    def row_positions(self, rows: Rows) -> Any:
        return self.arange(rows.total) - tf.gather(rows.starts, rows.ids)

    def offsets_from_lengths(self, lengths: Any) -> Any:
        lengths = tf.cast(lengths, tf.int64)
        return tf.concat([tf.zeros(1, tf.int64), tf.cumsum(lengths)], 0)

    def searchsorted(self, x: Any, values: Any, side: str = "left") -> Any:
        return tf.searchsorted(x, values, side, tf.int64)

    def flatnonzero(self, mask: Any, size: Any = None) -> Any:
        return tf.reshape(tf.where(mask), (-1,))

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        if not (is_symbolic(x) or isinstance(rows.ids, tf.Tensor)):
            return self._home.segment_argsort(np.asarray(x), rows, descending)
        return _kernels.argsort(tf.stop_gradient(x), ids_of(rows, self.device), descending)

    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        if not (is_symbolic(x) or isinstance(rows.ids, tf.Tensor)):
            return self._home.segment_argmax(np.asarray(x), rows, largest)
        return super().segment_argmax(x, rows, largest)

    def largest(self, x: Any) -> Any:
        if not is_symbolic(x):
            return self._home.largest(np.asarray(x))
        return Size(tf.reduce_max(tf.concat([x, tf.zeros(1, x.dtype)], 0)))

    def contracted(self, step: Callable[..., Any], x: Any, rows: Rows) -> tuple[Any, Rows]:
        if is_symbolic(rows.offsets):
            return _graph.contracted(self, step, x, rows)
        return super().contracted(step, x, rows)

    def doubled(self, step: Callable[..., Any], x: Any, rows: Rows) -> Any:
        if is_symbolic(rows.offsets):
            return _graph.doubled(self, step, x, rows)
        return super().doubled(step, x, rows)

    def from_native(self, x: Any) -> Any:
        return _native.from_native(self, x)

    def to_native(self, node: Any) -> Any:
        return _native.to_native(self, node)

    def expect_some(self, count: Any, name: str) -> None:
        if isinstance(count, Size) or is_symbolic(count):
            expect_some(count, name)

    def true(self, x: Any) -> bool:
        return not is_symbolic(x) and bool(x)


def _restored(device: str | None) -> Backend:
    return get_backend("tensorflow").configured(device)
