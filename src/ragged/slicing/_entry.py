"""One entry of an array, contiguous ranges of entries, and fields: selections that need no gather."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.array import Array, Record
from ragged.errors import FieldError, OutOfRangeError, UnsupportedError
from ragged.nodes import (
    Flat,
    Lists,
    Node,
    Option,
    Regular,
    Union,
    is_text,
    no_unions,
    option,
    regular,
    slice_node,
)
from ragged.nodes import Record as RecordNode
from ragged.sizes import is_known

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["child", "entry", "finish", "project", "within"]


def within(index: int, length: Any, place: str = "this array") -> Any:
    """`index` counted from the front.

    Raises:
        OutOfRangeError: there is no such entry; `place` is what the message calls the list.
    """
    position = index + length if index < 0 else index
    if not is_known(length):
        length.at_least(-index if index < 0 else index + 1, f"index {index} is out of range of {place}")
        return position
    if 0 <= position < length:
        return position
    raise OutOfRangeError(
        f"index {index} is out of range: {place} has length {length}"
        + (f", so an index lies between {-length} and {length - 1}" if length else "")
    )


def child(b: Backend, node: Any, i: Any) -> Node:
    """The list at position `i` (in range) of a list node, as a node."""
    match node:
        case Lists(rows, content):
            ops, offsets = rows.ops, rows.offsets
            low = ops.bound(ops.slice(offsets, i, i + 1), rows.total)
            high = ops.bound(ops.slice(offsets, i + 1, i + 2), rows.total)
            return slice_node(b, content, low, high)
        case Flat(data, _, parameters):
            return Flat(b.entry(data, i), b.shape(data)[1], parameters)
        case Regular(content, size):
            return slice_node(b, content, i * size, (i + 1) * size)
    raise TypeError(f"{type(node).__name__} is not a list node")


def text(b: Backend, node: Any, i: int) -> str | bytes:
    """The string (or bytes) at position `i` of a text node."""
    value = b.to_numpy(child(b, node, i).data).tobytes()  # type: ignore[union-attr]
    return value if node.parameters["__array__"] == "bytestring" else value.decode("utf-8", "surrogateescape")


def entry(b: Backend, node: Any, i: Any, attrs: Any = None, behavior: Any = None) -> Any:
    """The entry at position `i` (in range): an Array, a Record, the framework's own 0-d value, text, or None."""
    if type(node) is Flat:
        value = b.entry(node.data, i)
        return Array._of(Flat(value, b.shape(node.data)[1]), b, attrs, behavior) if node.data.ndim > 1 else value
    match node:
        case Lists() | Regular():
            if is_text(node):
                return text(b, node, i)
            return finish(b, child(b, node, i), attrs, behavior)
        case Option(valid, content):
            ops = b.home(valid)
            valid = ops.entry(valid, i)
            if not ops.known(valid):
                raise UnsupportedError(
                    "whether this entry is missing is not known before the program runs; fill it first "
                    "(ragged.fill_none), or take an array of one entry: x[i:i+1]"
                )
            return entry(b, content, i, attrs, behavior) if ops.true(valid) else None
        case RecordNode():
            return Record(Array._of(slice_node(b, node, i, i + 1), b, attrs, behavior))
        case Union():
            raise no_unions(node, "taking one entry")
    raise OutOfRangeError(f"index {i} is out of range: this array has no values and no type")


def finish(b: Backend, node: Node, attrs: Any = None, behavior: Any = None) -> Any:
    """The node as an Array; characters of one text as a `str`, bytes as `bytes`."""
    if type(node) is Flat and node.parameters is not None and node.data.ndim == 1:
        kind = node.parameters.get("__array__")
        if kind in ("char", "byte"):
            value = b.to_numpy(node.data).tobytes()
            return value if kind == "byte" else value.decode("utf-8", "surrogateescape")
    return Array._of(node, b, attrs, behavior)


def project(b: Backend, node: Any, fields: tuple[str | list[str], ...]) -> Any:
    """The fields of the records in `node`: one a name, a record of several for a list; then deeper in what it finds."""
    if not fields:
        return node
    match node:
        case RecordNode(names, _, length):
            first, rest = fields[0], fields[1:]
            if isinstance(first, str):
                return project(b, node.content(first), rest)
            contents = tuple(project(b, node.content(name), rest) for name in first)
            return RecordNode(None if names is None else tuple(first), contents, length)
        case Lists(rows, content) if not is_text(node):
            return Lists(rows, project(b, content, fields))
        case Regular(content, size, length) if not is_text(node):
            return regular(b, project(b, content, fields), size, length)
        case Option(valid, content):
            return option(b, valid, project(b, content, fields))
        case Union():
            raise no_unions(node, "taking a field")
    raise FieldError(f"no field {fields[0]!r}: this is not an array of records")
