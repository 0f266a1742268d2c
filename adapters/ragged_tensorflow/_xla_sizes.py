"""Sizes in a program of XLA, as TensorFlow's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ragged._bounded import BoundedSize, capacity_of, value_of
from ragged_tensorflow._xla_checks import WAY_OUT, check

__all__ = ["NOT_KNOWN", "Bounded", "capacity_of", "value_of"]

NOT_KNOWN = (
    "not known while ragged.jit compiles the function: len, iteration, printing, conversions and Python's own `if` "
    "need it now; use operations of ragged (num, where, slices, fill_none), tf.cond, take this step outside of it, or "
    f"{WAY_OUT}"
)


class Bounded(BoundedSize):
    """A size whose number is a 0-d int64 tensor."""

    __slots__ = ()
    shape = tf.TensorShape(())
    dtype = tf.int64
    not_known = NOT_KNOWN
    least = staticmethod(tf.minimum)
    most = staticmethod(tf.maximum)
    check = staticmethod(check)

    @staticmethod
    def is_array(x: Any) -> bool:
        return isinstance(x, np.ndarray | tf.Tensor) or hasattr(x, "data")

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return self.value if dtype in (None, tf.int64) else tf.cast(self.value, dtype)
