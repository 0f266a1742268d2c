"""Arguments on their way into a program of XLA: padded before the call, and arrays of unknown length inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged.array import Array
from ragged.nodes import Flat, Lists, Option, Record, Regular, Union, Unknown
from ragged.rows import Rows
from ragged_numpy._memory import empty
from ragged_tensorflow._compat import is_recorded
from ragged_tensorflow._index import WORTH_KEEPING, kept
from ragged_tensorflow._sharing import handed_over
from ragged_tensorflow._xla_checks import compilation
from ragged_tensorflow._xla_padded import Padded, fitted, padded
from ragged_tensorflow._xla_sizes import Bounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Entering", "Packed"]


class Packed:
    """The leaves of one call as arrays for the compiled program; what stays on the host is kept beside."""

    def __init__(self, leaves: Sequence[Any], capacities: Sequence[tuple[int, ...]], device: Any) -> None:
        self.leaves, self.capacities, self.device = leaves, capacities, device
        self.arrays: list[Any] = []
        self.sizes: list[int] = []
        self.rows: list[Any] = []
        self._rows: dict[int, int] = {}
        for leaf, sizes in zip(leaves, capacities, strict=True):
            if isinstance(leaf, Array):
                remaining = iter(sizes)
                capacity, length = next(remaining), leaf.layout.length
                self.sizes.append(length)
                self.node(leaf.layout, 1 if length == 1 else capacity, remaining)
            else:
                self.arrays.append(leaf)
        if self.sizes:
            self.arrays.append(np.asarray(self.sizes, np.int64))

    def node(self, node: Any, capacity: int, capacities: Iterator[int]) -> None:
        """Pack a layout whose length has the given capacity."""
        match node:
            case Flat(data):
                self.arrays.append(with_room(data, capacity))
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


def with_room(x: Any, capacity: int) -> Any:
    """An array with zeros behind it, up to a capacity."""
    if x.shape[0] == capacity:
        return x
    if isinstance(x, tf.Tensor) and (is_recorded((x,)) or "CPU" not in x.device or x.dtype == tf.bfloat16):
        return fitted(x, capacity)
    x = np.asarray(x)
    room = empty((capacity, *x.shape[1:]), x.dtype)  # aligned where it is large, so that TensorFlow takes it as it is
    room[: x.shape[0]] = x
    room[x.shape[0] :] = 0
    return tensor(room)


def tensor(x: np.ndarray[Any, Any]) -> Any:
    """The tensor of what was just made."""
    found = handed_over(x)
    return tf.convert_to_tensor(x) if found is None else found


def partition(rows: Any, capacity: int, total: int, device: Any) -> list[Any]:
    """Offsets and row ids; those of many elements stay tensors as long as the rows live."""
    if rows.total < WORTH_KEEPING:
        return [padded_offsets(rows, capacity), padded_ids(rows, capacity, total)]
    return [
        kept(rows, (device, "offsets", capacity), lambda rows: tensor(padded_offsets(rows, capacity))),
        kept(rows, (device, "ids", capacity, total), lambda rows: tensor(padded_ids(rows, capacity, total))),
    ]


def padded_offsets(rows: Any, capacity: int) -> Any:
    """The offsets, with empty rows behind."""
    offsets = empty((capacity + 1,), np.dtype(np.int64))
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
    """The leaves within the program, made of its tensors in the same order."""

    def __init__(self, b: Any, packed: Packed, arrays: Sequence[Any]) -> None:
        self.b, self.packed = b, packed
        self.known: dict[int, int] = {}  # the number of each size's tensor
        self.rows: dict[int, int] = {}  # the number of each partition, by its object within the program
        self._made: dict[int, Rows] = {}
        self._sizes: Iterator[Any] = iter(())
        if packed.sizes:
            *arrays, sizes = arrays
            self.tensors = tf.unstack(sizes)
            self.known = {id(size): i for i, size in enumerate(self.tensors)}
            self._sizes = iter(self.tensors)
        self._arrays = iter(arrays)
        self.leaves = [self.array(leaf, sizes) for leaf, sizes in zip(packed.leaves, packed.capacities, strict=True)]

    def array(self, leaf: Any, capacities: Sequence[int]) -> Any:
        """A leaf within the program."""
        if not isinstance(leaf, Array):
            return next(self._arrays)
        remaining = iter(capacities)
        length: Any = Bounded(next(self._sizes), next(remaining))
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
                lists = [self.node(each, Bounded(next(sizes), next(capacities)), capacities) for each in contents]
                return Union(tags, index, tuple(lists), length, parameters)
            case Unknown(_, parameters):
                return Unknown(length, parameters)
        raise TypeError(f"not a node: {type(node).__name__}")

    def partition(self, nrows: Any, capacity: int) -> Rows:
        """Rows whose offsets and row ids are arguments."""
        offsets, ids = next(self._arrays), next(self._arrays)
        total = Bounded(next(self._sizes), capacity)
        rows = Rows(self.b.home(), padded(offsets, (nrows + 1,)), nrows, total)
        rows._ids = Padded(tf.cast(ids, tf.int64), (total,), False, ids)
        self.rows[id(rows)] = len(self.rows)
        return rows
