"""What a reducer does to the values of its segments, one primitive each; composed forms where a derivative is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._namespace import kind_of
from ragged.errors import DTypeError
from ragged.nodes import filled_like
from ragged.rows import Rows
from ragged.sizes import is_known

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend
    from ragged.rows import Groups, Segments

__all__ = [
    "all_of",
    "along",
    "any_of",
    "count_nonzero_of",
    "count_of",
    "extremum_adjoint",
    "extremum_of",
    "first_largest",
    "first_smallest",
    "largest_of",
    "prod_of",
    "sizes",
    "smallest_of",
    "spread",
    "sum_all",
    "sum_of",
]

WIDE = {"b": np.dtype("int64"), "i": np.dtype("int64"), "u": np.dtype("uint64")}


def widened(b: Backend, x: Any) -> Any:
    """Booleans and small integers as 64-bit ones, as sums and products of them are."""
    dtype = b.dtype(x)
    wide = WIDE.get(dtype.kind)
    return x if wide is None or wide == dtype else b.astype(x, wide)


def sum_of(b: Backend, x: Any, segments: Segments, initial: Any = None) -> Any:
    """Sum of each segment."""
    if b.dtype(x).kind == "M":
        raise DTypeError(f"dates ({b.dtype(x)}) have no sum; subtract one of them first")
    return b.segment_sum(widened(b, x), segments)


def sum_all(b: Backend, x: Any) -> Any:
    """Sum of everything."""
    if b.dtype(x).kind == "M":
        raise DTypeError(f"dates ({b.dtype(x)}) have no sum; subtract one of them first")
    return b.sum(widened(b, x), (0,))


def sizes(b: Backend, segments: Any) -> Any:
    """Number of elements of each segment, as structure."""
    if segments.offsets is not None:
        return segments.lengths
    ops = b.home(segments.ids)
    return ops.segment_sum(ops.full((ops.size(segments.ids),), 1, "int64"), segments)


def count_of(b: Backend, x: Any, segments: Segments, initial: Any = None) -> Any:
    """Number of elements of each segment."""
    return b.asarray(sizes(b, segments))


def truth(b: Backend, x: Any) -> Any:
    """Whether each value is nonzero (NaN is)."""
    kind = b.dtype(x).kind
    if kind == "b":
        return x
    return b.apply("not_equal", b.astype(x, "int64") if kind in "mM" else b.stop_gradient(x), 0)


def any_of(b: Backend, x: Any, segments: Segments, initial: Any = None) -> Any:
    """Whether any value of each segment is nonzero."""
    return b.segment_max(truth(b, x), segments, False)


def all_of(b: Backend, x: Any, segments: Segments, initial: Any = None) -> Any:
    """Whether all values of each segment are nonzero."""
    return b.segment_min(truth(b, x), segments, True)


def count_nonzero_of(b: Backend, x: Any, segments: Segments, initial: Any = None) -> Any:
    """Number of nonzero values of each segment."""
    return b.segment_sum(b.astype(truth(b, x), "int64"), segments)


def least(dtype: np.dtype[Any], largest: bool) -> Any:
    """The value that never wins: what the maximum (or minimum) of nothing is."""
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return info.min if largest else info.max
    if dtype.kind == "b":
        return not largest
    if dtype.kind in "mM":
        bits = np.iinfo("int64")
        return np.array(bits.min if largest else bits.max, "int64").view(dtype)[()]
    return -np.inf if largest else np.inf


def checked_initial(dtype: np.dtype[Any], initial: Any) -> Any:
    """`initial` in the array's dtype, refused where that would change it."""
    if dtype.kind in "iub" and (initial != initial or initial in (np.inf, -np.inf) or initial != dtype.type(initial)):
        raise DTypeError(f"initial={initial!r} is no {dtype}; convert the array first, as values_astype(x, float)")
    return np.asarray(initial).astype(dtype)[()]


def largest_of(b: Backend, x: Any, segments: Segments, initial: Any = None) -> Any:
    """Maximum of each segment; tied values share its derivative equally."""
    return extremum_of(b, x, segments, initial, True)


