"""Positions and row ids for JAX: in 32 bits where they fit, and row ids on the device once."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ragged.errors import OutOfRangeError
from ragged.rows import Rows
from ragged_jax._compat import x64_enabled
from ragged_numpy._memory import LARGE, empty

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.rows import Segments

__all__ = ["LONG", "WORTH_KEEPING", "as_index", "have_met", "ids_of", "lengths_of", "on_device", "width_of"]

INT32 = 2**31 - 1
WORTH_KEEPING = 4096
"""Row ids shorter than this go to the device with each call, which is faster than looking them up."""
LONG = 16
"""Rows of at least so many elements on average are worth a look whether they are of one length."""

_kept: dict[tuple[int, Any, Any], tuple[weakref.ref[Any], Any]] = {}


def as_index(index: Any, size: Any, device: Any) -> Any:
    """Positions up to `size`; those from the host as a column (see `_kernels.gather`), if many on the device already.

    Raises:
        OutOfRangeError: 32 bits are too few, and JAX has no more.
    """
    if isinstance(index, jax.Array) or index.ndim > 1:  # a column it is where jax.disable_jit runs a kernel as it is
        return index
    column = narrowed(index, size)[:, None]
    if column.nbytes < LARGE:
        return column
    with jax.ensure_compile_time_eval():  # over the same memory, which the call of a kernel would copy
        return jax.device_put(column, device)


def narrowed(numbers: Any, largest: Any) -> Any:
    """Integers up to `largest` in as few bits as JAX needs for them.

    A new array in every case: JAX would remember the narrow copy that it makes of a given one while it traces, and take
    it for that array later, in a scope of 64 bits.
    """
    if largest <= INT32:
        narrow = empty(numbers.shape, np.dtype(np.int32))
        np.copyto(narrow, numbers, casting="same_kind")
        return narrow
    if x64_enabled():
        return numbers.copy()
    raise OutOfRangeError(
        f"positions in an axis of {largest} entries overflow JAX's 32-bit indices; "
        'ragged.use("jax", precision="float64") gives it 64'
    )


def ids_of(segments: Segments, device: Any) -> Any:
    """Each element's segment, as `as_index` gives it; those of long rows are kept on the device."""
    if type(segments) is Rows and segments.total >= WORTH_KEEPING:
        return on_device(segments, device, row_ids)
    return as_index(segments.ids, segments.nrows, device)


def width_of(segments: Segments) -> int | None:
    """The length of long rows that are all of one length: their elements are a matrix."""
    if type(segments) is not Rows:
        return getattr(segments, "width", None)
    if not segments.nrows or segments.total < LONG * segments.nrows:
        return None
    return segments.width if segments.longest else None  # which looks whether there is one


def row_ids(rows: Rows) -> Any:
    """The row of each element, in 32 bits from the start where nobody has made it in 64."""
    if rows._ids is not None or rows.nrows > INT32:
        return narrowed(rows.ids, rows.nrows)[:, None]
    begun = empty((rows.total + 1,), np.dtype(np.int32))
    begun.fill(0)
    np.add.at(begun, rows.offsets[1:-1], np.int32(1))  # in its own dtype: another would be cast one by one
    return np.cumsum(begun[:-1], dtype=np.int32, out=begun[:-1])[:, None]


def lengths_of(rows: Rows, device: Any) -> Any:
    """The number of elements of each segment; those of many rows are kept on the device."""
    if rows.nrows < WORTH_KEEPING:
        return narrowed(rows.lengths, rows.total)
    return on_device(rows, device, lambda rows: narrowed(rows.lengths, rows.total), "lengths")


_met: dict[int, weakref.ref[Any]] = {}


def have_met(x: Any) -> bool:
    """Whether these rows or this content have come before; those of a batch come once, and are not worth keeping."""
    key = id(x)
    met = _met.get(key)
    if met is not None and met() is x:
        return True
    _met[key] = weakref.ref(x, lambda _: _met.pop(key, None))
    return False


def on_device(rows: Any, device: Any, make: Callable[[Any], Any], what: Any = "ids") -> Any:
    """What `make` makes of the rows (or of content of JAX's), kept on the device as long as they live."""
    key = (id(rows), device, what)
    kept = _kept.get(key)
    if kept is None or kept[0]() is not rows:
        with jax.ensure_compile_time_eval():
            placed = jax.device_put(make(rows), device)
        kept = _kept[key] = (weakref.ref(rows, lambda _: _kept.pop(key, None)), placed)
    return kept[1]
