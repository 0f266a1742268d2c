"""Arrays and records as JAX pytrees: the content arrays are the children, the structure is static.

JAX puts all sorts of things where the content was (tracers, cotangents, whole Jacobian blocks, placeholders), so an
unflattened Array keeps them as they are, and becomes a layout when something asks for it (`_grow`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import jax
import numpy as np

from ragged.array import Array, Record
from ragged.nodes import Flat, Lists, Node, Option, Regular, Union, Unknown
from ragged.nodes import Record as RecordNode
from ragged.operands import common_backend, map_flats, move
from ragged.registry import backend_of_dense
from ragged_jax._compat import is_batched
from ragged_jax._grow import grow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ragged.backend import Backend

__all__ = ["register"]


class Static:
    """What does not change when content does: the nodes without their data, compared by value.

    `skeleton` is the layout with each Flat's data replaced by its number of axes. The backend, `attrs` and `behavior`
    travel along but do not count. `batched` tells that content had one more axis than it showed (`jax.vmap`).
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


class Pending:
    """The layout of an unflattened Array, not made yet."""

    __slots__ = ("backend", "leaves", "static")

    def __init__(self, static: Static, leaves: Sequence[Any], backend: Backend) -> None:
        self.static, self.leaves, self.backend = static, leaves, backend

    def __call__(self) -> Node:
        return self.layout(self.static.batched)

    def layout(self, leading: bool) -> Node:
        """The layout; `leading` tells that extra axes of the content are leading ones, if shapes do not."""
        leaves = [self.node(leaf) if isinstance(leaf, Array) else leaf for leaf in self.leaves]
        return grow(self.backend, self.static.skeleton, leaves, leading)

    def node(self, array: Array) -> Node:
        """The layout of an Array in a leaf's place: a block of a Jacobian, whose extra axes always lead."""
        pending = array._pending if array._node is None else None
        node = pending.layout(leading=True) if isinstance(pending, Pending) else array.layout
        return cast("Node", move(self.backend, node, array._backend))


def _flatten(array: Array) -> tuple[tuple[Any, ...], Static]:
    if array._node is None and isinstance(array._pending, Pending):
        pending = array._pending
        static, leaves = pending.static, tuple(pending.leaves)
        batched = any(map(is_batched, leaves))
        if batched != static.batched:
            static = Static(static.skeleton, static.backend, static.attrs, static.behavior, batched)
        return leaves, static
    found: list[Any] = []

    def without_data(flat: Flat) -> Flat:
        found.append(flat.data)
        return Flat(len(flat.data.shape), flat.length, flat.parameters)

    skeleton = map_flats(array.layout, without_data)
    return tuple(found), Static(skeleton, array._backend, array._attrs, array._behavior, any(map(is_batched, found)))


def _unflatten(static: Static, leaves: Iterable[Any]) -> Array:
    leaves = tuple(leaves)
    backend = _backend_of(leaves, static.backend)
    return Array._lazily(Pending(static, leaves, backend), backend, static.attrs, static.behavior)


def _backend_of(leaves: Sequence[Any], before: Backend) -> Backend:
    """Where content now is: what JAX gave back is JAX's, with the options that the array had."""
    found = [_backend_of_leaf(leaf, before) for leaf in leaves]
    return before if not found or None in found else common_backend(found)


def _backend_of_leaf(leaf: Any, before: Backend) -> Backend | None:
    if isinstance(leaf, Array):
        return leaf._backend
    if isinstance(leaf, jax.Array) and before.name == "jax":
        return before
    return backend_of_dense(leaf)


def _flatten_record(record: Record) -> tuple[tuple[Array], None]:
    return (record._array,), None


def _unflatten_record(static: None, children: Iterable[Any]) -> Record:
    record = object.__new__(Record)
    (record._array,) = children
    return record


def _same(a: Node, b: Node) -> bool:
    """Whether two skeletons are equal, structure by value."""
    if a is b:
        return True
    if type(a) is not type(b) or a.parameters != b.parameters:
        return False
    match a, b:
        case Flat(), Flat():
            return bool(a.data == b.data and a.length == b.length)
        case Lists(), Lists():
            return a.rows.same(b.rows) and _same(a.content, b.content)
        case Regular(), Regular():
            return bool(a.size == b.size and a.length == b.length) and _same(a.content, b.content)
        case RecordNode(), RecordNode():
            return bool(a.fields == b.fields and a.length == b.length) and _all_same(a.contents, b.contents)
        case Option(), Option():
            return np.array_equal(a.valid, b.valid) and _same(a.content, b.content)
        case Union(), Union():
            equal = np.array_equal(a.tags, b.tags) and np.array_equal(a.index, b.index)
            return equal and _all_same(a.contents, b.contents)
        case _:
            return bool(a.length == b.length)


def _all_same(a: Sequence[Node], b: Sequence[Node]) -> bool:
    return len(a) == len(b) and all(map(_same, a, b))


def _outline(node: Node) -> tuple[Any, ...]:
    """A cheap digest of a skeleton: its kinds and lengths."""
    match node:
        case Flat(ndim, length):
            return ("Flat", ndim, length)
        case Lists(rows, content):
            return ("Lists", rows.nrows, rows.total, _outline(content))
        case Regular(content, size, length):
            return ("Regular", size, length, _outline(content))
        case RecordNode(fields, contents, length):
            return ("Record", fields, length, *map(_outline, contents))
        case Option(_, content):
            return ("Option", _outline(content))
        case Union(_, _, contents, length):
            return ("Union", length, *map(_outline, contents))
        case Unknown(length):
            return ("Unknown", length)


def register() -> None:
    """Make `ragged.Array` and `ragged.Record` pytrees (once a process)."""
    jax.tree_util.register_pytree_node(Array, _flatten, _unflatten)
    jax.tree_util.register_pytree_node(Record, _flatten_record, _unflatten_record)
