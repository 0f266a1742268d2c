"""Arrow buffers as nodes: offsets, validity bits and child arrays, read in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.errors import DTypeError, StructureError, UnsupportedError
from ragged.interchange._sharing import share_rows
from ragged.nodes import (
    Flat,
    Lists,
    Node,
    Option,
    Record,
    Regular,
    Unknown,
    option,
    regular,
    take,
    take_missing,
    with_parameters,
)
from ragged.rows import Rows
from ragged.validation import check_index, check_lengths, check_offsets, check_ranges

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["arrow_node"]

STRING, BYTES = {"__array__": "string"}, {"__array__": "bytestring"}
CATEGORIES = {"__categorical__": True}


def arrow_node(b: Backend, pa: Any, data: Any) -> Node:
    """Arrow data (an array, a chunked array, a record batch or a table) as a node on the NumPy backend `b`."""
    if isinstance(data, pa.Table | pa.RecordBatch):
        contents = tuple(
            column_node(b, pa, column, field.nullable) for column, field in zip(data.columns, data.schema, strict=True)
        )
        return share_rows(Record(tuple(data.schema.names), contents, data.num_rows), {})
    return column_node(b, pa, data, False)


def column_node(b: Backend, pa: Any, column: Any, nullable: bool) -> Node:
    """A column, its chunks joined."""
    if isinstance(column, pa.ChunkedArray):
        column = (
            column.chunk(0)
            if column.num_chunks == 1
            else pa.concat_arrays(column.chunks or [pa.array([], type=column.type)])
        )
    return array_node(b, pa, column, nullable)


def array_node(b: Backend, pa: Any, array: Any, nullable: bool) -> Node:
    """One Arrow array; an option where its field may be null, or where something is."""
    if isinstance(array.type, pa.BaseExtensionType):
        return extension_node(b, pa, array, nullable)
    node = value_node(b, pa, array)
    if isinstance(node, Unknown):
        return Option(np.zeros(len(array), np.bool_), node)
    is_categorical = pa.types.is_dictionary(array.type)
    if nullable or array.null_count:
        return option(b, validity(array), node, CATEGORIES if is_categorical else None)
    return with_parameters(node, {**(node.parameters or {}), **CATEGORIES}) if is_categorical else node


def extension_node(b: Backend, pa: Any, array: Any, nullable: bool) -> Node:
    """Awkward's own extension keeps names and tuples; any other is what it is stored as."""
    if getattr(array.type, "extension_name", "") != "awkward":
        return array_node(b, pa, array.storage, nullable)
    import awkward as ak

    from ragged.interchange.awkward import from_awkward_array

    # joined with nothing: Awkward's reader mistakes the validity of arrays that do not begin at 0
    return from_awkward_array(b, ak.from_arrow(pa.concat_arrays([array, array.slice(0, 0)]), highlevel=False))


def validity(array: Any) -> Any:
    """Which entries are no nulls."""
    if not array.null_count:
        return np.ones(len(array), np.bool_)
    return bits(array.buffers()[0], array.offset, len(array))


def bits(buffer: Any, offset: int, length: int) -> Any:
    """Arrow's bits as booleans."""
    if buffer is None or not length:
        return np.zeros(length, np.bool_)
    return np.unpackbits(np.frombuffer(buffer, np.uint8), count=offset + length, bitorder="little")[offset:].view(
        np.bool_
    )


def numbers(buffer: Any, dtype: Any, offset: int, length: int) -> Any:
    """A buffer's numbers, in place."""
    if buffer is None or not length:
        return np.empty(length, dtype)
    return np.frombuffer(buffer, dtype, length, offset * np.dtype(dtype).itemsize)


def value_node(b: Backend, pa: Any, array: Any) -> Node:
    """The values of one Arrow array, its nulls aside."""
    kind, t = pa.types, array.type
    n, start = len(array), array.offset
    if kind.is_null(t):
        return Unknown(n)
    if kind.is_boolean(t):
        return Flat(bits(array.buffers()[1], start, n), n)
    dtype = primitive(kind, t)
    if dtype is not None:
        stored = "int32" if kind.is_date32(t) or kind.is_time32(t) else dtype
        data = numbers(array.buffers()[1], stored, start, n)
        return Flat(data if stored == dtype else data.astype(np.int64).view(dtype), n)
    if kind.is_string_view(t) or kind.is_binary_view(t):
        return value_node(b, pa, array.cast(pa.large_string() if kind.is_string_view(t) else pa.large_binary()))
    if kind.is_string(t) or kind.is_large_string(t) or kind.is_binary(t) or kind.is_large_binary(t):
        return text_node(b, kind, array)
    if kind.is_fixed_size_binary(t):
        width = t.byte_width
        data = numbers(array.buffers()[1], np.uint8, start * width, n * width)
        return Regular(Flat(data, n * width), width, n, BYTES)
    if kind.is_dictionary(t):
        return dictionary_node(b, pa, array)
    return nested_node(b, pa, array)


