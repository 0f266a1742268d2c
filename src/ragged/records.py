"""Records: fields put together, taken apart, added, removed and named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ragged.errors import FieldError, StructureError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union, Unknown, is_text
from ragged.operands import operands, single, wrap
from ragged.traverse import rebuild

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["fields", "with_field", "zip"]


def fields(array: Any) -> list[str]:
    """Names of the record fields, wherever in the lists the records are; [] where there are none.

    >>> import ragged
    >>> ragged.fields(ragged.Array([[{"x": 1, "y": 2}], []]))
    ['x', 'y']
    """
    return list(_names(array.layout if hasattr(array, "layout") else single(array)[1]))


def _names(node: Any) -> tuple[str, ...]:
    while isinstance(node, Lists | Regular | Option):
        node = node.content
    if isinstance(node, Record):
        return node.names
    if isinstance(node, Union):
        first, *others = (_names(content) for content in node.contents)
        return tuple(name for name in first if all(name in names for names in others))
    return ()


def zip(
    arrays: Mapping[str, Any] | Sequence[Any],
    depth_limit: int | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    with_name: str | None = None,
    right_broadcast: bool = False,
    optiontype_outside_record: bool = False,
) -> Any:
    """Records (from a dict) or tuples (from a sequence) of the arrays' values, broadcast together.

    Args:
        depth_limit: how many axes are matched up; by default as many as all arrays have.
        parameters, with_name: for the records.
        right_broadcast: whether regular axes are also aligned from the right.
        optiontype_outside_record: whether a record is missing as a whole where one of its values is.

    >>> import ragged
    >>> ragged.zip({"x": ragged.Array([[1, 2], []]), "y": ragged.Array([[3, 4], []])})
    <Array [[{x: 1, y: 3}, {...}], []] type='2 * var * {x: int64, y: int64}'>
    """
    if depth_limit is not None and depth_limit <= 0:
        raise StructureError(f"zip: depth_limit must be None or at least 1, not {depth_limit}")
    if isinstance(arrays, Mapping):
        names, values = tuple(arrays), tuple(arrays.values())
    else:
        names, values = None, tuple(arrays)
    if with_name is not None:
        parameters = {**(parameters or {}), "__record__": with_name}
    b, nodes, _ = operands(*values)
    if depth_limit is None and not optiontype_outside_record:
        joined = _aligned(b, nodes, names, parameters)
        if joined is not None:
            return wrap(b, joined)
    raise NotImplementedError


def _aligned(b: Backend, nodes: Sequence[Any], names: Any, parameters: Any) -> Node | None:
    """The zipped node where all arrays have the same rows down to their numbers; None where they need broadcasting."""
    first = nodes[0]
    if type(first) is Lists and first.parameters is None:
        rows = first.rows
        for node in nodes:
            if type(node) is not Lists or node.parameters is not None or not rows.same(node.rows):
                return None
        inner = _aligned(b, [node.content for node in nodes], names, parameters)
        return None if inner is None else Lists(rows, inner)
    for node in nodes:
        if type(node) is not Flat or node.data.ndim != 1 or node.length != first.length:
            return None
    return Record(names, tuple(nodes), first.length, parameters)


def with_field(array: Any, what: Any, where: str | Sequence[str] | None = None) -> Any:
    """The records with a field added, or replaced.

    Args:
        what: the values, broadcast to the records (None: all missing).
        where: the field's name; a sequence of names for a field of nested records; None: the next number.

    Raises:
        StructureError: no records in the array, or values that do not line up with them.

    >>> import ragged
    >>> ragged.with_field(ragged.Array([{"x": 1}, {"x": 2}]), [3, 4], "y")
    <Array [{x: 1, y: 3}, {x: 2, y: 4}] type='2 * {x: int64, y: int64}'>
    """
    path = [where] if where is None or isinstance(where, str) else list(where)
    b, (base, value), _ = operands(array, what)
    if len(path) > 1:
        inner = getattr(array, "__getitem__")(path[0])
        return with_field(array, with_field(inner, what, path[1:]), path[0])
    return wrap(b, _set_field(b, base, value, path[0]))


def _set_field(b: Backend, base: Any, value: Any, where: str | None) -> Node:
    if isinstance(base, Record) and isinstance(value, Node) and value.length == base.length:
        return _with_content(base, value, where)
    if isinstance(base, Lists) and isinstance(value, Lists) and base.rows.same(value.rows):
        return Lists(base.rows, _set_field(b, base.content, value.content, where), base.parameters)
    raise NotImplementedError


def _with_content(base: Record, value: Node, where: str | None) -> Record:
    """The record with one content set; a tuple that gets a name becomes a record."""
    names, contents = base.names, base.contents
    if where is not None and where in names:
        at = names.index(where)
        return replace(base, fields=names, contents=(*contents[:at], value, *contents[at + 1 :]))
    if where is None and base.fields is None:
        return replace(base, contents=(*contents, value))
    return replace(base, fields=(*names, str(len(names)) if where is None else where), contents=(*contents, value))
