"""Arrays from content and structure given apart (offsets, lengths, row ids, a mask), and back to padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.array import Array
from ragged.construct import build
from ragged.errors import DTypeError, StructureError
from ragged.nodes import Flat, Lists, Option, Unknown, filled_like, is_text, rows_of, slice_node, take
from ragged.operands import common_backend, metadata, move, single
from ragged.registry import backend_of_dense, get_backend
from ragged.rows import Rows, never_empty, owned
from ragged.rows import joined as join
from ragged.sizes import differ, is_known
from ragged.validation import check_ids, check_lengths, check_offsets

if TYPE_CHECKING:
    from ragged.backend import Backend
    from ragged.nodes import Node

__all__ = ["from_lengths", "from_offsets", "from_padded", "from_row_ids", "to_padded"]


def structure(x: Any, what: str) -> tuple[Backend, Any]:
    """Numbers that describe structure (a sequence, or an array of any framework), and the backend they come from."""
    if isinstance(x, Array):
        if not isinstance(x.layout, Flat):
            raise StructureError(f"{what} must be a one-dimensional array of integers, not {x.typestr}")
        return x._backend, x._backend.as_structure(x.layout.data)
    owner = backend_of_dense(x)
    if owner is None:
        owner = get_backend("numpy")
        try:
            x = np.asarray(x)
        except ValueError as error:
            raise DTypeError(f"{what} must be a one-dimensional array of integers: {error}") from None
    return owner, owner.as_structure(x)


def built(content: Any) -> tuple[Backend, Node]:
    """Content where constructors build (`ragged.use`), else where it is."""
    array = build(content)
    if not isinstance(array, Array):
        raise StructureError(f"the content must be an array or a sequence, not the single value {content!r}")
    return array._backend, array.layout


def joined(content: Any, numbers: Any, what: str) -> tuple[Backend, Node, Backend, Any]:
    """Content and structure on one backend: it, the content's node, the structure's own backend, the structure."""
    b, node = built(content)
    owner, numbers = structure(numbers, what)
    common = common_backend([b, owner])
    return common, move(common, node, b), *join(common, owned(owner, numbers), owner)


def from_offsets(content: Any, offsets: Any) -> Array:
    """Rows of `content`: row `i` holds the elements `offsets[i]:offsets[i + 1]`.

    Args:
        content: an array of any framework, an Array, or a sequence; it stays where it is, not copied, and gradients
            flow to it. What lies beyond the last offset is left out.
        offsets: integers, one more than there are rows; they start at 0 and never decrease.

    Raises:
        StructureError: offsets that do not start at 0, that decrease or that overrun the content; the message names
            the row.
        DTypeError: offsets that are no integers.

    >>> import ragged
    >>> ragged.from_offsets([1.0, 2.0, 3.0], [0, 2, 2, 3])
    <Array [[1, 2], [], [3]] type='3 * var * float64'>
    """
    b, node, ops, offsets = joined(content, offsets, "offsets")
    offsets = check_offsets(ops, offsets, node.length)
    rows = Rows(ops, offsets, total=ops.bound(offsets, node.length))
    return Array._of(Lists(rows, trimmed(b, node, rows.total)), b, *metadata((content,)))


def trimmed(b: Backend, node: Node, total: Any) -> Node:
    """The first `total` entries."""
    return node if total is node.length or total == node.length else slice_node(b, node, 0, total)


def from_lengths(content: Any, lengths: Any) -> Array:
    """Rows of `content` of the given lengths, one after another.

    Args:
        content: as in `from_offsets`.
        lengths: one non-negative integer a row; their sum is the number of elements.

    Raises:
        StructureError: a negative length, or lengths whose sum is not the number of elements.
        DTypeError: lengths that are no integers.

    >>> import ragged
    >>> ragged.from_lengths([1.0, 2.0, 3.0], [2, 0, 1])
    <Array [[1, 2], [], [3]] type='3 * var * float64'>
    """
    b, node, ops, lengths = joined(content, lengths, "lengths")
    lengths = check_lengths(ops, lengths)
    if ops.violated(ops.xp.sum(lengths) != node.length, "the lengths do not add up to the number of elements"):
        raise StructureError(
            f"the lengths add up to {int(ops.xp.sum(lengths))}, but the content has {node.length} elements"
        )
    return Array._of(Lists(Rows.from_lengths(ops, lengths, node.length), node), b, *metadata((content,)))


def from_row_ids(content: Any, ids: Any, nrows: Any = None) -> Array:
    """Rows of `content`: element `k` belongs to row `ids[k]`.

    Args:
        content: as in `from_offsets`.
        ids: one non-negative integer an element, in ascending order.
        nrows: number of rows; by default the last id plus one.

    Raises:
        StructureError: ids that are not sorted, or not one for each element.
        OutOfRangeError: an id that is negative, or not below `nrows`.
        DTypeError: ids that are no integers.

    >>> import ragged
    >>> ragged.from_row_ids([1.0, 2.0, 3.0], [0, 0, 2], nrows=4)
    <Array [[1, 2], [], [3], []] type='4 * var * float64'>
    """
    b, node, ops, ids = joined(content, ids, "row ids")
    if nrows is not None and nrows < 0:
        raise StructureError(f"nrows must not be negative, not {nrows}")
    ids = check_ids(ops, ids, nrows)
    if differ(ops.size(ids), node.length, "each element needs a row id"):
        raise StructureError(f"there are {ops.size(ids)} row ids for {node.length} elements; each needs one")
    if nrows is None:
        nrows = ops.largest(ids + 1)
    rows = Rows(ops, ops.searchsorted(ids, ops.arange(nrows + 1)), nrows, node.length)
    return Array._of(Lists(rows, node), b, *metadata((content,)))


def from_padded(dense: Any, mask: Any = None, lengths: Any = None) -> Array:
    """Rows of a rectangular array without its padding.

    Args:
        dense: an array of shape (rows, columns, ...), of any framework.
        mask: booleans of shape (rows, columns), True where a value is (anywhere in its row).
        lengths: instead of `mask`, how many values each row begins with. Without either all are values.

    Raises:
        StructureError: shapes that disagree, or a length beyond the number of columns.

    >>> import ragged
    >>> ragged.from_padded([[1.0, 2.0], [3.0, 0.0]], lengths=[2, 1])
    <Array [[1, 2], [3]] type='2 * var * float64'>
    """
    if mask is not None and lengths is not None:
        raise StructureError("from_padded takes a mask or lengths, not both")
    b, node = rectangle(dense)
    if not isinstance(node, Flat) or node.data.ndim < 2:
        raise StructureError("from_padded takes a rectangular array of at least two dimensions")
    given = mask if mask is not None else lengths
    if given is not None:
        owner, given = structure(given, "lengths") if mask is None else mask_structure(mask)
        common = common_backend([b, owner])
        b, node = common, move(common, node, b)
        given = join(b, given, owner)[1]
    n, m, *rest = b.shape(node.data)
    ops = b.home() if given is None else b.home(given)
    content = Flat(b.reshape(node.data, (n * m, *rest)), n * m)
    if given is None:
        return Array._of(Lists(Rows.regular(ops, n, m), content), b)
    rows, index = by_mask(ops, given, n, m) if mask is not None else by_lengths(ops, given, n, m)
    return Array._of(Lists(rows, Flat(b.take(content.data, index), rows.total)), b)


def rectangle(x: Any) -> tuple[Backend, Node]:
    """A new array's node, nested lists of one length as a regular axis."""
    b, node = built(x)
    if isinstance(node, Lists) and not is_text(node):
        import ragged

        b, node, _ = single(ragged.to_regular(Array._of(node, b)))
    return b, node


