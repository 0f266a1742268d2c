"""Awkward layouts to nodes and back, sharing content."""

from __future__ import annotations

from typing import Any

import numpy as np

from ragged.errors import UnsupportedError
from ragged.nodes import Flat, Lists, Node, Option, Record, Unknown, regular, slice_node
from ragged.rows import Rows

__all__ = ["from_layout", "from_python", "to_layout"]


def from_python(b: Any, data: Any) -> Node:
    """Nested Python data as a node."""
    import awkward as ak

    array = data if isinstance(data, ak.Array) else ak.Array(data)
    return from_layout(b, ak.to_packed(array).layout)


def from_layout(b: Any, x: Any) -> Node:
    """A node over an Awkward layout's buffers."""
    import awkward.contents as c

    parameters = dict(x.parameters) or None
    match x:
        case c.EmptyArray():
            return Unknown(0, parameters)
        case c.NumpyArray():
            return Flat(np.asarray(x.data), x.length, parameters)
        case c.RegularArray():
            content = from_layout(b, x.content)
            return regular(b, slice_node(b, content, 0, x.size * x.length), x.size, x.length, parameters)
        case c.ListArray() | c.ListOffsetArray():
            x = x.to_ListOffsetArray64(True)
            rows = Rows(b, np.asarray(x.offsets.data))
            return Lists(rows, slice_node(b, from_layout(b, x.content), 0, rows.total), parameters)
        case c.RecordArray():
            contents = tuple(slice_node(b, from_layout(b, content), 0, x.length) for content in x.contents)
            return Record(None if x.is_tuple else tuple(x.fields), contents, x.length, parameters)
        case c.IndexedOptionArray():
            packed = x.to_ByteMaskedArray(True) if x.content.length else None
            if packed is None:
                from ragged.nodes import blank

                return Option(np.zeros(x.length, bool), blank(b, from_layout(b, x.content), x.length), parameters)
            return from_layout(b, packed)
        case c.ByteMaskedArray() | c.BitMaskedArray() | c.UnmaskedArray():
            valid = np.asarray(x.mask_as_bool(valid_when=True))
            return Option(valid, slice_node(b, from_layout(b, x.content), 0, x.length), parameters)
        case c.IndexedArray():
            return from_layout(b, x.project())
    raise UnsupportedError(f"{type(x).__name__} is not supported yet")


def to_layout(node: Node) -> Any:
    """An Awkward layout over a NumPy-backed node's buffers."""
    import awkward as ak
    import awkward.contents as c

    from ragged.nodes import Regular

    parameters = None if node.parameters is None else dict(node.parameters)
    match node:
        case Unknown(0):
            return c.EmptyArray()
        case Flat(data):
            return c.NumpyArray(np.asarray(data), parameters=parameters)
        case Lists(rows, content):
            inner = to_layout(content)
            if parameters and parameters.get("__array__") == "string":
                inner.parameters["__array__"] = "char"
            if parameters and parameters.get("__array__") == "bytestring":
                inner.parameters["__array__"] = "byte"
            return c.ListOffsetArray(ak.index.Index64(np.asarray(rows.offsets)), inner, parameters=parameters)
        case Regular(content, size, length):
            return c.RegularArray(to_layout(content), size, length, parameters=parameters)
        case Record(fields, contents, length):
            return c.RecordArray([to_layout(x) for x in contents], fields, length, parameters=parameters)
        case Option(_, Unknown(n)):
            return c.IndexedOptionArray(ak.index.Index64(np.full(n, -1)), c.EmptyArray(), parameters=parameters)
        case Option(valid, content):
            return c.ByteMaskedArray(
                ak.index.Index8(np.asarray(valid).view(np.int8)), to_layout(content), True, parameters=parameters
            )
    raise UnsupportedError(f"{type(node).__name__} is not supported yet")
