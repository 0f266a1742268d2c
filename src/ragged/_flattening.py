"""Arrays as nodes of a framework's trees: content arrays are the leaves, the rest is static.

Frameworks put all sorts of things where the content was (tracers, cotangents, whole Jacobian blocks, placeholders), so
an unflattened Array keeps them as they are, and becomes a layout when something asks for it (`_growing`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ragged._growing import grow, is_place, places
from ragged.array import Array
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union, Unknown
from ragged.operands import at_home, map_flats, move
from ragged.registry import backend_of_dense
from ragged.sizes import is_known

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend

__all__ = ["Pending", "Static", "flattened", "plain"]

SHOWN = 8
"""Rows whose lengths are printed."""


class Static:
    """What does not change when content does: the nodes without their leaves, compared by value.

    `skeleton` is the layout with each leaf replaced by its number of axes. The backend, `attrs` and `behavior` travel
    along but do not count. `batched` tells that content had one more axis than it showed (`vmap`).
    """

    __slots__ = ("_hash", "attrs", "backend", "batched", "behavior", "skeleton")

    def __init__(self, skeleton: Node, backend: Backend, attrs: Any, behavior: Any, batched: bool) -> None:
        self.skeleton, self.backend, self.batched = skeleton, backend, batched
        self.attrs, self.behavior = attrs, behavior
        self._hash: int | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and _same(self.skeleton, other.skeleton)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(_outline(self.skeleton))
        return self._hash

    def __repr__(self) -> str:
        return f"<structure of {_outline(self.skeleton)}>"


def plain(b: Backend, leaf: Any, shape: tuple[Any, ...], length: Any, parameters: Any) -> Node:
    """The node of a leaf that is an array."""
    return Flat(b.reshape(b.asarray(leaf), shape), length, parameters)


class Pending:
    """The layout of an unflattened Array, not made yet; `place` is the node of a leaf (see `grow`)."""

    __slots__ = ("backend", "leaves", "made", "place", "static")

    def __init__(
        self, static: Static, leaves: Sequence[Any], backend: Backend, place: Callable[..., Node] = plain
    ) -> None:
        self.static, self.leaves, self.backend, self.place = static, leaves, backend, place
        self.made: Node | None = None

    def __call__(self) -> Node:
        return self.layout(self.static.batched) if self.made is None else self.made

    def grows(self) -> bool:
        """Whether the leaves have more axes than their places."""
        specs = places(self.static.skeleton)
        return any(getattr(leaf, "ndim", 0) > spec.data for leaf, spec in zip(self.leaves, specs, strict=True))

    def layout(self, leading: bool) -> Node:
        """The layout; `leading` tells that extra axes of the content are leading ones, if shapes do not."""
        leaves = [self.node(leaf) if isinstance(leaf, Array) else leaf for leaf in self.leaves]
        skeleton = self.static.skeleton
        home, before = self.backend.home(), self.static.backend.home()
        if home is not before:  # the content was moved to another device
            skeleton = at_home(home, map_flats(skeleton, self.constant), before)
        return grow(self.backend, skeleton, leaves, leading, self.place)

    def placeholder(self) -> str | None:
        """How the array prints where its leaves are no numbers (trees print themselves with `*` for each)."""
        if all(isinstance(leaf, Array | Node) or hasattr(leaf, "dtype") for leaf in self.leaves):
            return None
        skeleton, lengths = self.static.skeleton, ""
        if isinstance(skeleton, Lists) and is_known(skeleton.length):
            rows, more = skeleton.rows, ", ..." if skeleton.length > SHOWN else ""
            lengths = f" of lengths {', '.join(map(str, rows.ops.to_numpy(rows.lengths[:SHOWN]).tolist()))}{more}"
        return f"<Array of {skeleton.length} rows{lengths} with {', '.join(map(repr, self.leaves))} for its content>"

    def constant(self, flat: Flat) -> Flat:
        """A constant of the skeleton where the leaves are."""
        return flat if is_place(flat) else Flat(self.backend.asarray(flat.data), flat.length, flat.parameters)

    def node(self, array: Array) -> Node:
        """The layout of an Array in a leaf's place: a block of a Jacobian, whose extra axes always lead."""
        pending = array._pending if array._node is None else None
        node = pending.layout(leading=True) if isinstance(pending, Pending) else array.layout
        return cast("Node", move(self.backend, node, array._backend))


def flattened(
    array: Array, is_batched: Callable[[Any], bool], is_leaf: Callable[[Any], bool] | None = None
) -> tuple[tuple[Any, ...], Static]:
    """The content that is a leaf (by default all of it), and the rest."""
    if array._node is None and isinstance(array._pending, Pending):
        pending = array._pending
        static, leaves = pending.static, tuple(pending.leaves)
        batched = any(map(is_batched, leaves))
        if batched != static.batched:
            static = Static(static.skeleton, static.backend, static.attrs, static.behavior, batched)
        return leaves, static
    found: list[Any] = []

    def without_data(flat: Flat) -> Flat:
        if is_leaf is not None and not is_leaf(flat.data):
            return flat
        found.append(flat.data)
        return Flat(len(flat.data.shape), flat.length, flat.parameters)

    skeleton = map_flats(array.layout, without_data)
    return tuple(found), Static(skeleton, array._backend, array._attrs, array._behavior, any(map(is_batched, found)))


def _same(a: Node, b: Node) -> bool:
    """Whether two skeletons are equal, structure by value."""
    if a is b:
        return True
    if type(a) is not type(b) or a.parameters != b.parameters:
        return False
    match a, b:
        case Flat(), Flat():
            places = is_place(a), is_place(b)
            equal = a.data == b.data if all(places) else not any(places) and _equal(a.data, b.data)
            return bool(equal and a.length == b.length)
        case Lists(), Lists():
            return a.rows.same(b.rows) and _same(a.content, b.content)
        case Regular(), Regular():
            return bool(a.size == b.size and a.length == b.length) and _same(a.content, b.content)
        case Record(), Record():
            return bool(a.fields == b.fields and a.length == b.length) and _all_same(a.contents, b.contents)
        case Option(), Option():
            return _equal(a.valid, b.valid) and _same(a.content, b.content)
        case Union(), Union():
            return _equal(a.tags, b.tags) and _equal(a.index, b.index) and _all_same(a.contents, b.contents)
        case _:
            return bool(a.length == b.length)


def _all_same(a: Sequence[Node], b: Sequence[Node]) -> bool:
    return len(a) == len(b) and all(map(_same, a, b))


def _equal(x: Any, y: Any) -> bool:
    """Whether two constant arrays are equal: by identity, then by value."""
    if x is y:
        return True
    one, other = backend_of_dense(x), backend_of_dense(y)
    return one is not None and one is other and one.dtype(x) == one.dtype(y) and one.equal(x, y)


def _outline(node: Node) -> tuple[Any, ...]:
    """A cheap digest of a skeleton: its kinds and lengths."""
    match node:
        case Flat(data, length):
            return ("Flat", data if is_place(node) else None, length)
        case Lists(rows, content):
            return ("Lists", rows.nrows, rows.total, _outline(content))
        case Regular(content, size, length):
            return ("Regular", size, length, _outline(content))
        case Record(fields, contents, length):
            return ("Record", fields, length, *map(_outline, contents))
        case Option(_, content):
            return ("Option", _outline(content))
        case Union(_, _, contents, length):
            return ("Union", length, *map(_outline, contents))
        case Unknown(length):
            return ("Unknown", length)
