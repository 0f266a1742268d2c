"""Whose memory it is: what frameworks may share, and how it gets from one to another.

Two kinds of frameworks: NumPy and PyTorch let anyone write to an array, JAX and TensorFlow (`Backend.immutable`) rely
on nobody ever doing so. Within a kind memory is shared; NumPy sees that of the second kind read-only, and lends them
what was sealed when it was made (`aligned_copy`, `bytes`); everything else is copied. That an array is read-only proves
nothing: someone may hold a writable view from before, or make it writable again. Between two frameworks on one GPU it
is the same, by DLPack and not by way of the host (`beside`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.registry import backend_of_dense

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["ALIGNMENT", "aligned_copy", "beside", "exported", "is_aligned", "is_frozen", "lent", "reached"]

ALIGNMENT = 64
"""Bytes. JAX shares no memory that begins elsewhere; TensorFlow's kernels end the process on it."""

GPUS = frozenset({2, 10, 13})
"""DLPack's numbers for memory that only a device computes on: CUDA's, ROCm's, and CUDA's managed memory."""


class Lent:
    """Memory that no NumPy array can write to, and what keeps it alive: a framework's, or a copy that only this has.

    An array over it is read-only for good, unless it is made to look `writable` (see `exported`).
    """

    __slots__ = ("__array_interface__", "_owner")

    def __init__(self, x: np.ndarray[Any, Any], writable: bool = False) -> None:
        interface = x.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], not writable)}
        self._owner = x

    @property
    def is_sealed(self) -> bool:
        """Whether all arrays over it are read-only."""
        return bool(self.__array_interface__["data"][1])


def lent(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array read-only and known to be frozen: the framework that it comes from never writes to its memory."""
    return np.asarray(Lent(x)).view(x.dtype)  # the interface has no word for bfloat16


def exported(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Frozen memory as an array that looks writable, for a framework that writes to nothing, but whose DLPack knows no
    read-only memory."""
    return np.asarray(Lent(x, writable=True)).view(x.dtype)


def is_frozen(x: np.ndarray[Any, Any]) -> bool:
    """Whether no one can ever write to the array's memory: it is `bytes`, an immutable framework's, or sealed here.

    NumPy's own memory is none of these, read-only or not: `writeable` says nothing of the other views.

    >>> x = np.arange(3.0)
    >>> x.flags.writeable = False
    >>> is_frozen(x), is_frozen(aligned_copy(x))
    (False, True)
    """
    owner: Any = x
    while isinstance(owner, np.ndarray | memoryview):
        if owner.flags.writeable if isinstance(owner, np.ndarray) else not owner.readonly:
            return False
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    if isinstance(owner, Lent):
        return owner.is_sealed
    if owner is None or isinstance(owner, bytes):
        return owner is not None
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
    copy: np.ndarray[Any, Any] = np.ndarray(x.shape, dtype, raw, -raw.ctypes.data % ALIGNMENT)
    copy[...] = x
    return np.asarray(Lent(copy)).view(dtype)


def reached(b: Backend, x: Any, source: Backend) -> Any:
    """The memory of an array of `source` that is on a GPU, as an array of `b`; None where it is on the host, or where
    `b` cannot reach it."""
    if getattr(getattr(x, "device", None), "type", None) == "cpu":  # PyTorch's word, which torch.compile understands
        return None
    place = getattr(x, "__dlpack_device__", None)
    take = getattr(b.xp, "from_dlpack", None)
    if place is None or take is None or source.level or int(place()[0]) not in GPUS:
        return None
    try:
        return take(source.stop_gradient(x))
    except (BufferError, RuntimeError, TypeError, ValueError):  # a framework without that device, or that dtype
        return None


def beside(b: Backend, x: Any, source: Backend) -> Any:
    """An array of `source` that is on a GPU as one of `b`, over the same memory where both let anyone write to it or
    neither does, else copied there. None as in `reached`."""
    found = reached(b, x, source)
    if found is None:
        return None
    if b.immutable != source.immutable:
        found = b.xp.asarray(found, copy=True) if b.immutable else b.base.duplicate(found)
    return b.asarray(found)
