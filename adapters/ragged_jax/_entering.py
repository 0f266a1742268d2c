"""Arguments on their way into a compiled program: padded on the host, and arrays of traced length inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jax import lax

from ragged.array import Array
from ragged.memory import is_frozen
from ragged.nodes import Flat, Lists, Option, Record, Regular, Union, Unknown
from ragged.rows import Rows
from ragged_jax._checks import compilation
from ragged_jax._compat import Tracer, is_committed
from ragged_jax._dtypes import structural
from ragged_jax._index import WORTH_KEEPING, have_met, on_device
from ragged_jax._padded import Padded, fitted, padded
from ragged_jax._sizes import Size
from ragged_numpy._memory import KEPT, LARGE, empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Entering", "Packed"]


class Packed:
    """The leaves of one call as arrays for the compiled program; what stays on the host is kept beside."""

    def __init__(
        self, leaves: Sequence[Any], capacities: Sequence[tuple[int, ...]], device: Any, donated: Sequence[int] = ()
    ) -> None:
        self.leaves, self.capacities, self.device = leaves, capacities, device
        self.contents: list[int] = []  # which arrays are content
        self.donated: list[int] = []  # those of them that the caller gives away
        self.arrays: list[Any] = []
        self.sizes: list[int] = []
        self.rows: list[Any] = []
        self._rows: dict[int, int] = {}
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
                self.arrays.append(owned(leaf) if type(leaf) is np.ndarray else leaf)
            if i in donated:
                self.donated += self.contents[begin:]
        if self.sizes:
            self.arrays.append(np.asarray(self.sizes, np.int32))

    def node(self, node: Any, capacity: int, capacities: Iterator[int]) -> None:
        """Pack a layout whose length has the given capacity."""
        match node:
            case Flat(data):
                self.contents.append(len(self.arrays))
                self.arrays.append(with_room(data, capacity, self.keeps))
            case Lists(rows, content):
                total = next(capacities)
                if id(rows) not in self._rows:
                    self._rows[id(rows)] = len(self.rows)
                    self.rows.append(rows)
                    self.sizes.append(rows.total)
                    self.arrays += partition(rows, capacity, total, self.device)
                self.node(content, total, capacities)
            case Regular(content, size):
                self.node(content, capacity * size, capacities)
            case Record(_, contents):
                for content in contents:
                    self.node(content, capacity, capacities)
            case Option(valid, content):
                self.arrays.append(with_room(valid, capacity))
                self.node(content, capacity, capacities)
            case Union(tags, index, contents):
                self.arrays += [with_room(tags, capacity), with_room(index, capacity)]
                for content in contents:
                    self.sizes.append(content.length)
                    self.node(content, next(capacities), capacities)


def with_room(x: Any, capacity: int, keeps: bool = True) -> Any:
    """An array with zeros behind it, up to a capacity; of large content that comes again it is kept, unless the caller
    gives it away."""
    n = x.shape[0]
    if not isinstance(x, np.ndarray):
        if n == capacity:
            return x
        device = None if isinstance(x, Tracer) else next(iter(x.devices()))
        if device is None or device.platform != "cpu":
            return fitted(x, capacity)
        if keeps and LARGE <= x.nbytes <= KEPT and have_met(x):
            return on_device(x, device if is_committed(x) else None, lambda x: in_room(x, capacity), capacity)
    elif n == capacity:
        return owned(x)
    return in_room(x, capacity)


def in_room(x: Any, capacity: int) -> Any:
    """A copy on the host with zeros behind it."""
    n, *rest = x.shape
    room = empty((capacity, *rest), x.dtype)  # aligned where it is large, so that JAX takes it as it is
    room[:n] = x
    room[n:] = 0
    return room


def owned(x: Any) -> Any:
    """Memory that nobody can write to while the program runs, which is after the call."""
    if is_frozen(x):
        return x
    copy = empty(x.shape, x.dtype)
    copy[...] = x
    return copy


def partition(rows: Any, capacity: int, total: int, device: Any) -> list[Any]:
    """Offsets and row ids; those of many elements that come again stay on the device as long as the rows live."""
    makers: dict[str, Callable[[Any], Any]] = {
        "offsets": lambda rows: padded_offsets(rows, capacity),
        "ids": lambda rows: padded_ids(rows, capacity, total),
    }
    if rows.total < WORTH_KEEPING or not have_met(rows):
        return [make(rows) for make in makers.values()]
    return [on_device(rows, device, make, (name, capacity, total, structural())) for name, make in makers.items()]


def padded_offsets(rows: Any, capacity: int) -> Any:
    """The offsets, with empty rows behind."""
    offsets = empty((capacity + 1,), structural())
    offsets[: rows.nrows + 1] = rows.offsets
    offsets[rows.nrows + 1 :] = rows.total
    return offsets


def padded_ids(rows: Any, capacity: int, total: int) -> Any:
    """The row of each element, with the capacity of rows for what is none."""
    ids = empty((total,), np.dtype(np.int32))
    ids[: rows.total] = rows.ids
    ids[rows.total :] = capacity
    return ids


class Entering:
    """The leaves within the program, made of tracers in the same order."""

    def __init__(self, b: Any, packed: Packed, arrays: Sequence[Any]) -> None:
        self.b, self.packed = b, packed
        self.known: dict[int, int] = {}  # the number of each size's tracer
        self.rows: dict[int, int] = {}  # the number of each partition, by its object within the program
        self._made: dict[int, Rows] = {}
        self._sizes: Iterator[Any] = iter(())
        if packed.sizes:
            *arrays, sizes = arrays
            self.tracers = [sizes[i] for i in range(len(packed.sizes))]
            self.known = {id(size): i for i, size in enumerate(self.tracers)}
            self._sizes = iter(self.tracers)
        self._arrays = iter(arrays)
        self.leaves = [self.array(leaf, sizes) for leaf, sizes in zip(packed.leaves, packed.capacities, strict=True)]

    def array(self, leaf: Any, capacities: Sequence[int]) -> Any:
        """A leaf within the program."""
        if not isinstance(leaf, Array):
            return next(self._arrays)
        remaining = iter(capacities)
        length: Any = Size(next(self._sizes), next(remaining))
        if leaf.layout.length == 1:  # which may stretch along others, and so is a program of its own
            length = 1
        return Array._of(self.node(leaf.layout, length, remaining), self.b, leaf._attrs, leaf._behavior)

    def dense(self, length: Any) -> Any:
        """The next array, of a length."""
        data = next(self._arrays)
        return padded(data, (length, *data.shape[1:]), not compilation().plant)  # there are zeros behind it

    def node(self, node: Any, length: Any, capacities: Iterator[int]) -> Any:
        """A layout of a length."""
        match node:
            case Flat(_, _, parameters):
                return Flat(self.dense(length), length, parameters)
            case Lists(rows, content, parameters):
                total = next(capacities)
                if id(rows) not in self._made:
                    self._made[id(rows)] = self.partition(length, total)
                made = self._made[id(rows)]
                return Lists(made, self.node(content, made.total, capacities), parameters)
            case Regular(content, size, _, parameters):
                return Regular(self.node(content, length * size, capacities), size, length, parameters)
            case Record(fields, contents, _, parameters):
                parts = tuple(self.node(content, length, capacities) for content in contents)
                return Record(fields, parts, length, parameters)
            case Option(_, content, parameters):
                valid = self.dense(length)
                return Option(valid, self.node(content, length, capacities), parameters)
            case Union(_, _, contents, _, parameters):
                tags, index, sizes = self.dense(length), self.dense(length), self._sizes
                lists = [self.node(each, Size(next(sizes), next(capacities)), capacities) for each in contents]
                return Union(tags, index, tuple(lists), length, parameters)
            case Unknown(_, parameters):
                return Unknown(length, parameters)
        raise TypeError(f"not a node: {type(node).__name__}")

    def partition(self, nrows: Any, capacity: int) -> Rows:
        """Rows whose offsets and row ids are arguments."""
        offsets, ids = next(self._arrays), next(self._arrays)
        total = Size(next(self._sizes), capacity)
        rows = Rows(self.b.home(), padded(offsets, (nrows + 1,)), nrows, total)
        rows._ids = Padded(lax.convert_element_type(ids, structural()), (total,), False, ids)
        self.rows[id(rows)] = len(self.rows)
        return rows
