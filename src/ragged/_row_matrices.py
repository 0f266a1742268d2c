"""Matrices row by row: arrays whose last two axes are a matrix of a size of its own in each row.

`n * var * k` holds n matrices of k columns, `n * var * var` n matrices of any size, as long as the lists of a row are
equally long. Products and transposes take them one by one, and pad nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragged.errors import StructureError, UnsupportedError
from ragged.nodes import Flat, Lists, Node, Regular, is_text, regular
from ragged.operands import single, wrap
from ragged.rows import Rows, never_empty
from ragged.traverse import depth_range

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["Matrices", "begins", "home_of", "is_size", "matrices", "matrix_transpose", "nested", "of_each", "partition"]


@dataclass(frozen=True, slots=True)
class Matrices:
    """The last two axes of an array, as matrices one after another in `data`."""

    data: Any
    count: Any
    nrows: Any  # of each matrix: one size, or an array of them (structure)
    ncols: Any
    rows: Rows | None  # the matrices' rows, where their number differs
    outside: tuple[Any, ...]  # what the matrices are in: `Rows`, or the size and length of a regular axis


def matrix_transpose(x: Any) -> Any:
    """The array with its last two axes exchanged: each row is a matrix, of whatever size.

    Args:
        x: an array of at least three axes (of two, where it is regular) whose last two are matrices: `n * var * k`
            becomes `n * k * var`.

    Raises:
        StructureError: the lists of some row have different lengths.
        UnsupportedError: missing values, records or text.

    >>> import ragged
    >>> ragged.matrix_transpose(ragged.Array([[[1, 2, 3], [4, 5, 6]], [[7], [8]], []])).to_list()
    [[[1, 4], [2, 5], [3, 6]], [[7, 8]], []]
    """
    b, node, dense = single(x)
    if type(node) is Flat and len(node.data.shape) == 2:
        flipped = b.permute_dims(node.data, (1, 0))
        return wrap(b, Flat(flipped, b.size(flipped)), dense, x)
    return wrap(b, transposed(b, matrices(b, node, "matrix_transpose")), dense, x)


def transposed(b: Backend, x: Matrices) -> Node:
    """Each matrix the other way round."""
    ops = home_of(b, x)
    columns = partition(ops, x.ncols, x.count)
    lines = Rows.from_lengths(ops, of_each(ops, x.nrows, columns))  # one for each column of each matrix
    step = of_each(ops, of_each(ops, x.ncols, columns), lines)
    start = ops.take(begins(ops, x), columns.ids) + columns.positions
    content = b.take(x.data, ops.take(start, lines.ids) + lines.positions * step)
    rows = None if is_size(x.ncols) else columns
    return nested(b, Matrices(content, x.count, x.ncols, x.nrows, rows, x.outside), lines)


def matrices(b: Backend, node: Node, name: str) -> Matrices:
    """The matrices of an array.

    Raises:
        StructureError: fewer than three axes, or lists of different lengths in one matrix.
        UnsupportedError: anything but numbers.
    """
    least, most = depth_range(node)
    if least != most or most < 3:
        raise StructureError(
            f"{name} takes arrays of at least three axes, the last two of them matrices; this has {least}"
        )
    outside: list[Any] = []
    for _ in range(most - 3):
        inner, node = opened(b, node, name)
        outside.append(inner)
    if isinstance(node, Flat):
        count, nrows, ncols = b.shape(node.data)
        return Matrices(b.reshape(node.data, (count * nrows * ncols,)), count, nrows, ncols, None, tuple(outside))
    count = node.length
    across, content = opened(b, node, name)
    rows = across if isinstance(across, Rows) else None
    nrows = across[0] if rows is None else across.lengths
    if isinstance(content, Flat):
        total, ncols = b.shape(content.data)
        return Matrices(b.reshape(content.data, (total * ncols,)), count, nrows, ncols, rows, tuple(outside))
    lines, flat = opened(b, content, name)
    if not isinstance(flat, Flat) or not isinstance(lines, Rows):
        raise no_matrices(name, flat)
    ops = lines.ops
    ncols = widths(ops, lines.lengths, partition(ops, nrows, count) if rows is None else rows, name)
    return Matrices(flat.data, count, nrows, ncols, rows, tuple(outside))


def opened(b: Backend, node: Any, name: str) -> tuple[Any, Any]:
    """The outermost axis of lists (`Rows`, or size and length), and what is in them."""
    match node:
        case Lists(rows, content) if not is_text(node):
            return rows, content
        case Regular(content, size, length) if not is_text(node):
            return (size, length), content
        case Flat(data, length) if len(b.shape(data)) > 1:
            size, *rest = b.shape(data)[1:]
            return (size, length), Flat(b.reshape(data, (length * size, *rest)), length * size)
    raise no_matrices(name, node)


def no_matrices(name: str, node: Any) -> UnsupportedError:
    """The error of something that no matrix holds."""
    return UnsupportedError(
        f"{name} is for matrices of numbers, not for {'text' if is_text(node) else type(node).__name__}; "
        "take a field, or fill what is missing with ragged.fill_none"
    )


def widths(ops: Backend, lengths: Any, rows: Rows, name: str) -> Any:
    """The one length of all lists of a matrix, for each matrix.

    Raises:
        StructureError: they differ in some matrix.
    """
    padded = never_empty(ops, lengths)
    if isinstance(rows.total, int) and rows.total == 0:
        return rows.lengths * 0
    first = ops.take(padded, ops.where(rows.lengths > 0, rows.starts, 0))
    differs = lengths != ops.take(first, rows.ids)
    if ops.violated(differs, f"{name}: the lists of a matrix have different lengths"):
        k = int(ops.flatnonzero(differs)[0])
        i = int(rows.ids[k])
        raise StructureError(
            f"{name}: entry {i} is no matrix: its list 0 has length {int(first[i])}, but list {int(rows.positions[k])} "
            f"has {int(lengths[k])}"
        )
    return ops.where(rows.lengths > 0, first, 0)


def home_of(b: Backend, *each: Matrices) -> Backend:
    """Where the structure of matrices lives."""
    return b.home(*(size for x in each for size in (x.nrows, x.ncols) if not is_size(size)))


def is_size(x: Any) -> bool:
    """Whether all matrices have this size, rather than each its own."""
    return not hasattr(x, "shape")


def partition(ops: Backend, sizes: Any, count: Any) -> Rows:
    """Rows of these sizes."""
    return Rows.regular(ops, count, sizes) if is_size(sizes) else Rows.from_lengths(ops, sizes)


def of_each(ops: Backend, sizes: Any, rows: Rows) -> Any:
    """Each matrix's size for each element of its row."""
    return ops.full((rows.total,), sizes, "int64") if is_size(sizes) else ops.take(sizes, rows.ids)


def begins(ops: Backend, x: Matrices) -> Any:
    """Where in the data each matrix begins."""
    return partition(ops, x.nrows * x.ncols, x.count).starts


def nested(b: Backend, x: Matrices, lines: Rows) -> Node:
    """Matrices as an array again; `lines` are the rows of all of them, one after another."""
    node: Node
    if is_size(x.ncols):
        node = Flat(b.reshape(x.data, (lines.nrows, x.ncols)), lines.nrows)
    else:
        node = Lists(lines, Flat(x.data, lines.total))
    if is_size(x.nrows):
        node = regular(b, node, x.nrows, x.count)
    else:
        node = Lists(x.rows if x.rows is not None else Rows.from_lengths(home_of(b, x), x.nrows), node)
    for outer in reversed(x.outside):
        node = Lists(outer, node) if isinstance(outer, Rows) else regular(b, node, *outer)
    return node
