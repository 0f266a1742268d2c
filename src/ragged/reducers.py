"""Reducers: one value for each list along an axis, or for the whole array."""

from __future__ import annotations

from typing import Any

from ragged import _segments as segments
from ragged._reduce import Reducer, reduce

__all__ = ["all", "any", "argmax", "argmin", "count", "count_nonzero", "max", "min", "prod", "sum"]


def _plain(b: Any, x: Any) -> bool:
    """Composed forms are written for one axis; natives take trailing ones."""
    return not b.differentiating(x)


def _always(b: Any, x: Any) -> bool:
    return True


SUM = Reducer("sum", segments.sum_of, full=segments.sum_all, trailing=_always)
PROD = Reducer("prod", segments.prod_of, trailing=_plain)
MIN = Reducer("min", segments.smallest_of, trailing=_plain)
MAX = Reducer("max", segments.largest_of, trailing=_plain)
ANY = Reducer("any", segments.any_of, "bool", trailing=_always)
ALL = Reducer("all", segments.all_of, "bool", trailing=_always)
COUNT = Reducer("count", segments.count_of, text=True)
COUNT_NONZERO = Reducer("count_nonzero", segments.count_nonzero_of, trailing=_always)
ARGMIN = Reducer("argmin", segments.first_smallest, "int64", positional=True)
ARGMAX = Reducer("argmax", segments.first_largest, "int64", positional=True)


def sum(
    array: Any,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    mask_identity: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Sums along an axis, or of everything (a 0-d value); 0 where a list is empty.

    Args:
        array: anything that becomes an array; missing values count as absent.
        axis: 0 is the outermost axis; negative ones count from the innermost; None sums everything.
        keepdims: keep the reduced axis, with length 1.
        mask_identity: None instead of 0 where a list is empty.

    Raises:
        AxisError: no such axis.
        DTypeError: records, text, or dates.

    >>> import ragged
    >>> ragged.sum([[1, 2, 3], [], [4, 5]], axis=1)
    <Array [6, 0, 9] type='3 * int64'>
    >>> ragged.sum([[1, 2, 3], [], [4, 5]], axis=0)
    <Array [5, 7, 3] type='3 * int64'>
    """
    return reduce(SUM, array, axis, keepdims, mask_identity, None, behavior, attrs)


def prod(
    array: Any,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    mask_identity: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Products along an axis, or of everything; 1 where a list is empty. Arguments as for `sum`.

    >>> import ragged
    >>> ragged.prod([[1, 2, 3], [], [4, 5]], axis=1)
    <Array [6, 1, 20] type='3 * int64'>
    """
    return reduce(PROD, array, axis, keepdims, mask_identity, None, behavior, attrs)


def min(
    array: Any,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    mask_identity: bool = True,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Minima along an axis, or of everything; None where a list is empty. NaN wins, as in NumPy.

    Args:
        array, axis, keepdims: as for `sum`.
        initial: a value that the result cannot exceed.
        mask_identity: if False, an empty list gives `initial`, else infinity or the dtype's largest value.

    Raises:
        DTypeError: an `initial` that the array's dtype cannot hold.

    >>> import ragged
    >>> ragged.min([[1, 2, 3], [], [4, 5]], axis=1)
    <Array [1, None, 4] type='3 * ?int64'>
    """
    return reduce(MIN, array, axis, keepdims, mask_identity, initial, behavior, attrs)


def max(
    array: Any,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    mask_identity: bool = True,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Maxima along an axis, or of everything; None where a list is empty. NaN wins, as in NumPy.

    Args:
        array, axis, keepdims: as for `sum`.
        initial: a value that the result cannot fall below.
        mask_identity: if False, an empty list gives `initial`, else minus infinity or the dtype's least value.

    Raises:
        DTypeError: an `initial` that the array's dtype cannot hold.

    >>> import ragged
    >>> ragged.max([[1, 2, 3], [], [4, 5]], axis=1)
    <Array [3, None, 5] type='3 * ?int64'>
    """
    return reduce(MAX, array, axis, keepdims, mask_identity, initial, behavior, attrs)


def any(
    array: Any,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    mask_identity: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Whether any value is true (nonzero), along an axis or at all. Arguments as for `sum`.

    >>> import ragged
    >>> ragged.any([[0, 2], [], [0]], axis=1)
    <Array [True, False, False] type='3 * bool'>
    """
    return reduce(ANY, array, axis, keepdims, mask_identity, None, behavior, attrs)


def all(
    array: Any,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    mask_identity: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Whether all values are true (nonzero), along an axis or at all. Arguments as for `sum`.

    >>> import ragged
    >>> ragged.all([[0, 2], [], [1]], axis=1)
    <Array [False, True, True] type='3 * bool'>
    """
    return reduce(ALL, array, axis, keepdims, mask_identity, None, behavior, attrs)


def count(
    array: Any,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    mask_identity: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """How many values (a text is one) are not missing, along an axis or at all. Arguments as for `sum`.

    >>> import ragged
    >>> ragged.count([[1, None], [], [3]], axis=1)
    <Array [1, 0, 1] type='3 * int64'>
    """
    return reduce(COUNT, array, axis, keepdims, mask_identity, None, behavior, attrs)


def count_nonzero(
    array: Any,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    mask_identity: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """How many values are neither zero nor missing, along an axis or at all. Arguments as for `sum`.

    >>> import ragged
    >>> ragged.count_nonzero([[0, 2], [], [3]], axis=1)
    <Array [1, 0, 1] type='3 * int64'>
    """
    return reduce(COUNT_NONZERO, array, axis, keepdims, mask_identity, None, behavior, attrs)


def argmin(
    array: Any,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    mask_identity: bool = True,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Where along the axis the first minimum stands; None (or -1, unmasked) where a list is empty.

    With `keepdims=True` the result of the innermost axis picks the values: `x[argmin(x, axis=-1, keepdims=True)]`.

    >>> import ragged
    >>> ragged.argmin([[3, 1, 1], [], [4, 5]], axis=1)
    <Array [1, None, 0] type='3 * ?int64'>
    """
    return reduce(ARGMIN, array, axis, keepdims, mask_identity, None, behavior, attrs)


def argmax(
    array: Any,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    mask_identity: bool = True,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Where along the axis the first maximum stands; None (or -1, unmasked) where a list is empty.

    With `keepdims=True` the result of the innermost axis picks the values: `x[argmax(x, axis=-1, keepdims=True)]`.

    >>> import ragged
    >>> ragged.argmax([[1, 3, 3], [], [4, 5]], axis=1)
    <Array [1, None, 1] type='3 * ?int64'>
    """
    return reduce(ARGMAX, array, axis, keepdims, mask_identity, None, behavior, attrs)
