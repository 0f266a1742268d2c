"""Positions and row ids for JAX: in 32 bits where they fit, and row ids on the device once."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ragged.errors import OutOfRangeError
from ragged_jax._compat import x64_enabled

if TYPE_CHECKING:
    from ragged.rows import Rows, Segments

__all__ = ["as_index", "ids_of", "lengths_of"]

INT32 = 2**31 - 1
WORTH_KEEPING = 4096
"""Row ids shorter than this go to the device with each call, which is faster than looking them up."""

_kept: dict[tuple[int, Any], tuple[weakref.ref[Any], Any]] = {}


def as_index(index: Any, size: Any) -> Any:
    """Positions up to `size`.

    A new array in every case: JAX would remember the narrow copy that it makes of a given one while it traces, and take
    it for that array later, in a scope of 64 bits.

    Raises:
        OutOfRangeError: 32 bits are too few, and JAX has no more.
    """
    if isinstance(index, jax.Array):
        return index
    kept = _kept.get((id(index), None))
    if kept is not None and kept[0]() is index:
        return kept[1]
    if size <= INT32:
        return index.astype(np.int32)
    if x64_enabled():
        return index
    raise OutOfRangeError(
        f"positions in an axis of {size} entries overflow JAX's 32-bit indices; "
        'ragged.use("jax", precision="float64") gives it 64'
    )


def ids_of(segments: Segments, device: Any) -> Any:
    """Each element's segment. A row partition's are kept on the device as long as they live on the host."""
    ids = segments.ids
    if segments.offsets is None or ids.shape[0] < WORTH_KEEPING:
        return as_index(ids, segments.nrows)
    return _on_device(ids, segments.nrows, device)


def lengths_of(rows: Rows, device: Any) -> Any:
    """The number of elements of each segment, kept as row ids are."""
    lengths = rows.lengths
    return as_index(lengths, rows.total) if rows.nrows < WORTH_KEEPING else _on_device(lengths, rows.total, device)


def _on_device(index: Any, size: Any, device: Any) -> Any:
    if isinstance(index, jax.Array):
        return index
    key = (id(index), device)
    kept = _kept.get(key)
    if kept is None or kept[0]() is not index:
        with jax.ensure_compile_time_eval():
            placed = jax.device_put(as_index(index, size), device)
        kept = _kept[key] = (weakref.ref(index, lambda _: _kept.pop(key, None)), placed)
    return kept[1]
