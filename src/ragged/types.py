"""The type of an array, told from its structure alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union, Unknown
from ragged.operands import operand

if TYPE_CHECKING:
    from ragged.array import Array
    from ragged.backend import Backend

__all__ = ["array_type", "node_type", "type"]

CHARACTERS = {"string": "char", "bytestring": "byte"}


def array_type(x: Array) -> Any:
    """The `awkward.types.ArrayType` of an array; no data is touched."""
    from awkward.types import ArrayType

    node = x.layout
    return ArrayType(node_type(x._backend, node), known(node.length))


def node_type(b: Backend, node: Node) -> Any:
    """The `awkward.types.Type` of one entry of a node whose content lives on `b`."""
    from awkward import types as ak

    parameters = None if node.parameters is None else dict(node.parameters)
    match node:
        case Flat(data):
            return flat_type(b.dtype(data), data.shape[1:], parameters)
        case Lists(_, content):
            return ak.ListType(characters(parameters, node_type(b, content)), parameters=parameters)
        case Regular(content, size):
            return ak.RegularType(characters(parameters, node_type(b, content)), known(size), parameters=parameters)
        case Record(fields, contents):
            return ak.RecordType([node_type(b, content) for content in contents], fields, parameters=parameters)
        case Option(_, content):
            return ak.OptionType(node_type(b, content), parameters=parameters)
        case Union(_, _, contents):
            return ak.UnionType([node_type(b, content) for content in contents], parameters=parameters)
        case Unknown():
            return ak.UnknownType()
    raise TypeError(f"not a node: {node!r}")


def flat_type(dtype: np.dtype[Any], trailing: tuple[Any, ...], parameters: dict[str, Any] | None) -> Any:
    """Numbers within regular lists of the trailing sizes; parameters belong to the outermost."""
    from awkward import types as ak

    try:
        kind: Any = ak.NumpyType(ak.numpytype.dtype_to_primitive(dtype), parameters=None if trailing else parameters)
    except TypeError:  # a dtype that Awkward has no name for (bfloat16): show it by its own
        kind = ak.NumpyType("float32", parameters=None if trailing else parameters)
        kind._primitive = str(dtype)
    for size in reversed(trailing):
        kind = ak.RegularType(kind, known(size))
    return kind.copy(parameters=parameters) if trailing and parameters else kind


def characters(parameters: dict[str, Any] | None, content: Any) -> Any:
    """The bytes of text marked as Awkward marks them."""
    mark = CHARACTERS.get((parameters or {}).get("__array__", ""))
    return content if mark is None else content.copy(parameters={"__array__": mark})


def known(size: Any) -> Any:
    """A size as an int, or Awkward's unknown length where a compiler is still tracing."""
    if isinstance(size, int | np.integer):
        return int(size)
    from awkward._nplikes.shape import unknown_length

    return unknown_length


def type(array: Any) -> Any:
    """The type of an array, or of a single value, as Awkward's type object.

    Args:
        array: an Array, a Record, a dense array of any framework, or what an Array can be built from.

    >>> import ragged
    >>> str(ragged.type(ragged.Array([[1, None], []])))
    '2 * var * ?int64'
    """
    from ragged.array import Array
    from ragged.array import Record as HighRecord

    if isinstance(array, Array | HighRecord):
        return array.type
    node, backend, _ = operand(array)
    if isinstance(node, Node) and backend is not None:
        return array_type(Array._of(node, backend))
    import awkward

    return awkward.type(node)
