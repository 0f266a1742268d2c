"""Awkward layouts to nodes and back; content and 64-bit offsets are shared, never copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.errors import UnsupportedError
from ragged.interchange._sharing import Pool, shared
from ragged.nodes import (
    Flat,
    Lists,
    Node,
    Option,
    Record,
    Regular,
    Unknown,
    regular,
    slice_node,
    take,
    take_missing,
    with_parameters,
)
from ragged.rows import Rows
from ragged.validation import check_index, check_ranges, checked_offsets

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["from_awkward_array", "from_layout", "to_layout"]

CHARACTERS = {"string": "char", "bytestring": "byte"}


def from_awkward_array(b: Backend, array: Any) -> Node:
    """A node over the buffers of an `awkward.Array` (or of a layout); `b` is the NumPy backend.

    Raises:
        UnsupportedError: mixed types, or buffers that are not loaded yet.
        StructureError: offsets or indices that contradict the content.
    """
    import awkward as ak

    layout = ak.to_layout(array)
    if ak.backend(layout) == "typetracer":
        raise UnsupportedError("a typetracer array holds no values; build it from the array that it stands for")
    if ak.backend(layout) != "cpu":
        layout = ak.to_backend(layout, "cpu", highlevel=False)
    if not layout.is_all_materialized:
        raise UnsupportedError("the array is virtual: its values are not loaded; give ak.materialize(array)")
    return from_layout(b, layout, {})


def parameters_of(x: Any) -> dict[str, Any] | None:
    """An Awkward layout's parameters as our nodes keep them; a categorical's values say what they are in their type."""
    parameters = {name: value for name, value in x.parameters.items() if value is not None}
    if parameters.get("__array__") == "categorical":
        del parameters["__array__"]
        parameters["__categorical__"] = True
    return parameters or None


def from_layout(b: Backend, x: Any, pool: Pool) -> Node:
    """A node over an Awkward layout's buffers."""
    import awkward.contents as c

    parameters = parameters_of(x)
    match x:
        case c.EmptyArray():
            return Unknown(0, parameters)
        case c.NumpyArray():
            return Flat(np.asarray(x.data), x.length, parameters)
        case c.RegularArray():
            content = from_layout(b, x.content[: x.size * x.length], pool)
            return regular(b, plain_text(parameters, content), x.size, x.length, parameters)
        case c.ListArray() | c.ListOffsetArray():
            return from_lists(b, x, parameters, pool)
        case c.RecordArray():
            contents = tuple(from_layout(b, content[: x.length], pool) for content in x.contents)
            return Record(None if x.is_tuple else tuple(x.fields), contents, x.length, parameters)
        case c.IndexedArray():
            index = np.asarray(x.index.data)
            check_index(index, x.content.length, "the index of an IndexedArray")
            return merged(take(b, from_layout(b, x.content, pool), index.astype(np.int64, copy=False)), parameters)
        case c.IndexedOptionArray():
            index = np.asarray(x.index.data).astype(np.int64, copy=False)
            valid = index >= 0
            check_index(index[valid], x.content.length, "the index of an IndexedOptionArray")
            return merged(take_missing(b, from_layout(b, x.content, pool), index, valid), parameters)
        case c.ByteMaskedArray() | c.BitMaskedArray() | c.UnmaskedArray():
            valid = np.asarray(x.mask_as_bool(valid_when=True))[: x.length]
            return Option(valid, from_layout(b, x.content[: x.length], pool), parameters)
    raise UnsupportedError(
        f"values of mixed types ({x.form.type}) have no ragged form yet; give arrays of one type each, or records"
    )


def from_lists(b: Backend, x: Any, parameters: dict[str, Any] | None, pool: Pool) -> Lists:
    """Variable-length lists, with offsets that start at 0 and end with the content."""
    import awkward.contents as c

    offsets = (
        common_offsets(np.asarray(x.starts.data), np.asarray(x.stops.data)) if isinstance(x, c.ListArray) else None
    )
    if offsets is None:
        if isinstance(x, c.ListArray):
            check_ranges(np.asarray(x.starts.data), np.asarray(x.stops.data), x.content.length)
            x = x.to_ListOffsetArray64(True)
        offsets = np.asarray(x.offsets.data)
    # without rows Awkward allows any offset
    offsets = checked_offsets(offsets, x.content.length, any_start=True) if x.length else np.zeros(1, np.int64)
    low, high = int(offsets[0]), int(offsets[-1])
    rows = shared(pool, Rows(b, offsets - low if low else offsets, x.length, high - low))
    return Lists(rows, plain_text(parameters, from_layout(b, x.content[low:high], pool)), parameters)