def smallest_of(b: Backend, x: Any, segments: Segments, initial: Any = None) -> Any:
    """Minimum of each segment; tied values share its derivative equally."""
    return extremum_of(b, x, segments, initial, False)


def extremum_of(b: Backend, x: Any, segments: Segments, initial: Any, largest: bool) -> Any:
    """Maximum or minimum of each segment, and of `initial` where it is given."""
    dtype = b.dtype(x)
    identity = least(dtype, largest)
    if kind_of(dtype) in "fc" and b.differentiating(x):
        value = b.tied_extremum(x, segments, identity, largest)
        if value is None:
            value = b.fused(shared_extremum, x, segments, identity, largest)
    else:
        value = (b.segment_max if largest else b.segment_min)(x, segments, identity)
    if initial is None:
        return value
    return b.apply("maximum" if largest else "minimum", value, checked_initial(dtype, initial))


def spread(b: Backend, x: Any, segments: Any) -> Any:
    """Each segment's entry of `x`, for each of the segment's elements."""
    return b.take(x, segments.ids) if segments.offsets is None else b.expand(x, segments)


def tied(b: Backend, x: Any, best: Any, segments: Any) -> Any:
    """Which values equal the best of their segment; NaN, which equals nothing and yet wins, does."""
    ties = b.apply("equal", x, spread(b, best, segments))
    return b.apply("logical_or", ties, b.apply("not_equal", x, x)) if kind_of(b.dtype(x)) in "fcmM" else ties


def first_largest(b: Backend, x: Any, segments: Any, initial: Any = None) -> Any:
    """Index in `x` of each segment's first maximum."""
    return first_extremum(b, x, segments, True)


def first_smallest(b: Backend, x: Any, segments: Any, initial: Any = None) -> Any:
    """Index in `x` of each segment's first minimum."""
    return first_extremum(b, x, segments, False)


def first_extremum(b: Backend, x: Any, segments: Any, largest: bool) -> Any:
    """Index in `x` of each segment's first maximum (or minimum; NaN wins), structure; anything where it is empty."""
    x = b.stop_gradient(x)
    if segments.offsets is not None:
        return b.segment_argmax(x, segments, largest)
    return first_tied(b, x, segments, largest)


def first_tied(b: Backend, x: Any, segments: Any, largest: bool) -> Any:
    """The same from the extrema: the first of the values that equal their segment's."""
    best = (b.segment_max if largest else b.segment_min)(x, segments, least(b.dtype(x), largest))
    ties = b.as_structure(tied(b, x, best, segments))
    ops = b.home(ties)
    n = ops.size(ties)
    index = ops.segment_min(ops.where(ties, ops.arange(n), n), segments, n)
    return ops.where(index < n, index, 0)


def along(*axes: str) -> Callable[[Any], Any]:
    """Of a fused function, what its result, and then its options that are arrays, have entries for: elements, rows."""

    def mark(f: Any) -> Any:
        f.along = axes
        return f

    return mark


def extremum_adjoint(b: Backend, g: Any, y: Any, x: Any, segments: Any) -> Any:
    """The cotangent of what the extrema `y` were taken of: tied values share their segment's."""
    return b.fused(shared_cotangent, b.stop_gradient(x), segments, b.stop_gradient(y), g)


@along("elements", "rows", "rows")
def shared_cotangent(b: Backend, x: Any, segments: Any, best: Any, g: Any) -> Any:
    """Each segment's entry of `g` in equal shares for the values that are tied for its best; 0 for the others."""
    ties = tied(b, x, best, segments)
    count = b.apply("maximum", b.segment_count(ties, segments), 1)
    share = b.apply("true_divide", g, count)
    return b.where(ties, spread(b, share, segments), 0)


