"""Arguments on their way into a program of static shapes: padded before the call, and arrays of sizes inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.array import Array
from ragged.compilation._layouts import Entering
from ragged.nodes import Flat, Lists, Option, Record, Regular, Union
from ragged.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Packing", "Unpacking", "in_room", "padded_ids", "padded_offsets"]


class Packing:
    """The leaves of one call as arrays for the compiled program; what stays on the host (sizes, rows) is kept beside.

    `contents` are the numbers of the arrays that are content, `donated` of those that the caller gives away.
    """

    sizes_dtype: Any = np.int64

    def __init__(
        self, leaves: Sequence[Any], capacities: Sequence[tuple[int, ...]], device: Any, donated: Sequence[int] = ()
    ) -> None:
        self.leaves, self.capacities, self.device = leaves, capacities, device
        self.contents: list[int] = []
        self.donated: list[int] = []
        self.arrays: list[Any] = []
        self.sizes: list[int] = []
        self.rows: list[Any] = []
        self._rows: set[int] = set()
        for i, (leaf, sizes) in enumerate(zip(leaves, capacities, strict=True)):
            begin = len(self.contents)
            self.keeps = i not in donated
            if isinstance(leaf, Array):
                remaining = iter(sizes)
                capacity, length = next(remaining), leaf.layout.length
                self.sizes.append(length)
                self.node(leaf.layout, 1 if length == 1 else capacity, remaining)
            else:
                self.contents.append(len(self.arrays))
                self.arrays.append(self.whole(leaf))
            if i in donated:
                self.donated += self.contents[begin:]
        if self.sizes:
            self.arrays.append(np.asarray(self.sizes, self.sizes_dtype))

    # ------------------------------------------------------------------ the framework's own

    def whole(self, x: Any) -> Any:
        """A dense value as the program takes it."""
        return x

    def with_room(self, x: Any, capacity: int, keeps: bool = False) -> Any:
        """An array with zeros behind it, up to a capacity; `keeps`: what is made for large content may be kept."""
        raise NotImplementedError

    def partition(self, rows: Any, capacity: int, total: int) -> Sequence[Any]:
        """Offsets and row ids."""
        raise NotImplementedError

    # ------------------------------------------------------------------ the walk

    def node(self, node: Any, capacity: int, capacities: Iterator[int]) -> None:
        """Pack a layout whose length has the given capacity."""
        match node:
            case Flat(data):
                self.contents.append(len(self.arrays))
                self.arrays.append(self.with_room(data, capacity, self.keeps))
            case Lists(rows, content):
                total = next(capacities)
                if id(rows) not in self._rows:
                    self._rows.add(id(rows))
                    self.rows.append(rows)
                    self.sizes.append(rows.total)
                    self.arrays += self.partition(rows, capacity, total)
                self.node(content, total, capacities)
            case Regular(content, size):
                self.node(content, capacity * size, capacities)
            case Record(_, contents):
                for content in contents:
                    self.node(content, capacity, capacities)
            case Option(valid, content):
                self.arrays.append(self.with_room(valid, capacity))
                self.node(content, capacity, capacities)
            case Union(tags, index, contents):
                self.arrays += [self.with_room(tags, capacity), self.with_room(index, capacity)]
                for content in contents:
                    self.sizes.append(content.length)
                    self.node(content, next(capacities), capacities)


def in_room(x: Any, capacity: int, empty: Callable[..., np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """A copy on the host with zeros behind it, in memory that `empty` gives."""
    n, *rest = x.shape
    room = empty((capacity, *rest), x.dtype)
    room[:n] = x
    room[n:] = 0
    return room


def padded_offsets(rows: Any, capacity: int, empty: Callable[..., Any], dtype: Any) -> np.ndarray[Any, Any]:
    """The offsets, with empty rows behind."""
    offsets: np.ndarray[Any, Any] = empty((capacity + 1,), np.dtype(dtype))
    offsets[: rows.nrows + 1] = rows.offsets
    offsets[rows.nrows + 1 :] = rows.total
    return offsets


def padded_ids(rows: Any, capacity: int, total: int, empty: Callable[..., Any]) -> np.ndarray[Any, Any]:
    """The row of each element, with the capacity of rows for what is none."""
    ids: np.ndarray[Any, Any] = empty((total,), np.dtype(np.int32))
    ids[: rows.total] = rows.ids
    ids[rows.total :] = capacity
    return ids


class Unpacking(Entering):
    """The leaves within the program, made of its arrays in the same order.

    `known` has the number of each size's array, `rows` that of each partition, by their ids within the program.
    """

    def __init__(self, b: Any, packed: Packing, arrays: Sequence[Any]) -> None:
        self.b, self.packed = b, packed
        self.known: dict[int, int] = {}
        self.rows: dict[int, int] = {}
        self._made: dict[int, Rows] = {}
        self._sizes: Iterator[Any] = iter(())
        self._capacities: Iterator[int] = iter(())
        if packed.sizes:
            *arrays, sizes = arrays
            self.roots = [sizes[i] for i in range(len(packed.sizes))]
            self.known = {id(size): i for i, size in enumerate(self.roots)}
            self._sizes = iter(self.roots)
        self._arrays = iter(arrays)
        self.leaves = [self.leaf(leaf, sizes) for leaf, sizes in zip(packed.leaves, packed.capacities, strict=True)]

    # ------------------------------------------------------------------ the framework's own

    def bounded(self, root: Any, capacity: int) -> Any:
        """A size of the program."""
        raise NotImplementedError

    def padded(self, data: Any, length: Any) -> Any:
        """An array of a length, with zeros behind it."""
        raise NotImplementedError

    def rows_of(self, offsets: Any, ids: Any, nrows: Any, total: Any) -> Rows:
        """Rows of the program, given their offsets and, in 32 bits, their row ids."""
        raise NotImplementedError

    # ------------------------------------------------------------------ the walk

    def leaf(self, leaf: Any, capacities: Sequence[int]) -> Any:
        """A leaf within the program."""
        if not isinstance(leaf, Array):
            return next(self._arrays)
        self._capacities = iter(capacities)
        length = self.size(leaf.layout.length)
        if leaf.layout.length == 1:  # which may stretch along others, and so is a program of its own
            length = 1
        return Array._of(self.node(leaf.layout, length), self.b, leaf._attrs, leaf._behavior)

    def size(self, size: int) -> Any:
        return self.bounded(next(self._sizes), next(self._capacities))

    def dense(self, x: Any, length: Any) -> Any:
        return self.padded(next(self._arrays), length)

    def partition(self, rows: Any, length: Any) -> Rows:
        capacity = next(self._capacities)
        if id(rows) not in self._made:
            offsets, ids = next(self._arrays), next(self._arrays)
            total = self.bounded(next(self._sizes), capacity)
            self._made[id(rows)] = made = self.rows_of(offsets, ids, length, total)
            self.rows[id(made)] = len(self.rows)
        return self._made[id(rows)]
