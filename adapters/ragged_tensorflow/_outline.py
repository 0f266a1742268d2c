"""An array as what TensorFlow passes around (its tensors) and what stays behind (an outline with holes for them).

All content and structure leaves holes, so that one trace of a `tf.function` serves all batches, and branches may differ
in structure. Lengths are no part of an outline: they follow.
"""

from __future__ import annotations

from contextlib import nullcontext
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged._flattening import Static
from ragged.array import Array
from ragged.errors import StructureError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union, Unknown, regular
from ragged.rows import Rows
from ragged_tensorflow._compat import is_symbolic
from ragged_tensorflow._sizes import Size
from ragged_tensorflow._structure import is_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend

__all__ = ["Outline", "Refilled", "outlined"]


class Hole:
    """The place of one structure array or size; equal to itself alone."""

    __slots__ = ("number",)
    ops = nrows = total = None  # where an outline has rows, it may also have a hole

    def __init__(self, number: int) -> None:
        self.number = number

    def same(self, other: object) -> bool:
        """Whether the other is the same place."""
        return self is other

    def __repr__(self) -> str:
        return f"<structure {self.number}>"


hole = cache(Hole)


class Outline(Static):
    """An array without its tensors. Equality ignores `values`, the structure that its holes had, which stands in
    where TensorFlow has nothing to put there (the derivative by an integer)."""

    __slots__ = ("values",)

    def __init__(self, skeleton: Node, like: Array, values: Sequence[Any]) -> None:
        super().__init__(skeleton, like._backend, like._attrs, like._behavior, False)
        self.values = tuple(values)

    def holding(self, values: Sequence[Any]) -> Outline:
        """The same outline of an array with other structure."""
        new = copy(self)
        new.values = tuple(values)
        return new


class Outliner:
    """One walk over a layout that takes its tensors out."""

    def __init__(self) -> None:
        self.contents: list[Any] = []
        self.values: list[Any] = []
        self.holes: dict[int, Hole] = {}

    def value(self, x: Any) -> Any:
        """The hole that a structure array or a size leaves."""
        if id(x) in self.holes:
            return self.holes[id(x)]
        found = hole(len(self.values))
        self.values.append(x)
        if not isinstance(x, int):  # equal numbers are not the same one
            self.holes[id(x)] = found
        return found

    def walk(self, node: Any, length: Any = None) -> Node:
        """The outline of a node; `length` is given where it does not follow from anything else."""
        match node:
            case Flat(data, _, parameters):
                self.contents.append(data)
                return Flat(len(data.shape), None, parameters)
            case Lists(rows, content, parameters):
                return Lists(self.value(rows.offsets), self.walk(content), parameters)
            case Option(valid, content, parameters):
                return Option(self.value(valid), self.walk(content, length), parameters)
            case Regular(content, size, _, parameters):
                size = self.value(size) if is_unknown(size) else size
                return Regular(self.walk(content), size, length, parameters)
            case Record(fields, contents, _, parameters):
                return Record(fields, tuple(self.walk(each) for each in contents), length, parameters)
            case Union(tags, index, contents, _, parameters):
                parts = tuple(self.walk(each, self.length(each)) for each in contents)
                return Union(self.value(tags), self.value(index), parts, length, parameters)
            case _:
                return Unknown(length, node.parameters)

    def length(self, node: Node) -> Any:
        """The length of a node, or its hole, where nothing else tells it."""
        if isinstance(node, Flat | Lists | Option):
            return None
        return self.value(node.length)


def outlined(array: Array) -> tuple[Outline, tuple[Any, ...], tuple[Any, ...]]:
    """The outline, and the content and the structure that leave holes in it."""
    outliner = Outliner()
    node = array.layout
    skeleton = outliner.walk(node, outliner.length(node))
    return Outline(skeleton, array, outliner.values), tuple(outliner.contents), tuple(outliner.values)


