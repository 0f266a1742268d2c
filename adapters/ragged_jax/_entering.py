"""Arguments on their way into a compiled program: padded on the host, and arrays of traced length inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jax import lax

from ragged.compilation._arguments import Packing, Unpacking, in_room, padded_ids, padded_offsets
from ragged.memory import is_frozen
from ragged.rows import Rows
from ragged_jax._checks import compilation
from ragged_jax._compat import Tracer, is_committed
from ragged_jax._dtypes import structural
from ragged_jax._index import WORTH_KEEPING, have_met, on_device
from ragged_jax._padded import Padded, fitted, padded
from ragged_jax._sizes import Size
from ragged_numpy._memory import KEPT, LARGE, empty

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Entering", "Packed"]


class Packed(Packing):
    """The leaves of one call as arrays that JAX takes as they are."""

    sizes_dtype = np.int32

    def whole(self, x: Any) -> Any:
        return owned(x) if type(x) is np.ndarray else x

    def with_room(self, x: Any, capacity: int, keeps: bool = False) -> Any:
        n = x.shape[0]
        if not isinstance(x, np.ndarray):
            if n == capacity:
                return x
            device = None if isinstance(x, Tracer) else next(iter(x.devices()))
            if device is None or device.platform != "cpu":
                return fitted(x, capacity)
            if keeps and LARGE <= x.nbytes <= KEPT and have_met(x):
                on = device if is_committed(x) else None
                return on_device(x, on, lambda x: in_room(x, capacity, empty), capacity)
        elif n == capacity:
            return owned(x)
        return in_room(x, capacity, empty)  # aligned where it is large, so that JAX takes it as it is

    def partition(self, rows: Any, capacity: int, total: int) -> list[Any]:
        """Offsets and row ids; those of many elements that come again stay on the device as long as the rows live."""
        makers: dict[str, Callable[[Any], Any]] = {
            "offsets": lambda rows: padded_offsets(rows, capacity, empty, structural()),
            "ids": lambda rows: padded_ids(rows, capacity, total, empty),
        }
        if rows.total < WORTH_KEEPING or not have_met(rows):
            return [make(rows) for make in makers.values()]
        key = capacity, total, structural()
        return [on_device(rows, self.device, make, (name, *key)) for name, make in makers.items()]


def owned(x: Any) -> Any:
    """Memory that nobody can write to while the program runs, which is after the call."""
    if is_frozen(x):
        return x
    copy = empty(x.shape, x.dtype)
    copy[...] = x
    return copy


class Entering(Unpacking):
    """The leaves within the program, made of tracers in the same order."""

    def bounded(self, root: Any, capacity: int) -> Size:
        return Size(root, capacity)

    def padded(self, data: Any, length: Any) -> Any:
        return padded(data, (length, *data.shape[1:]), not compilation().plant)

    def rows_of(self, offsets: Any, ids: Any, nrows: Any, total: Any) -> Rows:
        rows = Rows(self.b.home(), padded(offsets, (nrows + 1,)), nrows, total)
        rows._ids = Padded(lax.convert_element_type(ids, structural()), (total,), False, ids)
        return rows