def common_offsets(starts: Any, stops: Any) -> Any:
    """The offsets of which the two are all but the last and all but the first, as in what compiled functions return;
    None where they are others."""
    base, n = starts.base, starts.shape[0]
    if not n or not isinstance(base, np.ndarray) or base is not stops.base:
        return None
    if base.ndim != 1 or base.dtype != starts.dtype or not base.flags.c_contiguous:
        return None
    first, second = (x.__array_interface__["data"][0] for x in (starts, stops))
    if second - first != starts.itemsize or stops.shape[0] < n:
        return None
    first = (first - base.__array_interface__["data"][0]) // starts.itemsize
    return base[first : first + n + 1]


def plain_text(parameters: dict[str, Any] | None, content: Node) -> Node:
    """The bytes of text without Awkward's mark on them: the list that holds them says what they are."""
    if parameters and parameters.get("__array__") in CHARACTERS and isinstance(content, Flat):
        return Flat(content.data, content.length)
    return content


def merged(node: Node, parameters: dict[str, Any] | None) -> Node:
    """The node with an index's own parameters on top of its own."""
    if not parameters:
        return node
    result: Node = with_parameters(node, {**(node.parameters or {}), **parameters})
    return result


def to_layout(node: Node) -> Any:
    """An Awkward layout over the buffers of a node whose content is on NumPy."""
    import awkward as ak
    import awkward.contents as c

    parameters = dict(node.parameters or {})
    if parameters.pop("__categorical__", False):
        return categorical(node, parameters)
    match node:
        case Unknown(0):
            return c.EmptyArray()
        case Flat(data):
            data = np.asarray(data)
            return c.NumpyArray(data if data.dtype.kind != "V" else data.astype(np.float32), parameters=parameters)
        case Lists(rows, content):
            offsets = ak.index.Index64(rows.ops.to_numpy(rows.offsets))
            return c.ListOffsetArray(offsets, text(parameters, to_layout(content)), parameters=parameters)
        case Regular(content, size, length):
            return c.RegularArray(text(parameters, to_layout(content)), size, length, parameters=parameters)
        case Record(fields, contents, length):
            return c.RecordArray([to_layout(x) for x in contents], fields, length, parameters=parameters)
        case Option(valid, content):
            if has_unknown(content):  # nothing can be there, and an EmptyArray has no length
                nothing = to_layout(slice_node(_numpy(), content, 0, 0))
                index = ak.index.Index64(np.full(node.length, -1))
                return c.IndexedOptionArray(index, nothing, parameters=parameters)
            inner = to_layout(content)
            if isinstance(inner, c.IndexedArray):
                return masked_categorical(inner, np.asarray(valid), parameters)
            mask = ak.index.Index8(np.asarray(valid).view(np.int8))
            return c.ByteMaskedArray(mask, inner, True, parameters=parameters)
    raise UnsupportedError(f"Awkward has no layout for {node!r}")


def _numpy() -> Backend:
    from ragged.registry import get_backend

    return get_backend("numpy")


def text(parameters: dict[str, Any], content: Any) -> Any:
    """The bytes of text under Awkward's mark."""
    mark = CHARACTERS.get(parameters.get("__array__", ""))
    return content if mark is None else content.copy(parameters={"__array__": mark})


def has_unknown(node: Node) -> bool:
    """Whether entries without a type stand somewhere below, with no missing value of their own above them."""
    match node:
        case Unknown(n):
            return bool(n)
        case Lists(_, content) | Regular(content):
            return has_unknown(content)
        case Record(_, contents):
            return any(map(has_unknown, contents))
        case _:
            return False


def categorical(node: Any, parameters: dict[str, Any]) -> Any:
    """The values as an index into the distinct ones; values that have no order stay values."""
    import awkward as ak
    import awkward.contents as c

    content = to_layout(node.content if isinstance(node, Option) else with_parameters(node, parameters or None))
    values = np.asarray(content.data) if isinstance(content, c.NumpyArray) else np.empty(content.length, object)
    if values.dtype == object:
        values[:] = ak.to_list(content)
    try:
        _, first, index = np.unique(values, return_index=True, return_inverse=True)
    except TypeError:
        return to_layout(with_parameters(node, parameters or None))
    distinct = ak.Array(content)[first].layout
    indexed = c.IndexedArray(ak.index.Index64(index), distinct, parameters={"__array__": "categorical"})
    return masked_categorical(indexed, np.asarray(node.valid), parameters) if isinstance(node, Option) else indexed


def masked_categorical(indexed: Any, valid: Any, parameters: dict[str, Any]) -> Any:
    """A categorical with missing values."""
    import awkward as ak

    index = np.where(valid, np.asarray(indexed.index.data), -1)
    marked = {**parameters, "__array__": "categorical"}
    return ak.contents.IndexedOptionArray(ak.index.Index64(index), indexed.content, parameters=marked)
