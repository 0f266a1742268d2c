"""Trees of arguments and results, split into the numbers that can be differentiated and the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._namespace import kind_of
from ragged.array import Array, Record
from ragged.context import active
from ragged.nodes import Flat, Lists, Node, Option, Regular, Union, Unknown, is_text, option
from ragged.nodes import Record as RecordNode
from ragged.operands import common_backend, map_flats, move
from ragged.registry import backend_of_dense, native_node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ragged.backend import Backend

__all__ = ["Skeleton", "Slot", "backend_among", "backend_for", "owner", "split", "tree_map"]

OURS = Array | Record
LISTED = {"awkward": "to_list", "pyarrow": "to_pylist"}
"""What arrays of other libraries have that their types and schemas have not."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one dense value: its number among the differentiable ones (`smooth`) or among the rest."""

    index: int
    smooth: bool
    shape: tuple[Any, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)


@dataclass(frozen=True, slots=True)
class Static:
    """A leaf without an array in it."""

    value: Any


def is_leaf(x: Any) -> bool:
    """Whether optree has to leave `x` alone."""
    return isinstance(x, OURS)


def tree_flatten(tree: Any) -> tuple[list[Any], Any]:
    """Leaves and structure; None is structure, as in JAX."""
    import optree  # loaded with the first transform: importing ragged stays fast

    leaves, treedef = optree.tree_flatten(tree, is_leaf=is_leaf)
    return [recognised(leaf) for leaf in leaves], treedef


def recognised(leaf: Any) -> Any:
    """Arrays of other libraries as ours."""
    listed = LISTED.get(type(leaf).__module__.partition(".")[0])
    if (listed is not None and hasattr(leaf, listed)) or native_node(leaf) is not None:
        from ragged.construct import build

        return build(leaf)
    return leaf


def tree_map(f: Any, tree: Any) -> Any:
    """`f` of every leaf."""
    leaves, treedef = tree_flatten(tree)
    return treedef.unflatten([f(leaf) for leaf in leaves])


def owner(leaf: Any) -> Backend | None:
    """The backend that a leaf's content lives on; None for numbers and other values."""
    if isinstance(leaf, OURS):
        array = leaf if isinstance(leaf, Array) else leaf._array
        backend: Backend = array._backend
        return backend
    return backend_of_dense(leaf)


def backend_for(*trees: Any) -> Backend:
    """Where a transform of these arguments runs: on the backend in use, else where they are."""
    return backend_among([owner(leaf) for tree in trees for leaf in tree_flatten(tree)[0]])


def backend_among(owners: Sequence[Backend | None]) -> Backend:
    """The same, given where each leaf is."""
    here = active()
    if here is None:
        return common_backend(owners)
    same = [b for b in owners if b is not None and b.base.name == here.base.name]
    deepest = max([here, *same], key=lambda b: b.level)
    return deepest if deepest.level or not same else here.hosting(common_backend(same))


class Skeleton:
    """A tree without its dense values: slots stand in their places."""

    def __init__(self, treedef: Any, leaves: list[Any]) -> None:
        self.treedef = treedef
        self.leaves = leaves

    def slots(self) -> Iterator[Slot]:
        """All slots, in order."""
        for leaf in self.leaves:
            if isinstance(leaf, Slot):
                yield leaf
            elif not isinstance(leaf, Static):
                yield from contents(leaf[1])

    def visible(self, b: Backend) -> list[Any]:
        """For each differentiable slot which of its entries are behind no missing value; None means all."""
        masks: dict[int, Any] = {}
        for leaf in self.leaves:
            if isinstance(leaf, Slot):
                masks |= {leaf.index: None} if leaf.smooth else {}
            elif not isinstance(leaf, Static):
                visible(b, leaf[1], None, masks)
        return [masks[i] for i in sorted(masks)]

    def fill(self, b: Backend, smooth: Sequence[Any], rest: Sequence[Any]) -> Any:
        """The tree with values in its slots, on `b`."""

        def value(slot: Slot) -> Any:
            return (smooth if slot.smooth else rest)[slot.index]

        def flat(node: Flat) -> Flat:
            return Flat(value(node.data), node.length, node.parameters)

        return self._unflatten(b, value, lambda node: map_flats(node, flat))

    def gradient(self, b: Backend, smooth: Sequence[Any]) -> Any:
        """The tree of a gradient: values in the differentiable slots, None (of type `?unknown`) in the others."""

        def value(slot: Slot) -> Any:
            return smooth[slot.index] if slot.smooth else None

        return self._unflatten(b, value, lambda node: gradient_node(b, node, smooth), static=None)

    def _unflatten(self, b: Backend, value: Any, node: Any, static: Any = ...) -> Any:
        leaves = []
        for leaf in self.leaves:
            if isinstance(leaf, Slot):
                leaves.append(scalar(value(leaf)))
            elif isinstance(leaf, Static):
                leaves.append(leaf.value if static is ... else static)
            else:
                kind, skeleton, attrs, behavior = leaf
                array = Array._of(node(skeleton), b, attrs, behavior)
                leaves.append(Record(array) if kind is Record else array)
        return self.treedef.unflatten(leaves)