def primitive(kind: Any, t: Any) -> str | None:
    """The NumPy dtype of an Arrow type of numbers or times; None if it is none."""
    if kind.is_integer(t) or kind.is_floating(t):
        return str(np.dtype(t.to_pandas_dtype()))
    if kind.is_duration(t):
        return f"timedelta64[{t.unit}]"
    if kind.is_timestamp(t) or kind.is_time(t):
        return f"datetime64[{t.unit}]"
    if kind.is_date(t):
        return "datetime64[D]" if kind.is_date32(t) else "datetime64[ms]"
    if kind.is_decimal(t):
        raise DTypeError(f"no array holds Arrow's {t}; cast it first, for example to pyarrow.float64()")
    return None


def text_node(b: Backend, kind: Any, array: Any) -> Lists:
    """Strings and bytes: offsets over uint8."""
    wide = kind.is_large_string(array.type) or kind.is_large_binary(array.type)
    rows, low, high = partition(b, array, np.int64 if wide else np.int32)
    data = numbers(array.buffers()[2], np.uint8, low, high - low)
    is_string = kind.is_string(array.type) or kind.is_large_string(array.type)
    return Lists(rows, Flat(data, high - low), STRING if is_string else BYTES)


def partition(b: Backend, array: Any, dtype: Any) -> tuple[Rows, int, int]:
    """An Arrow array's offsets as rows, and the range of their elements."""
    n = len(array)
    offsets = numbers(array.buffers()[1], dtype, array.offset, n + 1) if n else np.zeros(1, np.int64)
    offsets = check_offsets(b, offsets, None, any_start=True)
    low, high = int(offsets[0]), int(offsets[-1])
    return Rows(b, offsets - low if low else offsets, n, high - low), low, high


def dictionary_node(b: Backend, pa: Any, array: Any) -> Node:
    """Each entry's value, looked up in the dictionary."""
    values = array_node(b, pa, array.dictionary, False)
    index = numbers(array.indices.buffers()[1], array.indices.type.to_pandas_dtype(), array.offset, len(array))
    valid = validity(array)
    check_index(index[valid], values.length, "the indices of a dictionary array")
    index = index.astype(np.int64)
    return take_missing(b, values, index, valid).content if array.null_count else take(b, values, index)


def nested_node(b: Backend, pa: Any, array: Any) -> Node:
    """Lists of every kind, maps and structs."""
    kind, t = pa.types, array.type
    n, start = len(array), array.offset
    if kind.is_struct(t):
        contents = tuple(array_node(b, pa, array.field(i), t.field(i).nullable) for i in range(t.num_fields))
        return share_rows(Record(tuple(t.field(i).name for i in range(t.num_fields)), contents, n), {})
    if kind.is_fixed_size_list(t):
        size = t.list_size
        inner = array_node(b, pa, array.values.slice(start * size, n * size), t.value_field.nullable)
        return regular(b, inner, size, n)
    if kind.is_list(t) or kind.is_large_list(t) or kind.is_map(t):
        rows, low, high = partition(b, array, np.int64 if kind.is_large_list(t) else np.int32)
        values = array.values
        if high > len(values):
            raise StructureError(f"Arrow offsets overrun the content: they end at {high} of {len(values)} elements")
        nullable = False if kind.is_map(t) else t.value_field.nullable
        return Lists(rows, array_node(b, pa, values.slice(low, high - low), nullable))
    if kind.is_list_view(t) or kind.is_large_list_view(t):
        return view_node(b, pa, array)
    raise UnsupportedError(f"ragged has no form for Arrow's {t}; cast it to lists, structs or numbers first")


def view_node(b: Backend, pa: Any, array: Any) -> Lists:
    """Lists with an offset and a size of their own, gathered."""
    n, start, t = len(array), array.offset, array.type
    dtype = np.int64 if pa.types.is_large_list_view(t) else np.int32
    _, offsets, sizes = array.buffers()[:3]
    begins = numbers(offsets, dtype, start, n).astype(np.int64)
    lengths = np.where(validity(array), numbers(sizes, dtype, start, n), 0).astype(np.int64)
    check_ranges(begins, begins + check_lengths(b, lengths), len(array.values))
    rows = Rows.from_lengths(b, lengths)
    index = b.arange(rows.total) + b.repeat(begins - rows.starts, rows.lengths, rows.total)
    return Lists(rows, take(b, array_node(b, pa, array.values, t.value_field.nullable), index))
