"""Whether structure says what it must: checks of what comes from outside, each with its own error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.errors import DTypeError, OutOfRangeError, StructureError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union, Unknown

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = [
    "check_ids",
    "check_index",
    "check_lengths",
    "check_node",
    "check_offsets",
    "check_ranges",
    "checked_offsets",
    "is_valid",
    "validity_error",
]


def whole_numbers(ops: Backend, x: Any, what: str) -> Any:
    """A 1-d array of integers as int64 structure.

    Raises:
        DTypeError: anything but integers (NaN included).
        StructureError: not one-dimensional, or numbers beyond int64.
    """
    if x.ndim != 1:
        raise StructureError(f"{what} must be one-dimensional, not of shape {tuple(ops.shape(x))}")
    dtype = ops.dtype(x)
    if dtype.kind not in "iu":
        if ops.size(x) == 0:
            return ops.astype(x, "int64")
        raise DTypeError(f"{what} must be integers, not {dtype}; convert them, for example with .astype('int64')")
    if dtype == np.uint64 and ops.true(ops.xp.any(ops.apply("greater", x, np.uint64(np.iinfo(np.int64).max)))):
        raise StructureError(f"{what} go beyond int64")
    return ops.astype(x, "int64")


def first(ops: Backend, bad: Any) -> int:
    """Place of the first true value (there is one)."""
    return int(ops.flatnonzero(bad)[0])


def check_offsets(ops: Backend, offsets: Any, length: Any = None, any_start: bool = False) -> Any:
    """Offsets as int64 structure, checked: they start at 0, never decrease, and end within a content of `length`.

    Raises:
        DTypeError: offsets that are no integers.
        StructureError: malformed offsets; the message names the first place.
    """
    offsets = whole_numbers(ops, offsets, "offsets")
    size = ops.size(offsets)
    if isinstance(size, int) and size == 0:
        raise StructureError("offsets must hold at least one number, the 0 that they start with; there are none")
    if ops.violated(offsets[0] < 0, "offsets must not be negative"):
        raise StructureError(f"offsets must not be negative; the first is {int(offsets[0])}")
    if not any_start and ops.violated(offsets[0] != 0, "offsets must start at 0"):
        raise StructureError(
            f"offsets must start at 0, not at {int(offsets[0])}; give content[{int(offsets[0])}:] and "
            f"offsets - {int(offsets[0])}"
        )
    decreases = offsets[1:] < offsets[:-1]
    if ops.violated(decreases, "offsets must not decrease"):
        i = first(ops, decreases)
        raise StructureError(
            f"offsets must not decrease; row {i} goes from {int(offsets[i])} back to {int(offsets[i + 1])}"
        )
    if length is not None and ops.violated(offsets[-1] > length, "offsets overrun the content"):
        i = first(ops, offsets > length) - 1
        raise StructureError(
            f"offsets overrun the content: row {i} ends at {int(offsets[i + 1])}, but there are {length} elements"
        )
    return offsets


def checked_offsets(offsets: np.ndarray[Any, Any], length: int, any_start: bool = False) -> Any:
    """`check_offsets` of NumPy's offsets."""
    from ragged.registry import get_backend

    return check_offsets(get_backend("numpy"), offsets, length, any_start)


def check_lengths(ops: Backend, lengths: Any) -> Any:
    """Lengths of rows as int64 structure, checked: integers, none negative.

    Raises:
        DTypeError: lengths that are no integers.
        StructureError: a negative length.
    """
    lengths = whole_numbers(ops, lengths, "lengths")
    negative = lengths < 0
    if ops.violated(negative, "lengths must not be negative"):
        i = first(ops, negative)
        raise StructureError(f"lengths must not be negative; row {i} has {int(lengths[i])}")
    return lengths


def check_ids(ops: Backend, ids: Any, nrows: Any = None) -> Any:
    """Row ids as int64 structure, checked: not negative, sorted, and below `nrows` where that is given.

    Raises:
        DTypeError: ids that are no integers.
        StructureError: ids out of order.
        OutOfRangeError: an id that is no row.
    """
    ids = whole_numbers(ops, ids, "row ids")
    negative = ids < 0
    if ops.violated(negative, "row ids must not be negative"):
        i = first(ops, negative)
        raise OutOfRangeError(f"row ids must not be negative; element {i} has {int(ids[i])}")
    decreases = ids[1:] < ids[:-1]
    if ops.violated(decreases, "row ids must be sorted"):
        i = first(ops, decreases)
        raise StructureError(
            f"row ids must be sorted; {int(ids[i])} at element {i} is followed by {int(ids[i + 1])}; "
            f"sort the content by its ids first (a stable argsort)"
        )
    if nrows is not None:
        beyond = ids >= nrows
        if ops.violated(beyond, "row ids must be below the number of rows"):
            i = first(ops, beyond)
            raise OutOfRangeError(f"row ids must be below nrows={nrows}; element {i} has {int(ids[i])}")
    return ids


