"""Matrix products: of dense values, of the vectors that lists hold with one matrix, and of matrices row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged._row_products import product_of_rows
from ragged.errors import StructureError, UnsupportedError
from ragged.nodes import Flat, Lists, Node, Option, Regular, is_text, option, regular, rows_of
from ragged.operands import operands, wrap
from ragged.traverse import depth_range

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["matrix_product"]


def matrix_product(name: str, *args: Any) -> Any:
    """`x @ y` of regular operands, of lists of vectors `x` and one matrix or vector `y`, or of a matrix in each row.

    Raises:
        StructureError: shapes that do not line up.
        UnsupportedError: other ragged operands, or another product than `matmul`.
    """
    b, nodes, dense = operands(*args)
    if name == "matmul" and len(nodes) == 2 and type(nodes[1]) is Flat:
        x, y = nodes[0], nodes[1].data
        if type(x) is Flat:
            result = product(b, x.data, y)
            return wrap(b, Flat(result, b.size(result)), dense, *args) if len(result.shape) else result
        if len(y.shape) <= 2 and of_vectors(x):
            return wrap(b, by_matrix(b, x, y, None), False, *args)
    if name == "matmul" and len(nodes) == 2 and all(isinstance(x, Node) and depth_range(x)[0] >= 3 for x in nodes):
        return wrap(b, product_of_rows(b, *nodes), False, *args)
    raise UnsupportedError(
        f"{name} is for regular arrays of numbers, for lists of vectors (n * var * k) times one matrix (k, m), and for "
        "arrays of matrices row by row; for others multiply and sum: ragged.sum(x * y, axis=-1)"
    )


def product(b: Backend, x: Any, y: Any) -> Any:
    """The product of dense values."""
    try:
        return b.matmul(x, y)
    except (ValueError, TypeError) as error:
        shapes = f"{tuple(b.shape(x))} and {tuple(b.shape(y))}"
        raise StructureError(f"matmul: shapes {shapes} do not line up: {error}") from error


def of_vectors(node: Any) -> bool:
    """Whether the layout is lists, possibly missing ones, of vectors of one length."""
    match node:
        case Lists(_, content) | Regular(content) if not is_text(node):
            return of_vectors(content)
        case Option(_, content):
            return of_vectors(content)
        case Flat(data):
            return len(data.shape) > 1
    return False


def by_matrix(b: Backend, node: Any, y: Any, valid: Any) -> Node:
    """Each vector of the layout times `y`; missing ones take no part, in the gradient by `y` either."""
    match node:
        case Option(present, content, parameters):
            both = present if valid is None else valid & present
            return option(b, present, by_matrix(b, content, y, both), parameters)
        case Lists() | Regular():
            rows, content = rows_of(b, node)
            inner = by_matrix(b, content, y, None if valid is None else rows.ops.take(valid, rows.ids))
            return Lists(rows, inner) if isinstance(node, Lists) else regular(b, inner, node.size, node.length)
    data = node.data
    if valid is not None:
        data = b.where(b.home(valid).reshape(valid, (node.length, *(1 for _ in data.shape[1:]))), data, 0)
    return Flat(product(b, data, y), node.length)