def scalar(x: Any) -> Any:
    """NumPy's 0-d arrays as its scalars."""
    return x[()] if type(x) is np.ndarray and x.ndim == 0 else x


def split(b: Backend, tree: Any) -> tuple[Skeleton, list[Any], list[Any]]:
    """A tree as its skeleton, its differentiable dense values and its other ones, all on `b`."""
    smooth: list[Any] = []
    rest: list[Any] = []

    def slot(x: Any) -> Slot:
        dtype = b.dtype(x)
        values = smooth if kind_of(dtype) in "fc" else rest
        values.append(x)
        return Slot(len(values) - 1, values is smooth, tuple(b.shape(x)), dtype)

    def flat(node: Flat) -> Flat:
        return Flat(slot(node.data), node.length, node.parameters)

    leaves, treedef = tree_flatten(tree)
    skeletons: list[Any] = []
    for leaf in leaves:
        source = owner(leaf)
        if isinstance(leaf, Array | Record):
            array = leaf if isinstance(leaf, Array) else leaf._array
            node = map_flats(move(b, array.layout, source), flat)
            skeletons.append((type(leaf), node, array._attrs, array._behavior))
        elif isinstance(leaf, float | complex) or (source is not None and kind_of(source.dtype(leaf)) in "biufc"):
            skeletons.append(slot(leaf if source is b else b.asarray(leaf)))
        else:
            skeletons.append(Static(leaf))
    return Skeleton(treedef, skeletons), smooth, rest


def replace_numbers(b: Backend, node: Any, number: Callable[[Flat], Node]) -> Node:
    """A skeleton node with `number(flat)` for each differentiable `Flat`; `?unknown` for ints, booleans and text."""
    match node:
        case Flat(slot):
            return number(node) if slot.smooth else nothing(b, slot.shape)
        case Lists() | Regular() if is_text(node):
            return nothing(b, (node.length,))
        case Lists(rows, content, parameters):
            return Lists(rows, replace_numbers(b, content, number), parameters)
        case Regular(content, size, length, parameters):
            return Regular(replace_numbers(b, content, number), size, length, parameters)
        case RecordNode(fields, contents, length, parameters):
            return RecordNode(fields, tuple(replace_numbers(b, c, number) for c in contents), length, parameters)
        case Option(valid, content, parameters):
            return option(b, valid, replace_numbers(b, content, number), parameters)
        case Union(tags, index, contents, length, parameters):
            return Union(tags, index, tuple(replace_numbers(b, c, number) for c in contents), length, parameters)
    return node  # type: ignore[no-any-return]  # Unknown: nothing to replace


def gradient_node(b: Backend, node: Any, smooth: Any) -> Node:
    """A skeleton node filled with gradients."""
    return replace_numbers(b, node, lambda flat: Flat(smooth[flat.data.index], flat.length, flat.parameters))


def visible(b: Backend, node: Any, mask: Any, masks: dict[int, Any]) -> None:
    """Enter into `masks` which entries of each differentiable slot are behind no missing value."""
    match node:
        case Flat(slot):
            if slot.smooth:
                masks[slot.index] = mask
        case Lists(rows, content):
            visible(b, content, None if mask is None else rows.ops.repeat(mask, rows.lengths, rows.total), masks)
        case Regular(content, size):
            if mask is not None:
                ops = b.home(mask)
                mask = ops.reshape(ops.broadcast_to(mask[:, None], (node.length, size)), (node.length * size,))
            visible(b, content, mask, masks)
        case Option(valid, content):
            visible(b, content, valid if mask is None else mask & valid, masks)
        case RecordNode(_, parts) | Union(_, _, parts):
            for part in parts:
                visible(b, part, mask, masks)


def contents(node: Any) -> list[Any]:
    """What the dense nodes of a layout hold, in order."""
    found: list[Any] = []

    def visit(flat: Flat) -> Flat:
        found.append(flat.data)
        return flat

    map_flats(node, visit)
    return found


def nothing(b: Backend, shape: tuple[Any, ...]) -> Node:
    """Nones of type `?unknown`, in regular lists where the shape has several axes."""
    length, *sizes = shape
    if sizes:
        inner = nothing(b, (length * sizes[0], *sizes[1:]))
        return Regular(inner, sizes[0], length)
    return Option(b.home().full((length,), False, "bool"), Unknown(length))