def mask_structure(mask: Any) -> tuple[Backend, Any]:
    """A mask of any framework as structure."""
    b, node = rectangle(mask)
    if not isinstance(node, Flat) or b.dtype(node.data).kind != "b":
        raise DTypeError("the mask must be a rectangular array of booleans, True where a value is")
    return b, b.as_structure(node.data)


def by_mask(ops: Backend, mask: Any, n: Any, m: Any) -> tuple[Rows, Any]:
    """The rows that a mask leaves, and the index of their elements in the rectangle."""
    shape, what = tuple(ops.shape(mask)), "the mask has not the shape of the array"
    if len(shape) != 2 or differ(shape[0], n, what) or differ(shape[1], m, what):
        raise StructureError(f"the mask has shape {shape}, but the array begins with {(n, m)}")
    rows = Rows.from_lengths(ops, ops.sum(ops.astype(mask, "int64"), (1,)), upper=n * m)
    return rows, ops.flatnonzero(ops.reshape(mask, (n * m,)), rows.total)


def by_lengths(ops: Backend, lengths: Any, n: Any, m: Any) -> tuple[Rows, Any]:
    """The rows of the given lengths, and the index of their elements in the rectangle."""
    lengths = check_lengths(ops, owned(ops, lengths))
    if differ(ops.size(lengths), n, "there is one length for each row"):
        raise StructureError(f"there are {ops.size(lengths)} lengths for {n} rows")
    beyond = lengths > m
    if ops.violated(beyond, "a row has more values than the array has columns"):
        i = int(ops.flatnonzero(beyond)[0])
        raise StructureError(f"row {i} cannot have {int(lengths[i])} values; the array has {m} columns")
    rows = Rows.from_lengths(ops, lengths, upper=n * m)
    return rows, rows.ids * m + rows.positions