def check_index(index: np.ndarray[Any, Any], length: int, what: str) -> None:
    """Refuse an index into a content of `length` that is negative or overruns it."""
    bad = (index < 0) | (index >= length)
    if bad.any():
        i = int(np.argmax(bad))
        raise OutOfRangeError(f"{what} must lie within its content of {length} entries; entry {i} is {int(index[i])}")


def check_ranges(starts: np.ndarray[Any, Any], stops: np.ndarray[Any, Any], length: int) -> None:
    """Refuse lists `starts[i]:stops[i]` that run backwards or out of a content of `length`."""
    if stops.shape[0] < starts.shape[0]:
        raise StructureError(f"there are {starts.shape[0]} starts but only {stops.shape[0]} stops")
    stops = stops[: starts.shape[0]]
    full = starts != stops
    bad = full & ((starts < 0) | (stops < starts) | (stops > length))
    if bad.any():
        i = int(np.argmax(bad))
        raise StructureError(
            f"row {i} spans {int(starts[i])}:{int(stops[i])}, which is no range of a content of {length} elements"
        )


def problem(b: Backend, node: Any, path: str) -> str | None:
    """What is wrong with a layout, or None. Everything is verified, not only what construction checks."""
    try:
        check_node(b, node, path)
    except (StructureError, DTypeError) as error:
        return str(error)
    return None


def expect(condition: bool, path: str, message: str) -> None:
    """Raise a StructureError that says where in the layout."""
    if not condition:
        raise StructureError(f"at {path}: {message}")


def check_node(b: Backend, node: Node, path: str = "layout") -> None:
    """Verify a layout recursively.

    Raises:
        StructureError: lengths or structure that contradict one another; the message says where.
    """
    match node:
        case Flat(data, length):
            expect(b.size(data) == length, path, f"the data has {b.size(data)} entries, not {length}")
        case Lists(rows, content):
            try:
                check_offsets(rows.ops, rows.offsets, content.length)
            except StructureError as error:
                raise StructureError(f"at {path}: {error}") from None
            expect(rows.ops.size(rows.offsets) == rows.nrows + 1, path, "there is one offset more than rows")
            expect(content.length == rows.total, path, f"content has {content.length} entries, rows {rows.total}")
            check_text(b, node, path)
            check_node(b, content, f"{path}.content")
        case Regular(content, size, length):
            expect(content.length == size * length, path, f"content has {content.length} entries, not {length}*{size}")
            check_text(b, node, path)
            check_node(b, content, f"{path}.content")
        case Record(fields, contents, length):
            expect(fields is None or len(fields) == len(contents), path, "as many fields as contents")
            for name, content in zip(node.names, contents, strict=True):
                expect(content.length == length, path, f"field {name!r} has {content.length} entries, not {length}")
                check_node(b, content, f"{path}.content({name!r})")
        case Option(valid, content):
            ops = b.home(valid)
            expect(ops.dtype(valid).kind == "b" and valid.ndim == 1, path, "valid is a 1-d boolean array")
            expect(ops.size(valid) == content.length, path, f"{ops.size(valid)} flags for {content.length} entries")
            expect(not isinstance(content, Option), path, "an option directly within an option")
            check_node(b, content, f"{path}.content")
        case Union(_, _, contents):
            for i, content in enumerate(contents):
                check_node(b, content, f"{path}.contents[{i}]")
        case Unknown():
            pass
        case _:
            raise StructureError(f"at {path}: {type(node).__name__} is no node")


def check_text(b: Backend, node: Lists | Regular, path: str) -> None:
    """Text holds bytes, and strings hold UTF-8."""
    kind = (node.parameters or {}).get("__array__")
    if kind not in ("string", "bytestring"):
        return
    flat = node.content
    is_bytes = isinstance(flat, Flat) and flat.data.ndim == 1 and b.dtype(flat.data) == np.uint8
    expect(is_bytes, path, f"a {kind} holds uint8 numbers")
    if kind == "string" and isinstance(flat, Flat) and not (b.level or b.differentiating(flat.data)):
        try:
            b.to_numpy(flat.data).tobytes().decode()
        except UnicodeDecodeError as error:
            raise StructureError(f"at {path}: a string that is not UTF-8 ({error.reason})") from None


def validity_error(array: Any, *, exception: bool = False) -> str:
    """What is wrong with an array's structure, as text; empty where nothing is.

    Args:
        array: an array.
        exception: raise it instead.

    Raises:
        StructureError: the structure is wrong, and `exception` was asked for.

    >>> import ragged
    >>> ragged.validity_error(ragged.Array([[1, 2], []]))
    ''
    """
    from ragged.operands import single

    b, node, _ = single(array)
    found = problem(b, node, "layout")
    if found is not None and exception:
        raise StructureError(found)
    return found or ""


def is_valid(array: Any, *, exception: bool = False) -> bool:
    """Whether an array's structure is consistent throughout.

    >>> import ragged
    >>> ragged.is_valid(ragged.Array([[1, 2], []]))
    True
    """
    return not validity_error(array, exception=exception)
