"""Building arrays from whatever has a ragged form."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.array import Array
from ragged.array import Record as HighRecord
from ragged.context import active, backend_called
from ragged.errors import DTypeError, RaggedError, StructureError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, regular, with_parameters
from ragged.operands import common_backend, move
from ragged.registry import attend, backend_of_dense, get_backend, native_node

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["build", "from_iter", "from_numpy"]

SCALARS = str | bytes | bool | int | float | complex | np.generic | None


def build(data: Any, *, backend: str | None = None, with_name: str | None = None, check_valid: bool = False) -> Any:
    """An Array from anything that has a ragged form; a single value (a number, a string, a Record) as it is.

    Without `backend`, content goes to the active backend, else it stays where it is.
    """
    attrs = behavior = None
    if isinstance(data, Array):
        node, source = data.layout, data._backend
        attrs, behavior = data._attrs, data._behavior
    elif isinstance(data, HighRecord | SCALARS):
        return data
    else:
        awkward = sys.modules.get("awkward")
        if awkward is not None and isinstance(data, awkward.Record):
            return HighRecord(build(data.layout.array[data.layout.at : data.layout.at + 1], backend=backend))
        if awkward is not None and isinstance(data, awkward.Array):
            attrs, behavior = data.attrs or None, data.behavior
        node, source = parts(data)
        if not isinstance(node, Node):
            return node
    target = destination(backend, source)
    if with_name is not None:
        node = named(node, with_name)
    array = Array._of(move(target, node, source), target, attrs, behavior)
    if check_valid:
        from ragged.validation import check_node

        check_node(target, array.layout)
    return array


def destination(backend: str | None, source: Backend) -> Backend:
    """Where an array is built: on the named backend, the active one, or where its content is."""
    attend()
    target = active() if backend is None else backend_called(backend)
    if target is None or (target.base.name == source.base.name and source.level):
        return source  # what is on a tape stays on it
    same = target.base.name == source.base.name
    return target.base.hosting(source) if same else target.base  # and constants stay off it


def parts(data: Any) -> tuple[Any, Backend]:
    """Data as a node and the backend of its content (a 0-d array as it is)."""
    if isinstance(data, np.ndarray):
        return numpy_node(data), get_backend("numpy")
    native = native_node(data)
    if native is not None:
        from ragged.interchange._stacking import owner_of

        return native, owner_of(native)
    if isinstance(data, list | tuple):
        return lists(data)
    owner = backend_of_dense(data)
    if owner is not None:
        data = owner.content(data)
        return (Flat(data, owner.size(data)) if len(data.shape) else data), owner
    b = get_backend("numpy")
    roots = {kind.__module__.partition(".")[0] for kind in type(data).__mro__}
    if "pyarrow" in roots or hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        from ragged.interchange.arrow import arrow_node

        return arrow_node(b, data), b
    if "awkward" in roots:
        from ragged.interchange.awkward import from_awkward_array

        return from_awkward_array(b, data), b
    if isinstance(data, Mapping):
        return columns(data)
    if isinstance(data, Iterable):
        return lists(data)
    raise DTypeError(
        f"ragged has no form for a {type(data).__name__}; give nested lists, dicts, or arrays of NumPy, Awkward, "
        f"Arrow or an installed framework"
    )


def lists(data: Iterable[Any]) -> tuple[Node, Backend]:
    """Nested Python data as a node, on the framework of the arrays or tracers in it."""
    from ragged.interchange._stacking import owned

    return owned(python_node(get_backend("numpy"), list(data)))


def columns(data: Mapping[Any, Any]) -> tuple[Node, Backend]:
    """A mapping of names to columns of one length as records."""
    from ragged.interchange._sharing import share_rows

    arrays = {name: build(column) for name, column in data.items()}
    for name, column in arrays.items():
        if not isinstance(name, str):
            raise DTypeError(f"the names of columns are strings, not {name!r}")
        if not isinstance(column, Array):
            raise StructureError(f"column {name!r} is the single value {column!r}; give one value a record")
    backends = [column._backend for column in arrays.values()]
    b = common_backend(backends)
    contents = tuple(move(b, column.layout, column._backend) for column in arrays.values())
    lengths = {name: content.length for name, content in zip(arrays, contents, strict=True)}
    if len(set(lengths.values())) > 1:
        raise StructureError(f"the columns of records have one length; these have {lengths}")
    return share_rows(Record(tuple(arrays), contents, next(iter(lengths.values()), 0)), {}), b


def python_node(b: Backend, data: list[Any]) -> Node:
    """Nested lists, dicts, tuples, strings, numbers and None as a node.

    Raises:
        DTypeError: a value that no array can hold, or an integer beyond int64.
        UnsupportedError: mixed types.
    """
    from ragged.interchange.python import check_depth, node_of

    try:
        node = node_of(b, data)
        if node is not None:
            return node
        check_depth(data)
        import awkward as ak

        layout = ak.from_iter(data, highlevel=False)
    except RaggedError:
        raise
    except (RuntimeError, OverflowError) as error:
        raise DTypeError(
            f"the list holds {offender(data) or 'an integer beyond int64'}: no array can hold it"
        ) from error
    except (ValueError, TypeError) as error:
        reason = offender(data) or (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DTypeError(f"the list cannot become an array: it holds {reason}") from error
    from ragged.interchange.awkward import from_awkward_array

    return from_awkward_array(b, layout)


def offender(data: Any, path: str = "") -> str | None:
    """The first value that no array can hold, and where it is."""
    if isinstance(data, dict):
        data = data.items()
    elif isinstance(data, list | tuple | set | np.ndarray):
        data = enumerate(data)
    elif isinstance(data, int) and not -(2**63) <= data < 2**63:
        return f"the integer {data} at [{path}], beyond int64"
    elif isinstance(data, SCALARS) or hasattr(data, "__iter__"):
        return None
    else:
        return f"{data!r} ({type(data).__name__}) at [{path}]"
    for key, value in data:
        found = offender(value, f"{path}, {key!r}" if path else repr(key))
        if found is not None:
            return found
    return None


def numpy_node(data: np.ndarray[Any, Any]) -> Any:
    """A NumPy array as a node over its own memory; a 0-d array as its scalar.

    Raises:
        DTypeError: objects that are no lists, or raw bytes.
    """
    if data.ndim == 0:
        return data[()]
    b = get_backend("numpy")
    kind = data.dtype.kind
    if not isinstance(data, np.ma.MaskedArray):
        if kind in "biufcmM":
            data = np.asarray(data)
            return Flat(data if data.dtype.isnative else data.astype(data.dtype.newbyteorder("=")), data.shape[0])
        if data.dtype.names is not None:
            return structured_node(b, data)
    if kind == "O":
        if all(isinstance(x, list | tuple | np.ndarray | str | bytes | type(None)) for x in data.ravel()):
            return python_node(b, data.tolist())
        wrong = next(x for x in data.ravel() if not isinstance(x, list | tuple | np.ndarray | str | bytes | type(None)))
        raise DTypeError(
            f"an array of objects ({type(wrong).__name__} first) has no dtype to work with; give numbers, for example "
            f"with .astype('float64'), or a list"
        )
    if kind == "T":
        return python_node(b, data.tolist())
    if kind not in "USbiufcmM":
        raise DTypeError(f"ragged has no meaning for NumPy's dtype {data.dtype}")
    import awkward as ak

    from ragged.interchange.awkward import from_awkward_array

    return from_awkward_array(b, ak.from_numpy(data, highlevel=False))


def structured_node(b: Backend, data: np.ndarray[Any, Any]) -> Node:
    """A structured array as records over its fields."""
    flat = np.asarray(data).reshape(-1)
    names = flat.dtype.names or ()
    node: Node = Record(names, tuple(numpy_node(flat[name]) for name in names), flat.shape[0])
    for axis in range(data.ndim - 1, 0, -1):
        length = int(np.prod(data.shape[:axis]))
        node = regular(b, node, data.shape[axis], length)
    return node


def named(node: Any, name: str) -> Any:
    """The layout with its outermost records named."""
    match node:
        case Record():
            return with_parameters(node, {**(node.parameters or {}), "__record__": name})
        case Lists(rows, content, parameters):
            return Lists(rows, named(content, name), parameters)
        case Regular(content, size, length, parameters):
            return Regular(named(content, name), size, length, parameters)
        case Option(valid, content, parameters):
            return Option(valid, named(content, name), parameters)
        case _:
            return node


def from_iter(iterable: Iterable[Any]) -> Any:
    """An Array of nested Python lists, dicts, tuples, strings, numbers and None.

    >>> import ragged
    >>> ragged.from_iter([[1, 2], [], [3]])
    <Array [[1, 2], [], [3]] type='3 * var * int64'>
    """
    return Array(list(iterable))


def from_numpy(array: np.ndarray[Any, Any]) -> Any:
    """An Array over the memory of a NumPy array (n-d, structured, masked or text).

    >>> import numpy as np, ragged
    >>> ragged.from_numpy(np.array([[1, 2], [3, 4]])).typestr
    '2 * 2 * int64'
    """
    return Array(np.asanyarray(array))
