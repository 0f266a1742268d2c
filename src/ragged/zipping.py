"""Arrays put together to records, and taken apart again."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragged.array import Record as Entry
from ragged.broadcasting import broadcast
from ragged.errors import DTypeError, StructureError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, is_text
from ragged.operands import operands, single, wrap
from ragged.records import columns_of, field_node, fields, named, repeated

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["unzip", "zip"]


def zip(
    arrays: Mapping[str, Any] | Sequence[Any],
    depth_limit: int | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    with_name: str | None = None,
    right_broadcast: bool = False,
    optiontype_outside_record: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Records (from a dict) or tuples (from a sequence) of the arrays' values, broadcast together.

    Args:
        depth_limit: how many axes are matched up; by default as many as all arrays have.
        parameters, with_name: for the records.
        right_broadcast: whether regular axes are also aligned from the right.
        optiontype_outside_record: whether a record is missing as a whole where one of its values is.

    Raises:
        StructureError: arrays that do not line up.

    >>> import ragged
    >>> ragged.zip({"x": ragged.Array([[1, 2], []]), "y": ragged.Array([[3, 4], []])}).to_list()
    [[{'x': 1, 'y': 3}, {'x': 2, 'y': 4}], []]
    """
    if depth_limit is not None and depth_limit <= 0:
        raise StructureError(f"zip: depth_limit must be None or at least 1, not {depth_limit}")
    names, values = columns_of(arrays, "zip")
    parameters = named(parameters, with_name)
    b, nodes, _ = operands(*values)
    if depth_limit is None and not optiontype_outside_record:
        joined = _aligned(nodes, names, parameters)
        if joined is not None:
            return wrap(b, joined, False, *values, attrs=attrs, behavior=behavior)
    all_scalar = not any(isinstance(node, Node) for node in nodes)
    columns = [node if isinstance(node, Node) else repeated(b, node, 1) for node in nodes] if all_scalar else nodes

    def stop(inputs: Sequence[Any], depth: int) -> bool:
        if depth != depth_limit and not all(_is_value(x) for x in inputs):
            return False
        return not (optiontype_outside_record and any(type(x) is Option for x in inputs))

    def act(b: Backend, inputs: Sequence[Any], valid: Any) -> Node:
        length = next(x.length for x in inputs if isinstance(x, Node))
        contents = tuple(x if isinstance(x, Node) else repeated(b, x, length) for x in inputs)
        return Record(names, contents, length, parameters)

    (zipped,) = broadcast(b, columns, act, name="zip", right_broadcast=right_broadcast, stop=stop, dense_leaves=False)
    result = wrap(b, zipped, False, *values, attrs=attrs, behavior=behavior)
    return result[0] if all_scalar else result


def _is_value(x: Any) -> bool:
    """Whether a node has one axis only (as records count, whatever their fields are)."""
    while type(x) is Option:
        x = x.content
    return (not isinstance(x, Lists | Regular) and (type(x) is not Flat or x.data.ndim == 1)) or (
        isinstance(x, Lists | Regular) and is_text(x)
    )


def _aligned(nodes: Sequence[Any], names: Any, parameters: Any) -> Node | None:
    """The zipped node where all arrays have the same rows down to their numbers; None where they need broadcasting."""
    first = nodes[0]
    if type(first) is Lists and first.parameters is None:
        rows = first.rows
        for node in nodes:
            if type(node) is not Lists or node.parameters is not None or not rows.same(node.rows):
                return None
        inner = _aligned([node.content for node in nodes], names, parameters)
        return None if inner is None else Lists(rows, inner)
    for node in nodes:
        if type(node) is not Flat or len(node.data.shape) != 1 or node.length != first.length:
            return None
    return Record(names, tuple(nodes), first.length, parameters)


def unzip(array: Any, *, how: type = tuple, behavior: Any = None, attrs: Any = None) -> Any:
    """The fields' arrays, as a tuple or (with `how=dict`) by name; the array itself where it has no fields.

    >>> import ragged
    >>> x, y = ragged.unzip(ragged.Array([[{"x": 1, "y": 2}], []]))
    >>> y.to_list()
    [[2], []]
    """
    if how not in (tuple, dict):
        raise DTypeError(f"unzip: how must be tuple or dict, not {how!r}")
    names = fields(array)
    if isinstance(array, Entry):
        values = tuple(array[name] for name in names) or (array,)
    else:
        b, node, _ = single(array)
        nodes = [field_node(b, node, name) for name in names] or [node]
        values = tuple(wrap(b, each, False, array, attrs=attrs, behavior=behavior) for each in nodes)
    return values if how is tuple else dict(builtins.zip(names or ["0"], values, strict=True))
