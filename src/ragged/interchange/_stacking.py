"""Arrays and numbers of frameworks that stand in Python lists: joined where they live, so that gradients flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.array import Array
from ragged.errors import StructureError
from ragged.nodes import Flat, Lists, Node
from ragged.operands import NODES, at_home, common_backend, map_flats, operands
from ragged.registry import backend_of_dense, get_backend, native_node
from ragged.rows import Rows
from ragged.sizes import is_known
from ragged.traverse import contents_of

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["owned", "owner_of", "stacked"]


def holds_content(x: Any) -> bool:
    """Whether `x` is an Array, or an array or tracer that must stay on its framework."""
    if isinstance(x, Array) or native_node(x) is not None:
        return True
    owner = backend_of_dense(x)
    return owner is not None and (owner.level > 0 or owner.name != "numpy")


def stacked(items: list[Any]) -> Node | None:
    """A list of arrays as one ragged axis over their joined content (0-d ones and numbers as a flat array); None where
    nothing in the list is an array of ragged or of a framework."""
    if not any(map(holds_content, items)):
        return None
    b, nodes, _ = operands(*items)
    if not any(isinstance(node, NODES) for node in nodes):
        return numbers(b, nodes)
    if not all(isinstance(node, Node) for node in nodes):
        raise StructureError("a list holds either arrays or numbers; this one holds both")
    import ragged

    content = ragged.concatenate([Array._of(node, b) for node in nodes]).layout
    ops, lengths = b.home(), [node.length for node in nodes]
    if all(map(is_known, lengths)):
        rows = Rows.from_lengths(ops, ops.asarray(np.array(lengths, np.int64)))
    else:
        rows = Rows.from_lengths(ops, ops.concat([ops.full((1,), length, "int64") for length in lengths]))
    return Lists(rows, content)


def numbers(b: Backend, values: list[Any]) -> Flat:
    """0-d arrays and Python numbers as one dense array; Python's promote weakly."""
    plain = [isinstance(x, bool | int | float | complex | np.generic) for x in values]
    dtype = np.result_type(*(x if is_plain else b.dtype(x) for x, is_plain in zip(values, plain, strict=True)))
    arrays = [
        b.asarray(np.asarray(x, dtype)) if is_plain else b.astype(b.asarray(x), dtype)
        for x, is_plain in zip(values, plain, strict=True)
    ]
    return Flat(b.concat([b.reshape(x, (1,)) for x in arrays]), len(values))


def owner_of(node: Any) -> Backend:
    """The backend that all of a layout's content can live on."""
    if isinstance(node, Flat):
        return backend_of_dense(node.data) or get_backend("numpy")
    return common_backend([owner_of(content) for content in contents_of(node)])


def owned(node: Node) -> tuple[Node, Backend]:
    """The layout with all content on one backend, and that backend."""
    b = owner_of(node)
    if b.name == "numpy" and not b.level:
        return node, b
    moved: Node = map_flats(node, lambda flat: Flat(b.asarray(flat.data), flat.length, flat.parameters))
    return at_home(b.home(), moved, get_backend("numpy")), b
