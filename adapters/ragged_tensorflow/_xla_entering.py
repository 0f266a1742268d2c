"""Arguments on their way into a program of XLA: padded before the call, and arrays of unknown length inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ragged.compilation._arguments import Packing, Unpacking, in_room, padded_ids, padded_offsets
from ragged.rows import Rows
from ragged_numpy._memory import empty
from ragged_tensorflow._compat import is_recorded
from ragged_tensorflow._index import WORTH_KEEPING, kept
from ragged_tensorflow._sharing import handed_over
from ragged_tensorflow._xla_checks import compilation
from ragged_tensorflow._xla_padded import Padded, fitted, padded
from ragged_tensorflow._xla_sizes import Bounded

__all__ = ["Entering", "Packed"]


class Packed(Packing):
    """The leaves of one call as tensors, and arrays of which TensorFlow makes them."""

    def with_room(self, x: Any, capacity: int, keeps: bool = False) -> Any:
        if x.shape[0] == capacity:
            return x
        if isinstance(x, tf.Tensor) and (is_recorded((x,)) or "CPU" not in x.device or x.dtype == tf.bfloat16):
            return fitted(x, capacity)
        return tensor(in_room(np.asarray(x), capacity, empty))  # aligned where it is large: taken as it is

    def partition(self, rows: Any, capacity: int, total: int) -> list[Any]:
        """Offsets and row ids; those of many elements stay tensors as long as the rows live."""

        def offsets(rows: Any) -> Any:
            return padded_offsets(rows, capacity, empty, np.int64)

        def ids(rows: Any) -> Any:
            return padded_ids(rows, capacity, total, empty)

        if rows.total < WORTH_KEEPING:
            return [offsets(rows), ids(rows)]
        return [
            kept(rows, (self.device, "offsets", capacity), lambda rows: tensor(offsets(rows))),
            kept(rows, (self.device, "ids", capacity, total), lambda rows: tensor(ids(rows))),
        ]


def tensor(x: np.ndarray[Any, Any]) -> Any:
    """The tensor of what was just made."""
    found = handed_over(x)
    return tf.convert_to_tensor(x) if found is None else found


class Entering(Unpacking):
    """The leaves within the program, made of its tensors in the same order."""

    def bounded(self, root: Any, capacity: int) -> Bounded:
        return Bounded(root, capacity)

    def padded(self, data: Any, length: Any) -> Any:
        return padded(data, (length, *data.shape[1:]), not compilation().plant)

    def rows_of(self, offsets: Any, ids: Any, nrows: Any, total: Any) -> Rows:
        rows = Rows(self.b.home(), padded(offsets, (nrows + 1,)), nrows, total)
        rows._ids = Padded(tf.cast(ids, tf.int64), (total,), False, ids)
        return rows