class Refilled:
    """The layout of an array that TensorFlow has put together again, made on first use."""

    __slots__ = ("backend", "contents", "outline", "place", "values")

    def __init__(
        self,
        outline: Outline,
        backend: Backend,
        contents: Sequence[Any],
        values: Sequence[Any],
        place: Callable[..., Node],
    ) -> None:
        self.outline, self.backend, self.contents, self.place = outline, backend, tuple(contents), place
        self.values = tuple(old if new is None else new for new, old in zip(values, outline.values, strict=True))

    def __call__(self) -> Node:
        of_graph = next(filter(is_symbolic, (*self.values, *self.contents)), None)
        filler = Filler(self.backend, self.contents, self.values, self.place)
        with nullcontext() if of_graph is None else of_graph.graph.as_default():  # not in the branch that asks first
            return filler.fill(self.outline.skeleton, None)

    def placeholder(self) -> str | None:
        """How the array prints where it holds no numbers (structures that disagree are printed with a dot for each)."""
        if all(each is None or hasattr(each, "dtype") for each in self.contents):
            return None
        return f"<Array of {self.outline!r} with {', '.join(map(repr, self.contents))} for its content>"


class Filler:
    """One walk over an outline that puts tensors into its holes, and lengths where they follow."""

    def __init__(self, b: Backend, contents: Sequence[Any], values: Sequence[Any], place: Callable[..., Node]) -> None:
        self.b, self.ops, self.place = b, b.home(), place
        self.contents = iter(contents)
        self.given = values
        self.known_rows: dict[int, Rows] = {}

    def value(self, x: Any) -> Any:
        """What stands in a hole, as structure or as a size."""
        if type(x) is not Hole:
            return x
        x = self.given[x.number]
        if not isinstance(x, tf.Tensor):
            return Size(x) if isinstance(x, tf.TensorSpec) and x.shape.rank == 0 else x
        if x.shape.rank == 0:
            return Size(x) if is_symbolic(x) else int(x)
        return self.b.as_structure(x)

    def rows(self, rows: Any) -> Rows:
        """The rows of a hole; lists that shared theirs share the new ones."""
        if type(rows) is not Hole:
            return rows  # type: ignore[no-any-return]
        if rows.number not in self.known_rows:
            offsets = self.value(rows)
            unknown = Size(offsets) if isinstance(offsets, tf.TensorSpec) else None  # the type of a dataset's elements
            self.known_rows[rows.number] = Rows(self.ops, offsets, unknown, unknown)
        return self.known_rows[rows.number]

    def fill(self, node: Any, length: Any) -> Node:
        """The node of `length` entries (None: nobody knows from outside)."""
        match node:
            case Flat(ndim, _, parameters):
                return self.content(next(self.contents), ndim, length, parameters)
            case Lists(rows, content, parameters):
                rows = self.rows(rows)
                return Lists(rows, self.fill(content, rows.total), parameters)
            case Option(valid, content, parameters):
                valid = self.value(valid)
                n = self.ops.size(valid) if length is None else length
                return Option(valid, self.fill(content, n), parameters)
            case Regular(content, size, own, parameters):
                n, size = self.value(own) if length is None else length, self.value(size)
                return regular(self.b, self.fill(content, n * size), size, n, parameters)
            case Record(fields, contents, own, parameters):
                n = self.value(own) if length is None else length
                return Record(fields, tuple(self.fill(each, n) for each in contents), n, parameters)
            case Union(tags, index, contents, own, parameters):
                tags = self.value(tags)
                n = self.ops.size(tags) if length is None else length
                return Union(tags, self.value(index), tuple(self.fill(each, None) for each in contents), n, parameters)
            case _:
                return Unknown(self.value(node.length) if length is None else length, node.parameters)

    def content(self, leaf: Any, ndim: int, length: Any, parameters: Any) -> Node:
        """The node of a leaf, whose axes must be what they were."""
        shape = getattr(leaf, "shape", None)
        if leaf is not None and (shape is None or len(shape) != ndim):
            raise StructureError(
                f"a ragged array of this tf.function holds {leaf!r} where its numbers should be, with {ndim} axes: a "
                "map over it takes its elements, not its rows; write the program over the whole array"
            )
        if length is None and leaf is not None:
            is_type = isinstance(leaf, tf.TensorSpec)
            length = Size(leaf) if is_type else self.b.size(self.b.asarray(leaf))
        return self.place(self.b, leaf, length, parameters)
