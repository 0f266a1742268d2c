"""`Recorder`: a backend that computes nothing at once. Elementwise functions, rows' entries for their elements, and
reductions are recorded; whatever cannot be part of a loop has its arguments computed, and runs on the backend beneath.

Structure is NumPy's and always there, so that only content waits. Totals are waited for by what is made of them.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.backend import Backend
from ragged.ufuncs import functions, result_dtypes
from ragged_numba import _waiting
from ragged_numba._domains import Domain
from ragged_numba._fused_kernels import BITS, is_extremal, is_movable, is_summable, take_rows
from ragged_numba._lazy import Lazy, as_now
from ragged_numba._ops import (
    AlongRows,
    Late,
    Map,
    Whole,
    cast,
    choose,
    expansion,
    fill,
    gather,
    reduction,
    reshaped,
    shortened,
    total,
)
from ragged_numba._waiting import Waiting
from ragged_numpy._positions import unsealed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.rows import Ranges, Rows, Segments

__all__ = ["Recorder"]

NUMBERS = "biufc"
BEYOND = 1 << 20  # recorders are deeper than any tape: they run what a value of theirs takes part in


def _settled(name: str) -> Any:
    """The method of what is no part of a loop: its arguments are computed first."""

    def method(self: Recorder, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.inner, name)(*self.values(args, name), **kwargs)

    return method


def _kind(x: Any) -> Any:
    """The dtype of a value, or the type of a Python number."""
    return x.dtype if isinstance(x, Lazy | np.ndarray | np.generic) else type(x)


class Recorder(Waiting, Backend):
    """The inner backend, put off."""

    level = BEYOND
    promotes = True

    def __init__(self, inner: Backend) -> None:
        super().__init__()
        self.inner = inner
        self.name = inner.name  # type: ignore[misc]
        self.xp = inner.xp

    def end(self) -> None:
        """The program is over: what it kept of its values elsewhere is computed when it is asked for, as anybody's."""
        self.is_over, self.level = True, self.inner.level

    @property
    def unsupported(self) -> Any:
        return self.inner.unsupported

    # ------------------------------------------------------------------ where things are

    def home(self, *arrays: Any) -> Backend:
        return self.inner.home()

    def owns(self, x: Any) -> bool:
        return type(x) is Lazy or self.inner.owns(x)

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        value = self.settled(x)
        if type(value) is Lazy:
            return value if dtype is None else self.astype(value, dtype)
        found = self.inner.asarray(value, dtype)
        return as_now(found) if found is x else found

    def dtype(self, x: Any) -> np.dtype[Any]:
        return x.dtype  # type: ignore[no-any-return]

    def configured(self, device: Any = None, precision: str | None = None) -> Backend:
        self.inner.configured(device, precision)
        return self

    # ------------------------------------------------------------------ along one domain

    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        if not self.waits(*args):
            return self.inner.apply(name, *self.values(args, name), valid=valid)
        f, kinds = functions[name], tuple(map(_kind, args))
        if not isinstance(f, np.ufunc) or f.nout != 1 or name == "matmul":
            return self.inner.apply(name, *self.values(args, name), valid=valid)
        dtype = result_dtypes(name, kinds)[1][0]
        whole = dtype.kind in "iu" and f is np.power  # whether an exponent is negative is an error at once
        if dtype.kind not in NUMBERS or whole or (int in kinds and not fits(f, args)):
            return self.inner.apply(name, *self.values(args, name), valid=valid)
        op = Map(f.__name__, shortened(f, args), True)
        return self.along(op, dtype, args, alone=partial(self.inner.apply, name))

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        if not self.waits(condition, x, y):
            return self.inner.where(*self.values((condition, x, y), "where"))
        kinds = [each.dtype if hasattr(each, "dtype") else each for each in (x, y)]
        return self.along(Map("where", choose), np.result_type(*kinds), (condition, x, y), alone=self.inner.where)

    def astype(self, x: Any, dtype: Any) -> Any:
        dtype = np.dtype(dtype)
        if x.dtype == dtype:
            return x
        if not self.waits(x):
            return self.inner.astype(self.plain(x, "astype"), dtype)
        return self.along(Map("astype", cast), dtype, (x,), alone=partial(self.inner.astype, dtype=dtype))

    def broadcast_to(self, x: Any, shape: tuple[Any, ...]) -> Any:
        x = self.settled(x)
        if type(x) is not Lazy or not shape or -1 in shape:
            return self.inner.broadcast_to(self.plain(x, "broadcast_to"), shape)
        return x if x.shape == shape else self.along(Map("broadcast_to", fill), x.dtype, (x,), tuple(shape))

    def reshape(self, x: Any, shape: tuple[Any, ...]) -> Any:
        x = self.settled(x)
        if type(x) is Lazy and -1 not in shape:
            if x.shape == tuple(shape):
                return x
            if x.domain is None:
                return Lazy(self, Late("reshape", lambda value: self.inner.reshape(value, shape)), (x,), x.dtype, shape)
            if shape and shape[0] == x.shape[0] and math.prod(shape) == x.size:
                op = Map("reshape", reshaped)
                return Lazy(self, op, (x,), x.dtype, tuple(shape), x.domain)
        return self.inner.reshape(self.plain(x, "reshape"), shape)

    def take(self, x: Any, index: Any) -> Any:
        x = self.plain(x, "take")
        if index.size < _waiting.LEAST or index.ndim != 1:
            return self.inner.take(x, index)
        args = (Whole(x), unsealed(as_now(index)))
        return Lazy(
            self,
            Map("take", gather),
            args,
            x.dtype,
            (index.size, *x.shape[1:]),
            Domain(index.size),
            alone=self.inner.take,
        )

    def take_ranges(self, x: Any, ranges: Ranges) -> Any:
        x, rows = self.plain(x, "take_ranges"), ranges.rows
        if rows.total < _waiting.LEAST or rows.nrows == 1 or ranges.last is not None or not is_movable(x):
            return self.inner.take_ranges(x, ranges)
        above, below = self.pair(rows)
        gathered = self.inner.take_ranges
        op = AlongRows("take_ranges", partial(take_rows, x, ranges.step), rows, False)
        return Lazy(self, op, (ranges.starts,), x.dtype, (rows.total,), below, above, lambda _: gathered(x, ranges))

    # ------------------------------------------------------------------ along rows

    def expand(self, x: Any, rows: Rows) -> Any:
        if (rows.total < _waiting.LEAST and not self.waits(x)) or len(x.shape) != 1 or x.dtype.itemsize not in BITS:
            return self.inner.expand(self.plain(x, "expand"), rows)
        above, below = self.pair(rows)
        if rows.nrows == 1:
            x = self.settled(x)
            x = self.plain(x, "expand") if type(x) is Lazy and x.domain is not None else x
            x = Whole(x) if isinstance(x, np.ndarray) else x
            return Lazy(self, Map("expand", fill), (x,), _value_dtype(x), (rows.total,), below)
        dtype = x.dtype
        x = self.brought(x, above, "expand, which needs it along other rows")
        alone = partial(self.inner.expand, rows=rows)
        return Lazy(self, expansion(rows), (x,), dtype, (rows.total,), below, above, alone)

    def _reduced(self, how: str, x: Any, rows: Segments, identity: Any) -> Any:
        options = {} if how == "sum" else {"identity": identity}
        alone = partial(getattr(self.inner, f"segment_{how}"), rows=rows, **options)
        taken = is_summable if how == "sum" else is_extremal
        if not self.waits(x) or not taken(x.dtype) or len(x.shape) != 1 or rows.offsets is None:
            return alone(self.plain(x, f"segment_{how}"))
        dtype, op = x.dtype, reduction(how, rows, x.dtype, identity)  # type: ignore[arg-type]
        above, below = self.pair(rows)  # type: ignore[arg-type]
        x = self.brought(x, below, f"segment_{how}, which needs it along other rows")
        if rows.nrows == 1:
            return Lazy(self, op, (x,), dtype, (1,), None, below, alone)
        return Lazy(self, op, (x,), dtype, (rows.nrows,), above, below, alone)

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        return self._reduced("sum", x, rows, 0)

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self._reduced("max", x, rows, identity)

    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self._reduced("min", x, rows, identity)

    def segment_count(self, mask: Any, rows: Segments) -> Any:
        if not self.waits(mask):
            return self.inner.segment_count(self.plain(mask, "segment_count"), rows)
        return super().segment_count(mask, rows)

    def sum(self, x: Any, axes: tuple[int, ...]) -> Any:
        x = self.settled(x)
        small = type(x) is Lazy and x.domain is None
        if not self.waits(x) or small or x.dtype.kind not in "iufc" or x.dtype.char == "e":
            return self.inner.sum(self.plain(x, "sum"), axes)
        axes = tuple(axis % len(x.shape) for axis in axes)
        shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
        domain = x.domain if type(x) is Lazy else Domain(x.shape[0])
        alone = partial(self.inner.sum, axes=axes)
        if 0 in axes:
            return Lazy(self, total("sum", x.dtype, 0, shape, axes), (x,), x.dtype, shape, None, domain, alone)
        run = partial(np.add.reduce, axis=axes, dtype=x.dtype)
        return Lazy(self, Map("sum", run), (x,), x.dtype, shape, domain, None, alone)

    # ------------------------------------------------------------------ what is run otherwise

    def apply_over(self, spare: Any, name: str, *args: Any) -> Any:
        return self.apply(name, *args)

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        if not self.waits(x, *(each for each in options if hasattr(each, "shape"))):
            options = tuple(self.values(options, "fused"))
            return self.inner.fused(f, self.plain(x, "fused"), rows, *options, tangent=tangent)
        return f(self, x, rows, *options)

    def concat(self, arrays: Sequence[Any]) -> Any:
        return self.inner.concat(self.values(list(arrays), "concat"))

    def interleave(self, arrays: Sequence[Any], ranges: Ranges) -> Any:
        return self.inner.interleave(self.values(list(arrays), "interleave"), ranges)

    def custom_vjp(
        self, f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Callable[..., Any]:
        return lambda *args: f(*self.values(args, "custom_vjp"))

    to_numpy = _settled("to_numpy")
    as_structure = _settled("as_structure")
    slice = _settled("slice")
    cumulative_sum = _settled("cumulative_sum")
    permute_dims = _settled("permute_dims")
    matmul = _settled("matmul")
    full = _settled("full")
    entry = _settled("entry")
    arange = _settled("arange")
    repeat = _settled("repeat")
    ranges = _settled("ranges")
    offsets_from_lengths = _settled("offsets_from_lengths")
    searchsorted = _settled("searchsorted")
    flatnonzero = _settled("flatnonzero")
    segment_argsort = _settled("segment_argsort")
    segment_sort = _settled("segment_sort")
    segment_argmax = _settled("segment_argmax")
    segment_prod = _settled("segment_prod")
    segment_pairs = _settled("segment_pairs")
    segment_scan = _settled("segment_scan")
    row_ids = _settled("row_ids")
    row_positions = _settled("row_positions")
    bound = _settled("bound")
    largest = _settled("largest")
    extremes = _settled("extremes")
    equal = _settled("equal")
    true = _settled("true")
    to_native = _settled("to_native")


def _value_dtype(x: Any) -> np.dtype[Any]:
    return x.value.dtype if type(x) is Whole else x.dtype  # type: ignore[no-any-return]


def fits(f: Any, args: tuple[Any, ...]) -> bool:
    """Whether the Python integers among the arguments fit the dtype that they are computed in."""
    try:
        f(*(x if type(x) is int else np.empty(0, _kind(x)) if hasattr(x, "dtype") else x for x in args))
    except (OverflowError, ValueError):
        return False
    return True
