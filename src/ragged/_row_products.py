"""The product of matrices row by row: one product for all rows of one size, or one sum over all terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._row_matrices import Matrices, begins, home_of, is_size, matrices, nested, of_each, partition
from ragged.errors import StructureError
from ragged.rows import Ranges, Rows
from ragged.sizes import differ, is_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.backend import Backend
    from ragged.nodes import Node

__all__ = ["product_of_rows"]

FEW = 1 << 14
"""So many terms are added up at once, which takes a handful of kernels; more are multiplied size by size."""


def product_of_rows(b: Backend, x: Node, y: Node) -> Node:
    """Each row's matrix of `x` times that of `y`.

    Raises:
        StructureError: arrays that do not line up, or sizes that do not fit; the message names the row.
    """
    left, right = matrices(b, x, "matmul"), matrices(b, y, "matmul")
    ops = home_of(b, left, right)
    fit(ops, left, right)
    dtype = np.result_type(b.dtype(left.data), b.dtype(right.data))
    columns = left.rows if left.rows is not None else partition(ops, left.nrows, left.count)
    wide = right.ncols
    lines = (
        Rows.regular(ops, columns.total, wide) if is_size(wide) else Rows.from_lengths(ops, of_each(ops, wide, columns))
    )
    given = b.astype(left.data, dtype), b.astype(right.data, dtype)
    terms = lines.total * left.ncols if is_size(left.ncols) else None
    sizes = [partition(ops, each, left.count).lengths for each in (left.nrows, left.ncols, right.ncols)]
    if terms is None and is_known(lines.total):
        terms = int(ops.xp.sum(sizes[0] * sizes[1] * sizes[2]))
    if is_known(terms) and terms and terms > FEW:
        data = by_size(b, given, sizes, [each if is_size(each) else 0 for each in (left.ncols, wide, wide)])
    else:
        data = by_term(b, given, (begins(ops, left), begins(ops, right)), sizes, columns, lines)
    return nested(b, Matrices(data, left.count, left.nrows, wide, left.rows, left.outside), lines)


def fit(ops: Backend, x: Matrices, y: Matrices) -> None:
    """The matrices are as many, in the same lists, and each has as many columns as the other has rows.

    Raises:
        StructureError: they are not; the message names the first.
    """
    pairs = zip(x.outside, y.outside, strict=False)
    same = len(x.outside) == len(y.outside) and all(equal_axes(one, other) for one, other in pairs)
    if not same or differ(x.count, y.count, "matmul: arrays of as many matrices"):
        raise StructureError(
            f"matmul: the axes above the matrices differ: {x.count} matrices in {len(x.outside) + 1} axes, and "
            f"{y.count} in {len(y.outside) + 1}"
        )
    inner, other = x.ncols, y.nrows
    if is_size(inner) and is_size(other):
        if differ(inner, other, "matmul: as many columns as the other has rows"):
            raise StructureError(f"matmul: {inner} columns on the left, but {other} rows on the right")
        return
    wrong = (inner != other) & (partition(ops, x.nrows, x.count).lengths > 0)
    if ops.violated(wrong, "matmul: as many columns as the other has rows"):
        i = int(ops.flatnonzero(wrong)[0])
        columns, rows = (each if is_size(each) else int(each[i]) for each in (inner, other))
        raise StructureError(f"matmul: entry {i} has {columns} columns on the left, but {rows} rows on the right")


def equal_axes(x: Any, y: Any) -> bool:
    """Whether two axes above the matrices are the same."""
    if isinstance(x, Rows) and isinstance(y, Rows):
        return x.same(y)
    return not isinstance(x, Rows) and not isinstance(y, Rows) and not differ(x[0], y[0], "matmul: equal axes")


def by_term(b: Backend, data: Any, starts: Any, sizes: Any, columns: Rows, lines: Rows) -> Any:
    """The entries of all products, each the sum of its terms.

    `columns` are the rows of each left matrix, `lines` the entries of each row of the products.
    """
    ops, (x, y) = lines.ops, data
    line = lines.ids  # of each entry of the products
    of = ops.take(columns.ids, line)
    inner, wide = ops.take(sizes[1], of), ops.take(sizes[2], of)
    terms = Rows.from_lengths(ops, inner)
    left = Ranges(ops.take(starts[0], of) + ops.take(columns.positions, line) * inner, terms)
    first = ops.take(starts[1], of) + lines.positions
    right = ops.take(first, terms.ids) + terms.positions * ops.take(wide, terms.ids)
    return b.segment_sum(b.apply("multiply", b.take_ranges(x, left), b.take(y, right)), terms)


def by_size(b: Backend, data: Any, sizes: Any, widths: Any) -> Any:
    """The entries of all products, those of matrices of equal sizes by one product of stacks.

    `widths` are the numbers of columns of left, right and products where all have one: whole rows are gathered then.
    """
    rows, inner, wide = sizes
    ops = b.home(rows, inner, wide)
    order, cuts, shapes = alike(ops, sizes)
    counts = np.diff(cuts).tolist()
    stacks = []
    for x, (height, across), width, side in zip(data, ((rows, inner), (inner, wide)), widths, (0, 1), strict=False):
        size = height if width else height * across
        x = b.reshape(x, (b.size(x) // width, width)) if width else x
        if order is not None:
            taken = Rows.from_lengths(ops, ops.take(size, order))
            x = b.take_ranges(x, Ranges(ops.take(Rows.from_lengths(ops, size).starts, order), taken))
        each = [n * shape[side] * (1 if width else shape[side + 1]) for n, shape in zip(counts, shapes, strict=True)]
        stacks.append(pieces(b, x, [0, *np.cumsum(each).tolist()]))
    products = []
    for n, (r, k, c), x, y in zip(counts, shapes, *stacks, strict=True):
        product = b.matmul(b.reshape(x, (n, r, k)), b.reshape(y, (n, k, c)))
        products.append(b.reshape(product, (n * r, c) if widths[2] else (n * r * c,)))
    found = products[0] if len(products) == 1 else b.concat(products)
    if order is not None:
        size = rows if widths[2] else rows * wide
        places = Rows.from_lengths(ops, ops.take(size, order)).starts
        back = ops.take(places, ops.segment_argsort(order, Rows.regular(ops, 1, ops.size(order))))
        found = b.take_ranges(found, Ranges(back, Rows.from_lengths(ops, size)))
    return b.reshape(found, (sum(n * r * c for n, (r, _, c) in zip(counts, shapes, strict=True)),))


def alike(ops: Backend, sizes: Any) -> tuple[Any, list[int], list[tuple[int, int, int]]]:
    """The matrices in an order that brings equal sizes together (None: they are all equal), where each size begins,
    and the sizes."""
    rows, inner, wide = sizes
    key = (rows * (ops.largest(inner) + 1) + inner) * (ops.largest(wide) + 1) + wide
    order = ops.segment_argsort(key, Rows.regular(ops, 1, ops.size(key)))
    ordered = ops.take(key, order)
    begin = ops.concat([ops.full((1,), 0, "int64"), ops.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
    first = ops.take(order, begin)
    shapes = [tuple(ops.to_numpy(ops.take(size, first)).tolist()) for size in sizes]
    cuts = [*ops.to_numpy(begin).tolist(), ops.size(key)]
    return (order if len(cuts) > 2 else None), cuts, list(zip(*shapes, strict=True))


def pieces(b: Backend, x: Any, cuts: Sequence[int]) -> list[Any]:
    """An array cut in places. By halves: the derivative of a slice is as long as what was cut."""
    if len(cuts) == 2:
        return [x]
    middle = len(cuts) // 2
    at = cuts[middle] - cuts[0]
    before, after = b.slice(x, 0, at), b.slice(x, at, cuts[-1] - cuts[0])
    return pieces(b, before, cuts[: middle + 1]) + pieces(b, after, cuts[middle:])
