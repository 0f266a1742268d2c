"""Whose memory it is: what frameworks may share, and how it gets from one to another.

Two kinds of frameworks: NumPy and PyTorch let anyone write to an array, JAX and TensorFlow (`Backend.immutable`) rely
on nobody ever doing so. Within a kind memory is shared; NumPy sees that of the second kind read-only, and lends them
what is read-only itself; everything else is copied.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ragged.registry import backend_of_dense

__all__ = ["ALIGNMENT", "aligned_copy", "exported", "is_aligned", "is_frozen", "lent"]

ALIGNMENT = 64
"""Bytes. JAX shares no memory that begins elsewhere; TensorFlow's kernels end the process on it."""


class Lent:
    """Memory of a framework whose arrays never change, kept alive by the array that it belongs to."""

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, x: np.ndarray[Any, Any], writable: bool) -> None:
        interface = x.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], not writable)}
        self.owner = x


def lent(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array read-only and known to be frozen: the framework that it comes from never writes to its memory."""
    return np.asarray(Lent(x, writable=False)).view(x.dtype)  # the interface has no word for bfloat16


def exported(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Frozen memory as an array that looks writable, for a framework that writes to nothing, but whose DLPack knows no
    read-only memory."""
    return np.asarray(Lent(x, writable=True)).view(x.dtype)


def is_frozen(x: np.ndarray[Any, Any]) -> bool:
    """Whether no one can write to the array's memory: neither through it nor through what it is a view of."""
    owner: Any = x
    while isinstance(owner, np.ndarray | memoryview):
        if owner.flags.writeable if isinstance(owner, np.ndarray) else not owner.readonly:
            return False
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    if owner is None or isinstance(owner, bytes | Lent):
        return True
    framework = backend_of_dense(owner)
    return framework is not None and framework.immutable


def is_aligned(x: np.ndarray[Any, Any]) -> bool:
    """Whether the array is one block of memory that JAX and TensorFlow could take as it is."""
    return x.flags.c_contiguous and x.ctypes.data % ALIGNMENT == 0


def aligned_copy(x: Any, dtype: Any = None) -> np.ndarray[Any, Any]:
    """A copy that nobody else has, read-only, in memory that JAX and TensorFlow can take as it is."""
    x = np.asarray(x)
    dtype = x.dtype if dtype is None else np.dtype(dtype)
    raw = np.empty(x.size * dtype.itemsize + ALIGNMENT, np.uint8)
    begin = -raw.ctypes.data % ALIGNMENT
    copy: np.ndarray[Any, Any] = raw[begin : begin + x.size * dtype.itemsize].view(dtype).reshape(x.shape)
    copy[...] = x
    raw.flags.writeable = copy.flags.writeable = False
    return copy
