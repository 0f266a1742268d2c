"""Missing values: made, found, filled, dropped and padded."""

from __future__ import annotations

from typing import Any

from ragged.errors import DTypeError
from ragged.nodes import Flat, Lists, Node, Option, option
from ragged.operands import operands, wrap

__all__ = ["Masker", "mask"]


class Masker:
    """`x.mask[condition]`: see `mask`."""

    __slots__ = ("_array",)

    def __init__(self, array: Any) -> None:
        self._array = array

    def __getitem__(self, condition: Any) -> Any:
        return mask(self._array, condition)


def mask(array: Any, mask: Any, *, valid_when: bool = True) -> Any:
    """The array with None where the condition is not `valid_when` (or is itself missing).

    Raises:
        DTypeError: a condition that is not boolean.
        StructureError: array and condition do not line up.

    >>> import ragged
    >>> x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    >>> ragged.mask(x, x > 2)
    <Array [[None, None, 3], [], [4, 5]] type='3 * var * ?float64'>
    """
    b, (node, condition), dense = operands(array, mask)
    if type(node) is Lists and type(condition) is Lists and node.rows.same(condition.rows):
        inner = condition.content
        if type(inner) is Flat and inner.data.ndim == 1:
            return wrap(b, Lists(node.rows, _masked(b, node.content, inner, valid_when), node.parameters))
    if type(condition) is Flat and condition.data.ndim == 1 and node.length == condition.length:
        return wrap(b, _masked(b, node, condition, valid_when))
    from ragged.broadcasting import broadcast

    raise NotImplementedError


def _masked(b: Any, node: Node, condition: Flat, valid_when: bool) -> Node:
    if b.dtype(condition.data).kind != "b":
        raise DTypeError(f"mask: the condition must be boolean, not {b.dtype(condition.data)}; compare it with something")
    valid = b.as_structure(condition.data)
    return option(b, valid if valid_when else ~valid, node)
