"""One item along one axis of lists: which elements it selects, as arithmetic on starts and lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.errors import OutOfRangeError, StructureError
from ragged.nodes import Flat, Option, take
from ragged.rows import Ranges, Rows
from ragged.sizes import differ, is_known
from ragged.slicing._plan import Indices

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = [
    "fit",
    "from_front",
    "is_full",
    "match_rows",
    "positions",
    "regularise",
    "repeat_each",
    "step_in_rows",
    "tile",
]


def is_full(key: slice) -> bool:
    """Whether a slice selects all of every list, in order."""
    return key.stop is None and key.start in (None, 0) and key.step in (None, 1)


def slice_rows(rows: Rows, starts: Any, lengths: Any, key: slice) -> tuple[Rows, Ranges]:
    """The rows that `key` leaves of lists, and where their elements lie in the content of `rows`.

    `starts` and `lengths` are those of `rows` itself, or of a selection of it.
    """
    ops = rows.ops
    step = 1 if key.step is None else key.step
    first, counts = bounds(ops, lengths, key.start, key.stop, step)
    new = rows if counts is rows._lengths else Rows.from_lengths(ops, counts, upper=rows)
    begins = starts if isinstance(first, int) and first == 0 else starts + first
    return new, Ranges(begins, new, step)


def bounds(ops: Backend, lengths: Any, start: int | None, stop: int | None, step: int) -> tuple[Any, Any]:
    """Position of the first element that a slice selects in each list, and how many it selects (Python's own rule)."""
    top, floor = (lengths, 0) if step > 0 else (lengths - 1, -1)
    if step > 0 and start == 0:
        start = None

    def edge(bound: int) -> Any:
        return ops.xp.minimum(top, bound) if bound >= 0 else ops.xp.maximum(lengths + bound, floor)

    if step > 0:
        first = 0 if start is None else edge(start)
        last = lengths if stop is None else edge(stop)
        span = last if start is None else last - first
    else:
        first = top if start is None else edge(start)
        span = lengths if start is None and stop is None else first - (-1 if stop is None else edge(stop))
    if start is not None and stop is not None:
        span = ops.xp.maximum(span, 0)  # a slice that ends before it begins
    size = abs(step)
    return first, span if size == 1 else (span + (size - 1)) // size


def pick(ops: Backend, starts: Any, lengths: Any, index: Any, live: Any, numbers: Any = None) -> Any:
    """Elements of lists, as positions in their content: one `index` (an int, or an array of one for each list).

    `live` marks the lists that count (None: all); the others give 0. `numbers` (an array, or a
    function that makes it) are the lists' own numbers, for messages.

    Raises:
        OutOfRangeError: an index beyond its list.
    """
    if isinstance(index, int):
        inside = index if index >= 0 else lengths + index
        beyond = lengths <= index if index >= 0 else inside < 0
    else:
        inside = ops.where(index < 0, index + lengths, index)
        beyond = (inside < 0) | (inside >= lengths)
    if live is not None:
        beyond = beyond & live
    if ops.violated(beyond, "an index is out of range of its list"):
        raise_out_of_range(ops, lengths, index, beyond, numbers)
    found = starts + inside
    return found if live is None else ops.where(live, found, 0)


def raise_out_of_range(ops: Backend, lengths: Any, index: Any, beyond: Any, numbers: Any) -> None:
    """The error that names the first list whose index lies beyond it."""
    at = ops.bound(ops.flatnonzero(beyond)[:1], None)
    value = index if isinstance(index, int) else ops.bound(index[at : at + 1], None)
    length = lengths if isinstance(lengths, int) else ops.bound(lengths[at : at + 1], None)
    numbers = numbers() if callable(numbers) else numbers
    row = at if numbers is None else ops.bound(numbers[at : at + 1], None)
    raise OutOfRangeError(f"index {value} is out of range: list {row} has length {length}")


def regularise(ops: Backend, indices: Indices, size: Any, what: str) -> Any:
    """Indices along an axis of one size, counted from the front."""
    check_extent(indices, size, what)
    return from_front(ops, indices.index, size, what, indices.valid)


def from_front(ops: Backend, index: Any, size: Any, what: str, valid: Any = None) -> Any:
    """Positions along an axis of one size, counted from its front; where `valid` is given and false, anything.

    Raises:
        OutOfRangeError: a position beyond the axis; `what` is what the message calls it.
    """
    present = index if valid is None else ops.take(index, ops.flatnonzero(valid))
    if not (ops.known(present) and is_known(size)):
        ops.violated((present < -size) | (present >= size), f"an index is out of range of {what}")
        return ops.where(index < 0, index + size, index)
    if not ops.size(present):
        return index
    least, largest = ops.extremes(present)
    if ops.true((least < -size) | (largest >= size)):
        at = ops.bound(ops.flatnonzero((present < -size) | (present >= size))[:1], None)
        raise OutOfRangeError(
            f"index {ops.bound(present[at : at + 1], None)} is out of range: {what} has length {size}"
        )
    return index if ops.true(least >= 0) else ops.where(index < 0, index + size, index)


def check_extent(indices: Indices, size: Any, what: str) -> None:
    """A flat mask is as long as the axis that it masks."""
    if indices.extent is not None and differ(indices.extent, size, f"a mask has not the length of {what}"):
        raise StructureError(f"a mask of length {indices.extent} does not fit {what}, which has length {size}")


def repeat_each(ops: Backend, x: Any, n: Any, count: Any) -> Any:
    """Each of the `n` entries of `x` repeated `count` times (None stays None)."""
    return None if x is None else ops.reshape(ops.broadcast_to(x[:, None], (n, count)), (n * count,))


def tile(ops: Backend, x: Any, n: Any, count: Any) -> Any:
    """The `count` entries of `x`, all of them `n` times over (None stays None)."""
    return None if x is None else ops.reshape(ops.broadcast_to(x[None, :], (n, count)), (n * count,))


def positions(ops: Backend, starts: Any, n: Any, within: Any, count: Any) -> Any:
    """`starts[i] + within[j]` for each of the `n` starts and each of the `count` positions, flat."""
    return ops.reshape(starts[:, None] + within[None, :], (n * count,))


def step_in_rows(rows: Rows, at: Any, live: Any, turn: Any, head: Any) -> tuple[Any, Any, Any, Any]:
    """One slice, int or flat index array within each selected list: the new rows (for an index array their number if
    it opens new axes), and the selection of their elements."""
    ops = rows.ops
    if isinstance(head, slice) and is_full(head):
        if at is None and live is None:
            return rows, None, None, None if turn is None else ops.repeat(turn, rows.lengths, rows.total)
        new, inner = rows.take(ops.arange(rows.nrows) if at is None else at, live)
        return new, inner, None, None if turn is None else ops.repeat(turn, new.lengths, new.total)
    if isinstance(head, slice):
        starts, lengths = selected(rows, at, live)
        new, inner = slice_rows(rows, starts, lengths, head)
        return new, inner, None, None if turn is None else ops.repeat(turn, new.lengths, new.total)
    starts, lengths = selected(rows, at, None)
    if isinstance(head, int):
        return None, pick(ops, starts, lengths, head, live, at), live, turn
    check_lists_extent(ops, head, lengths, live, at)
    if turn is not None:
        return None, pick(ops, starts, lengths, ops.take(head.index, turn), live, at), live, turn
    n, size = ops.size(starts), ops.size(head.index)
    numbers = ops.arange(n) if at is None else at
    live = repeat_each(ops, live, n, size)
    if head.valid is not None:
        valid = tile(ops, head.valid, n, size)
        live = valid if live is None else live & valid
    inner = pick(
        ops,
        repeat_each(ops, starts, n, size),
        repeat_each(ops, lengths, n, size),
        tile(ops, head.index, n, size),
        live,
        repeat_each(ops, numbers, n, size),
    )
    return n, inner, live, tile(ops, ops.arange(size), n, size)


def check_lists_extent(ops: Backend, head: Indices, lengths: Any, live: Any, numbers: Any) -> None:
    """A flat mask applied to lists is as long as each of them."""
    if head.extent is None:
        return
    wrong = lengths != head.extent
    if live is not None:
        wrong = wrong & live
    if ops.violated(wrong, "a mask has not the length of the lists that it masks"):
        row = ops.bound(ops.flatnonzero(wrong)[:1], None)
        length = ops.bound(lengths[row : row + 1], None)
        row = row if numbers is None else ops.bound(numbers[row : row + 1], None)
        raise StructureError(f"a mask of length {head.extent} does not fit list {row}, which has length {length}")


def fit(ops: Backend, rows: Rows, at: Any, live: Any, k: Any) -> Any:
    """The elements of the selected lists, all of which must have `k`."""
    starts, lengths = selected(rows, at, None)
    wrong = lengths != k
    if live is not None:
        wrong = wrong & live
    if ops.violated(wrong, "a ragged index has not the length of the lists that it indexes"):
        row = ops.bound(ops.flatnonzero(wrong)[:1], None)
        length = ops.bound(lengths[row : row + 1], None)
        raise StructureError(f"a ragged index of length {k} does not fit list {row}, which has length {length}")
    n = ops.size(starts)
    found = positions(ops, starts, n, ops.arange(k), k)
    return found if live is None else ops.where(repeat_each(ops, live, n, k), found, 0)


def selected(rows: Rows, at: Any, live: Any) -> tuple[Any, Any]:
    """Starts and lengths of the selected lists; those that do not count have none."""
    if at is None:
        starts, lengths = rows.starts, rows.lengths
    else:
        starts, lengths = rows.ops.take(rows.starts, at), rows.ops.take(rows.lengths, at)
    return starts, lengths if live is None else rows.ops.where(live, lengths, 0)


def match_rows(rows: Rows, at: Any, live: Any, index: Any) -> tuple[Rows, Any, Any, Any]:
    """One axis of a ragged index against the selected lists.

    Returns the rows of the result, the selection of their elements (positions and, for an index with missing values,
    which are there), and the index of the next axis if there is one.
    """
    ops = rows.ops
    if live is not None:
        index = take(ops, index, ops.arange(index.rows.nrows), None, live)
    new, leaf = index.rows, index.content
    valid, flat = (leaf.valid, leaf.content) if isinstance(leaf, Option) else (None, leaf)
    if not isinstance(flat, Flat):
        return new, align(rows, at, live, new), None, leaf
    values = flat.data
    if ops.dtype(values).kind == "b":
        elements = align(rows, at, live, new)
        kept = values if valid is None else values | ~valid
        keep = ops.flatnonzero(kept)
        new = Rows.from_lengths(ops, ops.segment_count(kept, new), ops.size(keep))
        valid = None if valid is None else ops.take(valid, keep)
        return new, keep if elements is None else ops.take(elements, keep), valid, None
    starts, lengths = selected(rows, at, live)
    if new.width != 1:  # as that of argmax with keepdims
        starts, lengths = (ops.repeat(each, new.lengths, new.total) for each in (starts, lengths))
    return new, pick(ops, starts, lengths, values, valid, lambda: new.ids), valid, None


def align(rows: Rows, at: Any, live: Any, other: Rows) -> Any:
    """The elements of the selected lists (None: all, in order), whose lengths must be those of `other`."""
    ops = rows.ops
    if at is None and live is None and rows.same(other):
        return None
    starts, lengths = selected(rows, at, live)
    if not ops.agree(lengths, other.lengths, "the mask or index does not line up with the array"):
        wrong = lengths != other.lengths
        row = ops.bound(ops.flatnonzero(wrong)[:1], None)
        ours, theirs = (ops.bound(each[row : row + 1], None) for each in (lengths, other.lengths))
        raise StructureError(
            f"the mask or index does not line up with the array: list {row} has length {ours} in the array and "
            f"{theirs} in the index"
        )
    if at is None and live is None:
        return None
    return ops.ranges(starts, other)
