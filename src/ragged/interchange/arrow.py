"""Arrow and Parquet, through pyarrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.errors import DTypeError, MissingBackendError

if TYPE_CHECKING:
    from ragged.array import Array
    from ragged.backend import Backend
    from ragged.nodes import Node

__all__ = ["from_arrow", "from_parquet", "to_arrow", "to_parquet"]


def pyarrow() -> Any:
    """The pyarrow package.

    Raises:
        MissingBackendError: it is not installed.
    """
    try:
        import pyarrow
    except ImportError:
        raise MissingBackendError("Arrow and Parquet need pyarrow: pip install 'ragged-diff[arrow]'") from None
    return pyarrow


def arrow_node(b: Backend, data: Any) -> Node:
    """Arrow data (an array, a chunked array, a table, or anything that exports one) as a node on NumPy."""
    from ragged.interchange import _arrow_nodes

    pa = pyarrow()
    if not isinstance(data, pa.Array | pa.ChunkedArray | pa.RecordBatch | pa.Table):
        if not hasattr(data, "__arrow_c_stream__") and not hasattr(data, "__arrow_c_array__"):
            raise DTypeError(f"ragged has no form for pyarrow's {type(data).__name__}")
        tabular = hasattr(data, "columns") or hasattr(data, "schema")
        exported = pa.chunked_array if hasattr(data, "__arrow_c_stream__") else pa.array
        data = (pa.table if tabular else exported)(data)
    return _arrow_nodes.arrow_node(b, pa, data)


def from_arrow(array: Any) -> Array:
    """An Array of Arrow data: an array, a chunked array, a record batch or a table.

    Raises:
        MissingBackendError: pyarrow is not installed.

    >>> import pyarrow, ragged
    >>> ragged.from_arrow(pyarrow.array([[1, 2], None, []]))
    <Array [[1, 2], None, []] type='3 * option[var * ?int64]'>
    """
    from ragged.array import Array

    pyarrow()
    return Array(array)


def to_arrow(array: Any, **options: Any) -> Any:
    """A `pyarrow.Array` of the same values.

    Args:
        array: an array.
        **options: as `awkward.to_arrow` takes them (`list_to32=`, `string_to32=`, `extensionarray=` …).

    Raises:
        MissingBackendError: pyarrow is not installed.

    >>> import ragged
    >>> ragged.to_arrow(ragged.Array([[1, None], []])).to_pylist()
    [[1, None], []]
    """
    import awkward as ak

    from ragged.interchange import to_awkward

    pyarrow()
    return ak.to_arrow(to_awkward(array), **options)


def from_parquet(path: Any, *, columns: Any = None, **options: Any) -> Array:
    """An Array of the records in a Parquet file, or in all files of a folder.

    Args:
        path: a file or a folder, local or remote.
        columns: names (or patterns such as `"muon.*"`) of the columns to read; all by default.
        **options: as `awkward.from_parquet` takes them (`row_groups=`, `max_gap=` …).

    Raises:
        MissingBackendError: pyarrow is not installed.
    """
    import awkward as ak

    from ragged.array import Array

    pyarrow()
    return Array(ak.from_parquet(path, columns=columns, **options))


def to_parquet(array: Any, destination: Any, **options: Any) -> Any:
    """Write an array to a Parquet file; gives the file's metadata.

    Args:
        array: an array.
        destination: the file to write.
        **options: as `awkward.to_parquet` takes them (`compression=`, `row_group_size=` …).

    Raises:
        MissingBackendError: pyarrow is not installed.
    """
    import awkward as ak

    from ragged.interchange import to_awkward

    pyarrow()
    return ak.to_parquet(to_awkward(array), destination, **options)
