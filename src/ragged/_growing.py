"""A layout from a skeleton and what a framework put in the content's places."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ragged.errors import StructureError, UnsupportedError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union, Unknown, regular
from ragged.rows import Rows
from ragged.traverse import contents_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ragged.backend import Backend

__all__ = ["grow", "is_place", "places"]

NODES = (Flat, Lists, Regular, Record, Option, Union, Unknown)
WAY_OUT = (
    "A framework's vmap, scan and tree_map over a ragged array take its elements, not its rows: map over dense "
    "arguments, or write the program over the whole array"
)


def grow(b: Backend, skeleton: Node, leaves: Sequence[Any], leading: bool, place: Callable[..., Node]) -> Node:
    """The layout, with extra leading axes of all the content as regular dimensions around it.

    A node in a leaf's place becomes content (a Jacobian has the type of y times x), and so do extra trailing axes
    (a Jacobian by a dense argument). Where shapes cannot tell leading axes from trailing ones, `leading` must.
    `place(b, leaf, shape, length, parameters)` is the node of a leaf.

    Raises:
        StructureError: a leaf that does not fit the structure.
    """
    specs = list(places(skeleton))
    extra = {_extra(leaf, spec) for leaf, spec in zip(leaves, specs, strict=True)}
    if len(extra) > 1:
        raise StructureError(f"content with {sorted(extra)} extra axes in one ragged array. {WAY_OUT}")
    count = extra.pop() if extra else 0
    shape = _leading_axes(leaves, specs, count, leading) if count else ()
    node = _Filler(b, leaves, shape, place).fill(skeleton)
    if shape:
        node = regular(b, node, skeleton.length, math.prod(shape))
        for axis in range(len(shape) - 1, 0, -1):
            node = regular(b, node, shape[axis], math.prod(shape[:axis]))
    return node


def is_place(flat: Flat) -> bool:
    """Whether a skeleton's dense node is the place of a leaf (its `data` is the number of axes), not a constant."""
    return isinstance(flat.data, int)


def places(node: Node) -> Iterator[Flat]:
    if isinstance(node, Flat) and is_place(node):
        yield node
    for content in contents_of(node):
        yield from places(content)


def _extra(leaf: Any, spec: Flat) -> int:
    """Number of axes that a leaf has beyond its place's."""
    if isinstance(leaf, NODES):
        if leaf.length != spec.length:
            raise StructureError(f"a block of {leaf.length} entries in the place of {spec.length}. {WAY_OUT}")
        return 0
    shape = getattr(leaf, "shape", None)
    if shape is None or not hasattr(leaf, "dtype"):
        raise StructureError(f"this ragged array holds a {type(leaf).__name__} ({leaf!r}) where its numbers should be")
    extra: int = len(shape) - spec.data
    if extra < 0 or (extra == 0 and shape[0] not in (spec.length, None)):  # None: a graph will tell
        raise StructureError(
            f"content of shape {tuple(shape)} in the place of {spec.length} entries with {spec.data} axes. {WAY_OUT}"
        )
    return extra


def _leading_axes(leaves: Sequence[Any], specs: Sequence[Flat], count: int, leading: bool) -> tuple[int, ...]:
    """The extra axes if they are leading ones; () if they are trailing ones."""
    shape: tuple[int, ...] = tuple(leaves[0].shape[:count])
    leads = all(
        leaf.shape[:count] == shape and leaf.shape[count] == spec.length
        for leaf, spec in zip(leaves, specs, strict=True)
    )
    trails = all(leaf.shape[0] == spec.length for leaf, spec in zip(leaves, specs, strict=True))
    if leads and trails and not leading:
        raise StructureError(
            f"content of shape {tuple(leaves[0].shape)} in the place of {specs[0].length} entries: nothing tells which "
            "of the equal axes is the new one; take this Jacobian with ragged.jacobian"
        )
    if not leads and not trails:
        raise StructureError(
            f"content of shape {tuple(leaves[0].shape)} in the place of {specs[0].length} entries. {WAY_OUT}"
        )
    return shape if leads else ()


class _Filler:
    """One pass over a skeleton that puts its content back, once for each entry of the leading axes."""

    def __init__(self, b: Backend, leaves: Sequence[Any], shape: tuple[int, ...], place: Callable[..., Node]) -> None:
        self.b = b
        self.leaves = iter(leaves)
        self.place = place
        self.axes = len(shape)
        self.copies = math.prod(shape)
        self.rows: dict[int, Rows] = {}

    def fill(self, node: Node) -> Node:
        n = self.copies
        match node:
            case Flat(data, length, parameters):
                if is_place(node):
                    return self.content(next(self.leaves), length * n, parameters)
                return Flat(data if n == 1 else repeated(self.b, data, n), length * n, parameters)
            case Lists(rows, content, parameters):
                return Lists(self.repeated_rows(rows), self.fill(content), parameters)
            case Regular(content, size, length, parameters):
                return Regular(self.fill(content), size, length * n, parameters)
            case Record(fields, contents, length, parameters):
                return Record(fields, tuple(map(self.fill, contents)), length * n, parameters)
            case Option(valid, content, parameters):
                if n != 1:
                    valid = repeated(self.b.home(valid), valid, n)
                return Option(valid, self.fill(content), parameters)
            case Unknown(length, parameters):
                return Unknown(length * n, parameters)
            case Union(tags, index, contents, length, parameters) if not self.axes:
                return Union(tags, index, tuple(map(self.fill, contents)), length, parameters)
        raise UnsupportedError("a union gets no extra axis from vmap or a Jacobian; take its parts by type first")

    def content(self, leaf: Any, length: int, parameters: Any) -> Node:
        if isinstance(leaf, NODES):
            return leaf
        return self.place(self.b, leaf, (length, *leaf.shape[self.axes + 1 :]), length, parameters)

    def repeated_rows(self, rows: Rows) -> Rows:
        """The rows, once for each copy; lists that shared them share the new ones."""
        if self.copies == 1:
            return rows
        if id(rows) not in self.rows:
            lengths = repeated(rows.ops, rows.lengths, self.copies)
            self.rows[id(rows)] = Rows.from_lengths(rows.ops, lengths, rows.total * self.copies)
        return self.rows[id(rows)]


def repeated(b: Backend, x: Any, n: int) -> Any:
    """An array `n` times over, along axis 0."""
    length, *rest = x.shape
    return b.reshape(b.broadcast_to(b.reshape(x, (1, length, *rest)), (n, length, *rest)), (n * length, *rest))
