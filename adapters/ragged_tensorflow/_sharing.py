"""Memory of other frameworks as TensorFlow's, without a copy, where nobody will ever write to it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged.memory import exported, is_aligned, is_frozen

if TYPE_CHECKING:
    import numpy as np

__all__ = ["WORTH_SHARING", "adopted", "handed_over"]

WORTH_SHARING = 1 << 12
"""Bytes; fewer are copied in less time than it takes to ask."""


def adopted(x: np.ndarray[Any, Any]) -> Any:
    """The tensor over the array's own memory, or None: then TensorFlow needs a copy.

    TensorFlow relies on nobody writing to a tensor, and its kernels end the process on memory that is not aligned.
    """
    if x.nbytes < WORTH_SHARING or not (tf.executing_eagerly() and is_frozen(x) and is_aligned(x)) or has_gpu():
        return None
    return tf.experimental.dlpack.from_dlpack(exported(x).__dlpack__())


def handed_over(x: np.ndarray[Any, Any]) -> Any:
    """The tensor over the memory of a new array that nobody else has, or None: then TensorFlow needs a copy."""
    if x.nbytes < WORTH_SHARING or x.dtype.kind not in "fiuc" or not (tf.executing_eagerly() and is_aligned(x)):
        return None
    if has_gpu():
        return None
    return tf.experimental.dlpack.from_dlpack(x.__dlpack__())


@cache
def has_gpu() -> bool:
    """Whether TensorFlow puts its tensors on a GPU, unless told otherwise."""
    return bool(tf.config.list_physical_devices("GPU"))
