"""Positions and row ids for JAX: in 32 bits where they fit, and row ids on the device once."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ragged.errors import OutOfRangeError
from ragged_jax._compat import x64_enabled

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.rows import Rows, Segments

__all__ = ["as_index", "ids_of", "lengths_of"]

INT32 = 2**31 - 1
WORTH_KEEPING = 4096
"""Row ids shorter than this go to the device with each call, which is faster than looking them up."""

_kept: dict[tuple[int, Any], tuple[weakref.ref[Any], Any]] = {}


def as_index(index: Any, size: Any) -> Any:
    """Positions up to `size`; those from the host as a column (see `_kernels.gather`).

    Raises:
        OutOfRangeError: 32 bits are too few, and JAX has no more.
    """
    if isinstance(index, jax.Array):
        return index
    kept = _kept.get((id(index), None))
    return kept[1] if kept is not None and kept[0]() is index else narrowed(index, size)[:, None]


def narrowed(numbers: Any, largest: Any) -> Any:
    """Integers up to `largest` in as few bits as JAX needs for them.

    A new array in every case: JAX would remember the narrow copy that it makes of a given one while it traces, and take
    it for that array later, in a scope of 64 bits.
    """
    if largest <= INT32:
        return numbers.astype(np.int32)
    if x64_enabled():
        return numbers.copy()
    raise OutOfRangeError(
        f"positions in an axis of {largest} entries overflow JAX's 32-bit indices; "
        'ragged.use("jax", precision="float64") gives it 64'
    )


def ids_of(segments: Segments, device: Any) -> Any:
    """Each element's segment, as `as_index` gives it. A row partition's are kept on the device as long as they live on
    the host."""
    ids = segments.ids
    if segments.offsets is None or ids.shape[0] < WORTH_KEEPING:
        return as_index(ids, segments.nrows)
    return on_device(ids, device, lambda: as_index(ids, segments.nrows))


def lengths_of(rows: Rows, device: Any) -> Any:
    """The number of elements of each segment, kept as row ids are."""
    lengths = rows.lengths
    if rows.nrows < WORTH_KEEPING:
        return narrowed(lengths, rows.total)
    return on_device(lengths, device, lambda: narrowed(lengths, rows.total))


def on_device(structure: Any, device: Any, make: Callable[[], Any]) -> Any:
    """What `make` makes of an array of structure, kept on the device as long as that array lives."""
    if isinstance(structure, jax.Array):
        return structure
    key = (id(structure), device)
    kept = _kept.get(key)
    if kept is None or kept[0]() is not structure:
        with jax.ensure_compile_time_eval():
            placed = jax.device_put(make(), device)
        kept = _kept[key] = (weakref.ref(structure, lambda _: _kept.pop(key, None)), placed)
    return kept[1]
