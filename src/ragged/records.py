"""Records: their fields and names, looked at, added and removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ragged.array import Array
from ragged.array import Record as Entry
from ragged.broadcasting import broadcast
from ragged.errors import DTypeError, FieldError, StructureError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union, Unknown, is_text, option, take
from ragged.operands import move, operands, single, wrap
from ragged.traverse import rebuild

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = [
    "fields",
    "is_tuple",
    "parameters",
    "with_field",
    "with_name",
    "with_parameter",
    "without_field",
]


def _layout(array: Any) -> Node:
    if type(array) is Array:
        return array.layout
    return array._array.layout if isinstance(array, Entry) else single(array)[1]


def _names(node: Any) -> tuple[str, ...]:
    while isinstance(node, Lists | Regular | Option):
        node = node.content
    if isinstance(node, Record):
        return node.names
    if isinstance(node, Union):
        first, *others = (_names(content) for content in node.contents)
        return tuple(name for name in first if all(name in names for names in others))
    return ()


def fields(array: Any) -> list[str]:
    """Names of the record fields, wherever in the lists the records are; [] where there are none.

    >>> import ragged
    >>> ragged.fields(ragged.Array([[{"x": 1, "y": 2}], []]))
    ['x', 'y']
    """
    return list(_names(_layout(array)))


def is_tuple(array: Any) -> bool:
    """Whether the array's records are tuples: fields by position, without names.

    >>> import ragged
    >>> ragged.is_tuple(ragged.Array([(1, 2), (3, 4)]))
    True
    """
    node: Any = _layout(array)
    while isinstance(node, Lists | Regular | Option):
        node = node.content
    if isinstance(node, Union):
        return all(is_tuple(Array._of(content, None)) for content in node.contents)  # type: ignore[arg-type]
    return isinstance(node, Record) and node.fields is None


def parameters(array: Any) -> dict[str, Any]:
    """The outermost node's parameters (record name, text, categorical), as a new dict.

    >>> import ragged
    >>> ragged.parameters(ragged.with_name([{"x": 1}], "Point"))
    {'__record__': 'Point'}
    """
    return dict(_layout(array).parameters or {}) if isinstance(array, Array | Entry) else {}


def with_parameter(array: Any, parameter: str, value: Any, *, behavior: Any = None, attrs: Any = None) -> Any:
    """The array with one parameter set on its outermost node (None removes it).

    >>> import ragged
    >>> ragged.parameters(ragged.with_parameter([[1], [2]], "unit", "m"))
    {'unit': 'm'}
    """
    b, node, _ = single(array)
    changed = {**(node.parameters or {}), parameter: value}
    kept = {key: v for key, v in changed.items() if v is not None}
    return wrap(b, replace(node, parameters=kept or None), False, array, attrs=attrs, behavior=behavior)


def with_name(array: Any, name: str | None, *, behavior: Any = None, attrs: Any = None) -> Any:
    """The array with its records (all of them, nested ones included) given a name.

    >>> import ragged
    >>> ragged.with_name([{"x": 1}], "Point").typestr
    '1 * Point[x: int64]'
    """

    def renamed(node: Any) -> Any:
        match node:
            case Record(_, _, _, given):
                kept = {key: value for key, value in {**(given or {}), "__record__": name}.items() if value is not None}
                return replace(node, parameters=kept or None)
            case Lists() | Regular() | Option() if not is_text(node):
                return replace(node, content=renamed(node.content))
            case _:
                return node

    if isinstance(array, Entry):
        return Entry(with_name(array._array, name))
    b, node, _ = single(array)
    return wrap(b, renamed(node), False, array, attrs=attrs, behavior=behavior)


def columns_of(arrays: Mapping[str, Any] | Sequence[Any], name: str) -> tuple[tuple[str, ...] | None, tuple[Any, ...]]:
    """The fields (None for a tuple's) and the arrays that shall be put together."""
    values = tuple(arrays.values() if isinstance(arrays, Mapping) else arrays)
    if not values:
        raise StructureError(f"{name}: there is nothing to put together; give at least one array")
    return (tuple(arrays) if isinstance(arrays, Mapping) else None), values


def named(parameters: Mapping[str, Any] | None, with_name: str | None) -> Mapping[str, Any] | None:
    """The parameters of records of that name."""
    return parameters if with_name is None else {**(parameters or {}), "__record__": with_name}


def repeated(b: Backend, value: Any, n: Any) -> Node:
    """A scalar as `n` entries (None: `n` missing ones)."""
    from ragged.construct import build

    if value is None:
        return Option(b.home().full((n,), False, "bool"), Unknown(n))
    if b.owns(value) and hasattr(value, "shape"):
        return Flat(b.broadcast_to(value, (n,)), n)
    entry = build([value])
    return take(b, move(b, entry.layout, entry._backend), b.home().full((n,), 0, "int64"))


def field_node(b: Backend, node: Any, name: str) -> Node:
    """One field's layout, with the lists and options around the records."""
    if isinstance(node, Record):
        return node.content(name)
    content = field_node(b, node.content, name)
    if isinstance(node, Option):
        return option(b, node.valid, content)
    return rebuild(b, replace(node, parameters=None), content)


def with_field(
    array: Any, what: Any, where: str | Sequence[str] | None = None, *, behavior: Any = None, attrs: Any = None
) -> Any:
    """The records with a field added, or replaced.

    Args:
        what: the values, broadcast to the records (None: all missing).
        where: the field's name; a sequence of names for a field of nested records; None: the next number.

    Raises:
        StructureError: no records in the array, or values that do not line up with them.

    >>> import ragged
    >>> ragged.with_field(ragged.Array([{"x": 1}, {"x": 2}]), [3, 4], "y").to_list()
    [{'x': 1, 'y': 3}, {'x': 2, 'y': 4}]
    """
    path: list[Any] = [where] if isinstance(where, str) or not isinstance(where, Sequence) else list(where)
    if not path or not all(name is None or isinstance(name, str) for name in path):
        raise DTypeError(f"with_field: where must be a field name, a sequence of them, or None; not {where!r}")
    if isinstance(array, Entry):
        return Entry(with_field(array._array, what, where))
    if len(path) > 1:
        b, node, _ = single(array)
        inner = wrap(b, field_node(b, node, path[0]), False) if path[0] in _names(node) else None
        if inner is None:
            raise FieldError(f"with_field: no field {path[0]!r}; the records have {list(_names(node))}")
        return with_field(array, with_field(inner, what, path[1:]), path[0])
    if isinstance(what, str | bytes):
        what = Array([what])
    elif isinstance(what, Entry):
        what = what._array
    b, (base, value), _ = operands(array, what)
    if not isinstance(base, Node) or not _has_records(base):
        raise StructureError("with_field: there are no records in the array; zip makes some")
    changed = _set_aligned(base, value, path[0])
    if changed is None:
        changed = _set_broadcast(b, base, value, path[0])
    return wrap(b, changed, False, array, what, attrs=attrs, behavior=behavior)


def _has_records(node: Any) -> bool:
    while isinstance(node, Lists | Regular | Option):
        node = node.content
    return isinstance(node, Record)


def _set_aligned(base: Any, value: Any, where: str | None) -> Node | None:
    """The records with the field, where the values have their rows already."""
    if type(base) is Record:
        return _with_content(base, value, where) if isinstance(value, Node) and value.length == base.length else None
    if type(base) is Lists and type(value) is Lists and base.rows.same(value.rows):
        inner = _set_aligned(base.content, value.content, where)
        return (
            None if inner is None or base.parameters != value.parameters else Lists(base.rows, inner, base.parameters)
        )
    return None


def _set_broadcast(b: Backend, base: Node, value: Any, where: str | None) -> Node:
    def stop(inputs: Sequence[Any], depth: int) -> bool:
        return type(inputs[0]) is Record

    def act(b: Backend, inputs: Sequence[Any], valid: Any) -> Node:
        record, content = inputs
        return _with_content(
            record, content if isinstance(content, Node) else repeated(b, content, record.length), where
        )

    (changed,) = broadcast(
        b, [base, value], act, name="with_field", right_broadcast=False, stop=stop, dense_leaves=False
    )
    node: Node = changed
    return node


def _with_content(base: Record, value: Node, where: str | None) -> Record:
    """The record with one content set; a tuple that gets a name becomes a record."""
    names, contents = base.names, base.contents
    if where is not None and where in names:
        at = names.index(where)
        return replace(base, fields=names, contents=(*contents[:at], value, *contents[at + 1 :]))
    if where is None and base.fields is None:
        return replace(base, contents=(*contents, value))
    return replace(base, fields=(*names, str(len(names)) if where is None else where), contents=(*contents, value))


def without_field(array: Any, where: str | Sequence[str], *, behavior: Any = None, attrs: Any = None) -> Any:
    """The records without one field; a sequence of names removes a field of nested records.

    Raises:
        FieldError: no such field.

    >>> import ragged
    >>> ragged.without_field(ragged.Array([{"x": 1, "y": 2}]), "x").to_list()
    [{'y': 2}]
    """
    path = [where] if isinstance(where, str) or not isinstance(where, Sequence) else list(where)
    if not path or not all(isinstance(name, str) for name in path):
        raise DTypeError(f"without_field: where must be a field name or a sequence of them, not {where!r}")
    if isinstance(array, Entry):
        return Entry(without_field(array._array, where))
    b, node, _ = single(array)
    return wrap(b, _without(b, node, path), False, array, attrs=attrs, behavior=behavior)


def _without(b: Backend, node: Any, path: Sequence[str]) -> Any:
    match node:
        case Record(names, contents):
            node.content(path[0])  # raises where there is none
            at = node.names.index(path[0])
            if len(path) > 1:
                inner = _without(b, contents[at], path[1:])
                return replace(node, contents=(*contents[:at], inner, *contents[at + 1 :]))
            kept = None if names is None else names[:at] + names[at + 1 :]
            return replace(node, fields=kept, contents=contents[:at] + contents[at + 1 :])
        case Lists() | Regular() | Option() if not is_text(node):
            return rebuild(b, node, _without(b, node.content, path))
        case _:
            return node