def to_padded(x: Any, fill: Any = 0, max_len: int | None = None) -> tuple[Any, Any]:
    """A rectangular array of the rows, and a mask that is True where a value is.

    Args:
        x: an array with one ragged axis; missing values and missing rows count as padding.
        fill: what to pad with; it may widen the dtype (NaN among integers).
        max_len: number of columns; longer rows are cut. By default the longest row's length.

    Returns:
        The dense array, of shape (rows, columns, ...), and the mask, of shape (rows, columns); both of x's framework.

    Raises:
        StructureError: not one ragged axis (flatten deeper ones first, or take a field).

    >>> import ragged
    >>> dense, mask = ragged.to_padded(ragged.Array([[1, 2], [], [3]]))
    >>> dense
    array([[1, 2],
           [0, 0],
           [3, 0]])
    """
    b, node, _ = single(x)
    rows, valid, flat = one_axis(b, node)
    ops = rows.ops
    n, m = rows.nrows, rows.longest if max_len is None else max_len
    columns = ops.arange(m)[None, :]
    mask = columns < rows.lengths[:, None]
    dtype = padded_dtype(b.dtype(flat.data), fill)
    rest = b.shape(flat.data)[1:]
    if not is_known(flat.length):  # it may turn out to be empty, and then 0 would be out of range
        flat = Flat(b.concat([flat.data, b.full((1, *rest), 0, b.dtype(flat.data))]), flat.length)
        valid = None if valid is None else never_empty(b.home(valid), valid)
    if isinstance(flat.length, int) and flat.length == 0:
        padding = filled_like(b, b.astype(flat.data, dtype), n * m, fill)
        return b.reshape(padding, (n, m, *rest)), b.asarray(mask)
    index = ops.reshape(ops.where(mask, rows.starts[:, None] + columns, 0), (n * m,))
    if valid is not None:
        mask = mask & ops.reshape(b.home(valid).take(valid, index), (n, m))
    dense = b.reshape(b.take(b.astype(flat.data, dtype), index), (n, m, *rest))
    condition = ops.reshape(mask, (n, m, *(1 for _ in rest)))
    return b.where(condition, dense, np.asarray(fill, dtype)[()]), b.asarray(mask)


def one_axis(b: Backend, node: Node) -> tuple[Rows, Any, Flat]:
    """The rows, the valid elements (None: all) and the content of an array with one ragged (or regular) axis."""
    present = None
    if isinstance(node, Option):
        present, node = node.valid, node.content
    if isinstance(node, Lists) or (isinstance(node, Flat) and node.data.ndim > 1):
        rows, content = rows_of(b, node)
        if present is not None:
            ops = rows.ops
            rows, index = rows.select(ops.arange(rows.nrows) * 0, ops.where(present, rows.lengths, 0))
            content = take(b, content, index)
        valid = None
        if isinstance(content, Option):
            valid, content = content.valid, content.content
        if isinstance(content, Unknown):
            content = Flat(b.full((content.length,), 0, np.dtype(np.float64)), content.length)
        if isinstance(content, Flat) and not is_text(node):
            return rows, valid, content
    raise StructureError(
        f"to_padded takes an array with one ragged axis of numbers, not {Array._of(node, b).typestr}; "
        f"flatten the deeper axes, or take one field"
    )


def padded_dtype(dtype: np.dtype[Any], fill: Any) -> np.dtype[Any]:
    """The dtype that holds both the values and what they are padded with."""
    if dtype.kind == "b" and fill in (0, 1):
        return dtype
    return np.result_type(dtype, fill)