def shared_extremum(b: Backend, x: Any, segments: Any, identity: Any, largest: bool) -> Any:
    """The extremum as a constant, plus differences, all exactly 0, through which tied values share the slope equally.

    An infinite extremum, where those differences are no numbers, is the average of the values that are tied.
    No structure comes of the values, so that this also runs where they are not known yet.
    """
    fixed = b.stop_gradient(x)
    best = (b.segment_max if largest else b.segment_min)(fixed, segments, identity)
    ties = tied(b, fixed, best, segments)
    count = b.segment_sum(b.astype(ties, b.dtype(x)), segments)
    none, one = b.full((), 0, b.dtype(x)), b.full((), 1, b.dtype(x))
    empty = b.apply("equal", count, 0)
    share = b.apply("true_divide", one, b.where(empty, one, count))
    finite = b.apply("isfinite", fixed)
    gaps = b.where(b.apply("logical_and", ties, finite), b.apply("subtract", x, b.where(finite, fixed, none)), none)
    value = b.apply("add", best, b.apply("multiply", b.segment_sum(gaps, segments), share))
    usual = b.apply("logical_or", b.apply("isfinite", best), empty)
    ops = b.home(segments.ids)
    if b.known(usual) and ops.true(ops.xp.all(b.as_structure(usual))):
        return value
    average = b.segment_sum(b.where(ties, b.apply("multiply", x, spread(b, share, segments)), none), segments)
    return b.where(usual, value, average)


def prod_of(b: Backend, x: Any, segments: Segments, initial: Any = None) -> Any:
    """Product of each segment, exact with zeros and negatives, in values and derivatives."""
    if b.dtype(x).kind in "mM":
        raise DTypeError(f"times ({b.dtype(x)}) have no product")
    x = widened(b, x)
    if not b.differentiating(x):
        native = b.segment_prod(x, segments)
        if native is not None:
            return native
    return pairwise_prod(b, x, segments)


def pairwise_prod(b: Backend, x: Any, segments: Any) -> Any:
    """Neighbours multiplied until one value a segment is left: as many rounds as the longest one has halvings."""
    if segments.offsets is None:
        segments, order = gathered(b, segments)
        x = b.take(x, order)
    x, rows = b.contracted(halved, x, segments)
    ops = rows.ops
    filled = rows.lengths > 0
    if not is_known(rows.total):  # there may be nothing at all, so 1 stands behind it
        x = b.concat([x, b.full((1, *b.shape(x)[1:]), 1, b.dtype(x))])
        return b.take(x, ops.where(filled, rows.starts, rows.total))
    if not rows.total:
        return filled_like(b, x, rows.nrows, 1)
    result = b.take(x, ops.where(filled, rows.starts, 0))
    return b.where(upright(ops, filled, result), result, b.full((), 1, b.dtype(x)))


def halved(b: Backend, x: Any, rows: Rows) -> tuple[Any, Rows]:
    """Each value multiplied with its right neighbour, if its row has one: rows of half the length."""
    ops = rows.ops
    halves = Rows.from_lengths(ops, (rows.lengths + 1) // 2, upper=(rows.total + rows.nrows) // 2)
    position = halves.positions * 2
    paired = position + 1 < ops.repeat(rows.lengths, halves.lengths, halves.total)
    even = position + ops.repeat(rows.starts, halves.lengths, halves.total)
    odd = b.take(x, ops.where(paired, even + 1, even))
    odd = b.where(upright(ops, paired, odd), odd, b.full((), 1, b.dtype(x)))
    return b.apply("multiply", b.take(x, even), odd), halves


def upright(ops: Backend, mask: Any, x: Any) -> Any:
    """A mask of the entries of `x`, with the trailing axes that `where` needs to line them up."""
    return mask if x.ndim == 1 else ops.reshape(mask, (ops.size(mask), *(1,) * (x.ndim - 1)))


def gathered(b: Backend, groups: Groups) -> tuple[Rows, Any]:
    """Contiguous rows of the groups, and the order of the elements that makes them so."""
    ops = b.home(groups.ids)
    n = ops.size(groups.ids)
    order = ops.segment_argsort(groups.ids, Rows.regular(ops, 1, n))
    counts = ops.segment_sum(ops.full((n,), 1, "int64"), groups)
    return Rows.from_lengths(ops, counts, n), order
