"""The protocol on JAX: content in `jax.Array`s and tracers, structure in NumPy on the host."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ragged.backend import Backend
from ragged.errors import UnsupportedError
from ragged.registry import get_backend
from ragged.rows import Rows
from ragged_jax import _functions, _kernels, _transforms
from ragged_jax._arrays import SMALL, folded, is_traced, place, reshaped, structure
from ragged_jax._checks import program_of
from ragged_jax._compat import Tracer, x64_enabled
from ragged_jax._compiling import Compiling
from ragged_jax._dtypes import NARROWER, held
from ragged_jax._fused import fused
from ragged_jax._index import LONG, as_index, ids_of, width_of
from ragged_jax._ranges import take_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.rows import Ranges, Segments

WORTH_COMPILING = 1 << 16
"""Arrays of one value are made on the device from this size on; shorter ones go there without a kernel."""


class JaxBackend(Compiling):
    """JAX arrays and tracers. Structure is concrete and lives on NumPy; only an order of traced values is traced."""

    name = "jax"
    xp = jnp
    unsupported = _functions.UNSUPPORTED
    immutable = True
    zero_copy = frozenset({"to_numpy"})  # on the CPU; JAX takes NumPy's memory over only if nobody can write to it
    device: Any = None
    precision: str | None = None
    options: tuple[Any, str | None] = (None, None)

    def __init__(self) -> None:
        self._home = get_backend("numpy")

    # ------------------------------------------------------------------ where things are

    def home(self, *arrays: Any) -> Backend:
        return self._home if all(map(self.known, arrays)) else self

    def owns(self, x: Any) -> bool:
        return isinstance(x, jax.Array)

    @folded
    def asarray(self, x: Any, dtype: Any = None) -> Any:
        return place(x, dtype, self.device)

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        if isinstance(x, Tracer):
            raise UnsupportedError(
                f"values of {x.dtype}{list(x.shape)} leave JAX, but are not known while it traces the program; call "
                "to_list, to_numpy and to_backend outside of what jax.jit or ragged.grad runs, or, where only a "
                "derivative is taken, on ragged.stop_gradient(x)"
            )
        return np.asarray(x)

    def as_structure(self, x: Any) -> Any:
        return structure(x)

    def differentiating(self, x: Any) -> bool:
        return isinstance(x, Tracer)

    def known(self, x: Any) -> bool:
        return not isinstance(x, Tracer) or not isinstance(lax.stop_gradient(x), Tracer)

    def stop_gradient(self, x: Any) -> Any:
        return lax.stop_gradient(x) if isinstance(x, Tracer) else x

    def serving(self, x: Any) -> Backend:
        wide = x.dtype in NARROWER and self.precision is None and not x64_enabled()
        return program_of(x) or (self.configured(self.options[0], "float64") if wide else self)

    def joined(self, other: Backend) -> Backend:
        if other.tracing(()):  # what is being compiled takes constants in
            return other
        precision, device = self.precision, self.options[0]
        if isinstance(other, JaxBackend):
            precision, device = precision or other.precision, device if device is not None else other.options[0]
        return self.configured(device, precision)

    def hosting(self, other: Backend) -> Backend:
        return other if other.tracing(()) else self

    def configured(self, device: Any = None, precision: str | None = None) -> Backend:
        from ragged_jax._configured import configure

        return configure(device, precision)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, self.options

    # ------------------------------------------------------------------ differentiation

    def vjp(self, f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
        return _transforms.vjp(f, primals)

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
        return _transforms.jvp(f, primals, tangents)

    def checkpoint(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return jax.checkpoint(f)

    def custom_vjp(
        self, f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Callable[..., Any]:
        return _transforms.custom_vjp(f, forward, backward)

    # ------------------------------------------------------------------ sizes and dtypes

    def bound(self, offsets: Any, upper: Any) -> Any:
        return int(structure(offsets)[-1])

    @folded
    def astype(self, x: Any, dtype: Any) -> Any:
        dtype = held(dtype)
        return x if x.dtype == dtype else _kernels.recast(x, dtype)

    # ------------------------------------------------------------------ differentiable primitives

    @folded
    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        if valid is not None and not is_traced(args):
            valid = None  # nothing is differentiated: what comes out of places that do not count is never seen
        return _functions.call(name, args, valid)

    @folded
    def take(self, x: Any, index: Any) -> Any:
        return _kernels.take(x, as_index(index, x.shape[0], self.device))

    @folded
    def take_ranges(self, x: Any, ranges: Ranges) -> Any:
        return take_ranges([x], ranges, self.device)

    @folded
    def interleave(self, arrays: Sequence[Any], ranges: Ranges) -> Any:
        return take_ranges(arrays, ranges, self.device)

    @folded
    def expand(self, x: Any, rows: Rows) -> Any:
        width = width_of(rows)
        return _kernels.expand_lines(x, width) if width else _kernels.expand(x, ids_of(rows, self.device))

    @folded
    def slice(self, x: Any, start: Any, stop: Any, step: int = 1) -> Any:
        size = max(0, -(-(stop - start) // step))
        return x if size == x.shape[0] else _kernels.slice_rows(x, start, size, step)

    @folded
    def segment_sum(self, x: Any, rows: Segments) -> Any:
        if x.dtype == bool:
            return self.segment_sum(self.astype(x, np.int32), rows) != 0
        if width_of(rows):
            return _kernels.sum_lines(x, rows.nrows)
        return _kernels.segment_sum(x, ids_of(rows, self.device), rows.nrows, rows.offsets is not None)

    @folded
    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self._segment_extremum(x, rows, identity, True)

    @folded
    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self._segment_extremum(x, rows, identity, False)

    def _segment_extremum(self, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
        x = lax.stop_gradient(x)
        if x.dtype.kind == "c" and not isinstance(x, Tracer):
            home = self._home.segment_max if largest else self._home.segment_min
            return self.asarray(home(np.asarray(x), rows, identity))
        if width_of(rows) and x.dtype.kind != "c":
            return _kernels.extremum_lines(x, rows.nrows, largest)
        worst = _kernels.worst(x.dtype, largest)
        ids = ids_of(rows, self.device)
        best = _kernels.segment_extremum(x, ids, rows.nrows, rows.offsets is not None, worst, largest)
        if identity == worst:
            return best
        return self.where(_kernels.empty_segments(ids, rows.nrows, x.ndim), identity, best)

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        if type(rows) is not Rows or x.dtype.kind == "c" or any(isinstance(each, np.ndarray) for each in options):
            return f(self, x, rows, *options)
        return fused(self, f, tangent, x, rows, self.device, options)

    @folded
    def concat(self, arrays: Sequence[Any]) -> Any:
        return _kernels.concat(list(arrays))

    @folded
    def where(self, condition: Any, x: Any, y: Any) -> Any:
        dtype = np.result_type(*map(_functions.deciding, (x, y)))
        return _kernels.where(condition, x, y, held(dtype))

    @folded
    def cumulative_sum(self, x: Any) -> Any:
        return _kernels.cumulative_sum(x)

    @folded
    def reshape(self, x: Any, shape: tuple[Any, ...]) -> Any:
        return x if x.shape == shape else reshaped(x, shape)

    @folded
    def broadcast_to(self, x: Any, shape: tuple[Any, ...]) -> Any:
        return x if x.shape == shape else _kernels.broadcast_to(x, shape)

    @folded
    def sum(self, x: Any, axes: tuple[int, ...]) -> Any:
        return _kernels.reduce_sum(x, axes)

    @folded
    def permute_dims(self, x: Any, axes: tuple[int, ...]) -> Any:
        return _kernels.transpose(x, axes)

    @folded
    def matmul(self, x: Any, y: Any) -> Any:
        dtype = held(np.result_type(x.dtype, y.dtype))
        return jnp.matmul(self.astype(x, dtype), self.astype(y, dtype), precision="highest")

    @folded
    def full(self, shape: tuple[Any, ...], value: Any, dtype: Any) -> Any:
        if math.prod(shape) < WORTH_COMPILING:
            return place(np.full(shape, value, held(dtype)), None, self.device)
        return place(jnp.full(shape, value, held(dtype)), None, self.device)

    # ------------------------------------------------------------------ structure primitives

    @folded
    def arange(self, n: Any) -> Any:
        return jnp.arange(n, dtype=held(np.int64))

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        return jnp.repeat(x, counts, axis=0, total_repeat_length=total)

    def offsets_from_lengths(self, lengths: Any) -> Any:
        lengths = self.astype(lengths, np.int64)
        return jnp.concatenate([jnp.zeros(1, lengths.dtype), jnp.cumsum(lengths)])

    def searchsorted(self, x: Any, values: Any, side: str = "left") -> Any:
        return jnp.searchsorted(x, values, side=side)

    def flatnonzero(self, mask: Any, size: Any = None) -> Any:
        return jnp.flatnonzero(mask, size=size, fill_value=mask.shape[0])

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        if self.known(x):
            return self._home.segment_argsort(structure(x), rows, descending)
        return _kernels.argsort(lax.stop_gradient(x), ids_of(rows, self.device), descending)

    @folded
    def segment_sort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        if isinstance(x, Tracer) or x.dtype.kind not in "iuf" or x.size <= SMALL:  # whose way to the device is long
            return self.take(x, self.segment_argsort(x, rows, descending))
        return jax.device_put(self._home.segment_sort(np.asarray(x), rows, descending), self.device)  # nobody else's

    @folded
    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        x, known = self.stop_gradient(x), self.known(x)
        by_host = rows.total < WORTH_COMPILING or rows.total >= LONG * rows.nrows or x.dtype.kind not in "iuf"
        if known and by_host:
            return self._home.segment_argmax(structure(x), rows, largest)
        first = _kernels.argextremum(
            x, ids_of(rows, self.device), rows.nrows, _kernels.worst(x.dtype, largest), largest
        )
        return structure(first).astype(np.int64, copy=False) if known else first

    def largest(self, x: Any) -> Any:
        return self._home.largest(structure(x))

    def true(self, x: Any) -> bool:
        return self.known(x) and bool(structure(x))


def _restored(device: Any, precision: str | None) -> Backend:
    return get_backend("jax").configured(device, precision)
