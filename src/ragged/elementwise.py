"""Elementwise functions of ragged, dense and scalar operands: `elementwise(name, *args)` is behind every operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.array import Array
from ragged.nodes import Flat, Lists
from ragged.operands import operands, wrap

if TYPE_CHECKING:
    from ragged.backend import Backend
    from ragged.nodes import Node

__all__ = ["elementwise"]

SCALARS = frozenset({bool, int, float, complex})
TWO_RESULTS = frozenset({"divmod", "modf", "frexp"})


def elementwise(name: str, *args: Any) -> Any:
    """The elementwise function `name` of the operands, which broadcast as Awkward's do."""
    if len(args) == 2:
        x, y = args
        if type(x) is Array and name not in TWO_RESULTS:
            if type(y) in SCALARS:
                node = map_node(x._backend, name, x.layout, y)
                if node is not None:
                    return Array._of(node, x._backend)
            elif type(y) is Array and x._backend is y._backend:
                node = zip_nodes(x._backend, name, x.layout, y.layout)
                if node is not None:
                    return Array._of(node, x._backend)
    elif type(args[0]) is Array and name not in TWO_RESULTS:
        node = map_node(args[0]._backend, name, args[0].layout)
        if node is not None:
            return Array._of(node, args[0]._backend)
    raise NotImplementedError("broadcasting is being written")


def map_node(b: Backend, name: str, node: Node, *scalars: Any) -> Node | None:
    """The function of each number, where the layout is lists of numbers and nothing else; else None."""
    if type(node) is Lists and node.parameters is None:
        content = map_node(b, name, node.content, *scalars)
        return None if content is None else Lists(node.rows, content)
    if type(node) is Flat and node.parameters is None:
        return Flat(b.apply(name, node.data, *scalars), node.length)
    return None


def zip_nodes(b: Backend, name: str, x: Node, y: Node) -> Node | None:
    """The function of numbers pairwise, where both layouts share their rows; else None."""
    if type(x) is Lists and type(y) is Lists:
        if x.rows is not y.rows or x.parameters is not None or y.parameters is not None:
            return None
        content = zip_nodes(b, name, x.content, y.content)
        return None if content is None else Lists(x.rows, content)
    if type(x) is Flat and type(y) is Flat and x.parameters is None and y.parameters is None:
        if x.data.shape == y.data.shape:
            return Flat(b.apply(name, x.data, y.data), x.length)
    return None


def array_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """NEP 13: a NumPy ufunc of at least one ragged operand."""
    return elementwise(ufunc.__name__, *inputs)
