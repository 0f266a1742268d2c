"""The protocol on CuPy: structure and content are arrays on one CUDA device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cupy
import numpy as np

from ragged._namespace import NUMBERS, refusal
from ragged._segments import shared_cotangent
from ragged.backend import Backend
from ragged.elementwise import with_row
from ragged.errors import BackendMismatchError, UnsupportedError
from ragged.ufuncs import table
from ragged_cupy import _functions, _kernels
from ragged_cupy._devices import guarded, on_device

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.rows import Ranges, Rows, Segments

__all__ = ["CupyBackend"]


@guarded
class CupyBackend(Backend):
    """Eager arrays on a CUDA device. Structure lives there, too."""

    name = "cupy"
    xp = cupy
    unsupported = _functions.UNSUPPORTED
    zero_copy = frozenset({"slice", "reshape"})

    def __init__(self, device: int = 0, chosen: bool = False) -> None:
        self.device = device
        self.chosen = chosen  # by `use(device=...)` or `to_backend(device=...)`; else arrays stay where they are
        self.alone = cupy.cuda.runtime.getDeviceCount() < 2

    # ------------------------------------------------------------------ where things are

    def home(self, *arrays: Any) -> Backend:
        return on_device(self.device) if self.chosen else self

    def owns(self, x: Any) -> bool:
        return isinstance(x, cupy.ndarray)

    def serving(self, x: Any) -> Backend:
        return self if self.alone or x.device.id == self.device else on_device(x.device)

    def joined(self, other: Backend) -> Backend:
        if isinstance(other, CupyBackend) and other.device != self.device:
            raise BackendMismatchError(
                f"arrays on two devices in one operation: cuda:{self.device} and cuda:{other.device}; "
                f"move one of them, for example with x.to_backend('cupy', device='cuda:{self.device}')"
            )
        return super().joined(other)

    def configured(self, device: Any = None, precision: str | None = None) -> Backend:
        if precision not in (None, "float64"):
            raise UnsupportedError(f"precision={precision!r} is not known to CuPy; say 'float64' or leave it out")
        return on_device(device, device is not None)

    def hosting(self, other: Backend) -> Backend:
        return self if self.chosen else other

    def __reduce__(self) -> tuple[Any, ...]:
        return on_device, (self.device, self.chosen)

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        if self.owns(x):
            if x.device.id != self.device:
                x = cupy.asarray(x)  # this device is the current one
            return x if dtype is None else self.astype(x, dtype)
        x = np.asarray(x, dtype)
        if x.dtype.kind in "mM":
            raise refusal(self, x.dtype.name.partition("[")[0])
        if not x.dtype.isnative:
            x = x.astype(x.dtype.newbyteorder("="))
        return cupy.asarray(x)

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        return cupy.asnumpy(x) if self.owns(x) else np.asarray(x)

    def as_structure(self, x: Any) -> Any:
        return x

    def duplicate(self, x: Any) -> Any:
        return x.copy()

    def dtype(self, x: Any) -> np.dtype[Any]:
        return x.dtype  # type: ignore[no-any-return]

    def astype(self, x: Any, dtype: Any) -> Any:
        kind = np.dtype(dtype)
        if kind.kind in "mM":
            raise refusal(self, kind.name.partition("[")[0])
        return _functions.cast(x, kind) if self.owns(x) else self.asarray(x, kind)

    # ------------------------------------------------------------------ content

    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        if table[name].name in self.unsupported:
            raise refusal(self, table[name].name)
        return _functions.call(name, args)

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        found = None
        if f is with_row:
            entries, name, first = options
            found = _kernels.with_row(table[name].name, x, rows, entries, first)  # type: ignore[arg-type]
        elif f is shared_cotangent:
            found = _kernels.shares(x, rows, *options)
        return f(self, x, rows, *options) if found is None else found

    def take(self, x: Any, index: Any) -> Any:
        return _kernels.take(x, index)

    def take_ranges(self, x: Any, ranges: Ranges) -> Any:
        return self.take(x, ranges.index) if ranges._index is not None else _kernels.gather(x, ranges)

    def slice(self, x: Any, start: Any, stop: Any, step: int = 1) -> Any:
        return x[start:stop:step]

    def entry(self, x: Any, i: int) -> Any:
        return x[i]

    def expand(self, x: Any, rows: Rows) -> Any:
        return _kernels.expand(x, rows)

    def concat(self, arrays: Sequence[Any]) -> Any:
        return cupy.concatenate(list(arrays))

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        dtype = np.result_type(*(z if type(z) in NUMBERS else z.dtype for z in (x, y)))
        x, y = (_functions.into(z, dtype, numbers=True) for z in (x, y))
        return cupy.where(self.asarray(condition), x, y)

    def cumulative_sum(self, x: Any) -> Any:
        return cupy.cumsum(x, axis=0, dtype=x.dtype)

    def sum(self, x: Any, axes: tuple[int, ...]) -> Any:
        return cupy.sum(x, axis=axes, dtype=x.dtype) if axes else x

    def permute_dims(self, x: Any, axes: tuple[int, ...]) -> Any:
        return cupy.transpose(x, axes)

    def matmul(self, x: Any, y: Any) -> Any:
        dtype = np.result_type(x.dtype, y.dtype)
        return cupy.matmul(_functions.into(x, dtype), _functions.into(y, dtype))

    def full(self, shape: tuple[Any, ...], value: Any, dtype: Any) -> Any:
        if self.owns(value):
            return cupy.broadcast_to(self.astype(value, dtype), shape)
        return cupy.full(shape, value, np.dtype(dtype))

    # ------------------------------------------------------------------ segments

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        return _kernels.reduce("sum", x, rows, 0)

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        return _kernels.reduce("max", x, rows, identity)

    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        return _kernels.reduce("min", x, rows, identity)

    def segment_prod(self, x: Any, rows: Segments) -> Any:
        return _kernels.reduce("prod", x, rows, 1)

    def segment_count(self, mask: Any, rows: Segments) -> Any:
        return _kernels.reduce("count", mask, rows, 0)

    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        return _kernels.first_extremum(x, rows, largest)

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        x = x.view(np.uint8) if x.dtype.kind == "b" else x
        order = cupy.argsort(cupy.flip(x) if descending else x)  # stable, NaN last
        if descending:  # a stable descending order is the ascending one of the reversed values, reversed
            order = np.int64(x.shape[0] - 1) - cupy.flip(order)
        return _kernels.distinct(self.take(order, cupy.argsort(self.take(rows.ids, order))))

    # ------------------------------------------------------------------ structure

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        return _kernels.repeat(x, self.offsets_from_lengths(counts), counts.shape[0], total)

    def offsets_from_lengths(self, lengths: Any) -> Any:
        offsets = cupy.zeros(lengths.shape[0] + 1, np.int64)
        cupy.cumsum(lengths, dtype=np.int64, out=offsets[1:])
        return offsets

    def flatnonzero(self, mask: Any, size: Any = None) -> Any:
        return _kernels.nonzero(mask)

    def ranges(self, starts: Any, rows: Rows, step: int = 1) -> Any:
        return _kernels.ranges(starts, rows, step)

    def row_ids(self, rows: Rows) -> Any:
        return _kernels.ids(rows)

    def row_positions(self, rows: Rows) -> Any:
        return _kernels.positions(rows)
