"""Segment kernels by NumPy, over the memory of tensors that have values now; None where it cannot see them.

For rows it needs a third of the time, and TensorFlow's threads would wait for one another at few columns of many
numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged_tensorflow._compat import is_symbolic
from ragged_tensorflow._sharing import handed_over

if TYPE_CHECKING:
    from ragged.backend import Backend
    from ragged.rows import Segments

__all__ = ["segment_extremum", "segment_prod", "segment_sum"]


def is_on_host(x: Any, rows: Segments) -> bool:
    """Whether NumPy can see the numbers, without a copy, and the segments."""
    places = rows.ids if rows.offsets is None else rows.offsets
    return isinstance(places, np.ndarray) and not is_symbolic(x) and "CPU" in x.device


def tensor(b: Backend, x: np.ndarray[Any, Any]) -> Any:
    """The tensor of what NumPy just made."""
    found = handed_over(x)
    return b.asarray(x) if found is None else found


def segment_sum(b: Backend, x: Any, rows: Segments) -> Any:
    """Sum of each segment. (Of rows of vectors TensorFlow's own is the faster one.)"""
    if not is_on_host(x, rows) or x.dtype == tf.bfloat16 or (rows.offsets is not None and x.shape.rank > 1):
        return None
    return tensor(b, b.home().segment_sum(np.asarray(x), rows))


def segment_extremum(b: Backend, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
    """Maximum (or minimum) of each segment."""
    if not is_on_host(x, rows):
        return None
    home = b.home()
    return tensor(b, (home.segment_max if largest else home.segment_min)(np.asarray(x), rows, identity))


def segment_prod(b: Backend, x: Any, rows: Segments) -> Any:
    """Product of each segment."""
    return tensor(b, b.home().segment_prod(np.asarray(x), rows)) if is_on_host(x, rows) else None
