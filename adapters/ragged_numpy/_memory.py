"""Memory for large results: what earlier arrays have left is used again.

A large array that is new costs several times the computation of its values, because the system maps and clears its
pages one by one. The memory of a large array made here is therefore kept when the array is gone, and given to a later
one of about its size. It is never shared: an array's views, memoryviews and exports keep the array itself alive, and
memory that anything else still refers to is not given out.
"""

from __future__ import annotations

import math
import os
import weakref
from collections import deque
from sys import getrefcount
from threading import Lock
from typing import Any

import numpy as np

__all__ = ["LARGE", "Storage", "empty", "full", "keep_memory"]

LARGE = 1 << 17
"""Bytes from which on an array's memory is kept: from there on the C library asks the system for it each time."""
ALIGNED = 64
"""Bytes of a cache line, where vectors are loaded fastest."""
KEPT = 1 << 28
"""Bytes that are kept unless `keep_memory` says otherwise."""


class Storage(np.ndarray[Any, np.dtype[np.uint8]]):
    """The memory beneath one array at a time.

    It has a type of its own so that views of the array refer to the array and not to this: NumPy looks through the
    bases of a view that are of the view's own type.
    """

    exclusive = True


class Use(weakref.ref[Any]):
    """An array that is alive, and the memory that it uses."""

    __slots__ = ("storage",)
    storage: Storage


class Pool:
    """Idle memory, the latest used last: at most `limit` bytes of it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self.idle: list[Storage] = []
        self.returned: deque[Storage] = deque()  # not yet counted: arrays may die in the middle of anything
        self.uses: dict[int, Use] = {}
        self.lock = Lock()

    def array(self, shape: Any, dtype: Any, nbytes: int) -> Any:
        """An array of any values over idle or new memory, which comes back when the array is gone."""
        size = rounded(nbytes) if self.limit else nbytes
        storage = self.taken(size)
        if storage is None:
            storage = new(size)
        array = np.ndarray(shape, dtype, storage)
        use = Use(array, self.give_back)
        use.storage = storage
        self.uses[id(use)] = use
        return array

    def taken(self, size: int) -> Storage | None:
        """Idle memory of that size. None where there is none, or another thread is looking."""
        if not self.lock.acquire(False):
            return None
        try:
            for i in range(len(self.idle) - 1, -1, -1):
                if self.idle[i].size == size:
                    self.held -= size
                    storage, references = counted(self.idle, i)
                    if references == ALONE:
                        return storage
        finally:
            self.lock.release()
        return None

    def give_back(self, use: Use) -> None:
        """What an array that is gone has used. Runs wherever Python frees the array, also within these methods."""
        del self.uses[id(use)]
        self.returned.append(use.storage)
        self.settle()

    def unlock(self) -> None:
        """In a new process, where the thread that held the lock is not."""
        self.lock = Lock()

    def settle(self) -> None:
        """Returned memory is idle from now on, and what is beyond the limit is freed, the longest idle first."""
        while (self.returned or self.held > self.limit) and self.lock.acquire(False):
            try:
                if self.returned:
                    self.idle.append(self.returned.popleft())
                    self.held += self.idle[-1].size
                while self.held > self.limit:
                    self.held -= self.idle.pop(0).size
            finally:
                self.lock.release()


def new(size: int) -> Storage:
    """Memory of the system's."""
    raw = Storage((size + ALIGNED,), np.uint8)
    begin = -raw.ctypes.data % ALIGNED
    return raw[begin : begin + size].view(Storage)


def rounded(nbytes: int) -> int:
    """The size with its first four binary digits kept, rounded up: sizes that differ little fit each other's memory."""
    step = 1 << (nbytes.bit_length() - 4)
    return -(-nbytes // step) * step


def counted(idle: list[Storage], i: int) -> tuple[Storage, tuple[int, int]]:
    """Idle memory taken from the list, and how many references there are to it and to the block that it is part of.

    To the block, too: views of a `Storage` that are of its type, and plain ones in places, refer to the block.
    """
    storage = idle.pop(i)
    return storage, (getrefcount(storage), getrefcount(storage.base))


ALONE = counted([new(1)], 0)[1]
"""The references to memory that nothing else refers to, counted the same way (versions of Python count differently)."""
POOL = Pool(KEPT)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.unlock)


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """An array of any values."""
    nbytes = math.prod(shape) * dtype.itemsize
    return np.empty(shape, dtype) if nbytes < LARGE or dtype.hasobject else POOL.array(shape, dtype, nbytes)


def full(shape: tuple[int, ...], value: Any, dtype: np.dtype[Any]) -> Any:
    """An array of one value."""
    out = empty(shape, dtype)
    out[...] = value
    return out


def keep_memory(limit: int) -> None:
    """At most `limit` bytes of arrays that are gone are kept for later ones; 0 frees what there is and keeps none.

    At first it is 256 MiB. Only results of 128 KiB or more are concerned, and only once nothing refers to them.

    >>> keep_memory(1 << 30)
    """
    POOL.limit = max(limit, 0)
    POOL.settle()
