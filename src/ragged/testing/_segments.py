"""The contracts of segment reductions and orders: dtypes, identities of empty segments, slack, NaN, stability."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.testing._expect import Checks, expect, expect_array
from ragged.testing._samples import FEW, IDS, INF, NAN, OFFSETS, VALUES, dense, dtypes, groups_on, rows_on

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["segments"]


def by_segment(f: Any, x: Any, identity: Any) -> Any:
    """`f` of each of the segments of `OFFSETS`, along axis 0."""
    parts = [x[i:j] for i, j in itertools.pairwise(OFFSETS)]
    return np.stack([f(part) if len(part) else np.full(x.shape[1:], identity, x.dtype) for part in parts])


def segment_sums(b: Backend) -> None:
    """Sums of contiguous segments keep the dtype; empty ones are 0."""
    for dtype in dtypes(b, "iufc"):
        for x in (VALUES.astype(dtype), np.stack([VALUES, 2 * VALUES], 1).astype(dtype)):
            wanted = by_segment(lambda part: part.sum(0, dtype=part.dtype), x, 0)
            expect_array(b, b.segment_sum(dense(b, x), rows_on(b)), wanted, f"segment_sum of {dtype}")
    nothing = b.segment_sum(dense(b, np.zeros(0)), rows_on(b, np.array([0, 0, 0])))
    expect_array(b, nothing, np.zeros(2), "segment_sum of empty segments")
    expect_array(b, b.segment_sum(dense(b, np.zeros(0)), rows_on(b, np.array([0]))), np.zeros(0), "no segments")


def segment_sums_of_groups(b: Backend) -> None:
    """Sums of segments in any order; what has the id `nrows` is slack, and dropped."""
    x = np.array([1.0, 2.0, 4.0, 8.0, NAN, 16.0])
    wanted = np.array([10.0, 0.0, 17.0, 4.0])
    expect_array(b, b.segment_sum(dense(b, x), groups_on(b)), wanted, "segment_sum of groups, slack left out")
    pairs = b.segment_sum(dense(b, np.stack([x, -x], 1)), groups_on(b))
    expect_array(b, pairs, np.stack([wanted, -wanted], 1), "segment_sum of groups of pairs")
    for dtype in dtypes(b, names=("int8", "uint64")):
        whole = np.array([1, 2, 4, 8, 100, 16], dtype)
        expect_array(b, b.segment_sum(dense(b, whole), groups_on(b)), wanted.astype(dtype), f"groups of {dtype}")


def extremes(b: Backend) -> None:
    """Maximum and minimum: the identity that the core gives where a segment is empty, in the dtype."""
    for dtype in dtypes(b, "iuf"):
        x = VALUES.astype(dtype)
        for f, numpy, identity in ((b.segment_max, np.max, 7), (b.segment_min, np.min, 7)):
            given = dtype.type(identity)
            wanted = by_segment(lambda part, numpy=numpy: numpy(part, axis=0), x, given)
            expect_array(b, f(dense(b, x), rows_on(b), given), wanted, f"{f.__name__} of {dtype}")
    x = VALUES > 1.5
    expect_array(b, b.segment_max(dense(b, x), rows_on(b), False), by_segment(np.any, x, False), "max of booleans")
    expect_array(b, b.segment_min(dense(b, x), rows_on(b), True), by_segment(np.all, x, True), "min of booleans")


def extremes_of_nan(b: Backend) -> None:
    """NaN wins in maximum and minimum; infinities are values."""
    x = np.array([1.0, NAN, 2.0, -INF, 3.0, INF])
    for f, numpy in ((b.segment_max, np.max), (b.segment_min, np.min)):
        expect_array(b, f(dense(b, x), rows_on(b), -1.0), by_segment(numpy, x, -1.0), f"{f.__name__} with NaN")


def extremes_of_groups(b: Backend) -> None:
    """Maximum and minimum of segments in any order, slack left out."""
    x = np.array([1.0, 2.0, 4.0, 8.0, NAN, 16.0])
    largest, smallest = np.array([8.0, -INF, 16.0, 4.0]), np.array([2.0, INF, 1.0, 4.0])
    expect_array(b, b.segment_max(dense(b, x), groups_on(b), -INF), largest, "segment_max of groups")
    expect_array(b, b.segment_min(dense(b, x), groups_on(b), INF), smallest, "segment_min of groups")


def first_extremes(b: Backend) -> None:
    """`segment_argmax` gives the first of equal values, and NaN wins."""
    filled = np.diff(OFFSETS) > 0
    for x, largest, wanted in (
        (VALUES, True, [0, 4, 5]),
        (VALUES, False, [1, 3, 5]),
        (np.array([1.0, NAN, NAN, 5.0, 5.0, 0.0]), True, [1, 3, 5]),
        (np.array([1.0, NAN, NAN, 5.0, 5.0, 0.0]), False, [1, 3, 5]),
    ):
        found = np.asarray(b.home().to_numpy(b.segment_argmax(dense(b, x), rows_on(b), largest)))
        expect(found.dtype == np.int64, f"segment_argmax to be int64, not {found.dtype}")
        expect(
            found[filled].tolist() == wanted, f"segment_argmax(largest={largest}) of {x} to be {wanted}, not {found}"
        )


def orders(b: Backend) -> None:
    """`segment_argsort` is stable both ways, stays within its segment, and puts NaN last (first, descending)."""
    for x, descending, wanted in (
        (VALUES, False, [1, 0, 2, 3, 4, 5]),
        (VALUES, True, [0, 2, 1, 4, 3, 5]),
        (np.array([NAN, 1.0, NAN, 2.0, 2.0, 0.0]), False, [1, 0, 2, 3, 4, 5]),
        (np.array([NAN, 1.0, NAN, 2.0, 2.0, 0.0]), True, [0, 2, 1, 3, 4, 5]),
        (np.array([5, 5, 5, 1, 1, 0]), True, [0, 1, 2, 3, 4, 5]),
        (np.array([True, False, True, False, True, False]), False, [1, 0, 2, 3, 4, 5]),
    ):
        found = np.asarray(b.home().to_numpy(b.segment_argsort(dense(b, x), rows_on(b), descending)))
        expect(found.dtype == np.int64, f"segment_argsort to be int64, not {found.dtype}")
        way = "descending" if descending else "ascending"
        expect(found.tolist() == wanted, f"the stable {way} order of {x.tolist()} to be {wanted}, not {found.tolist()}")


def products(b: Backend) -> None:
    """A native `segment_prod`, where there is one, is 1 where empty and keeps the dtype."""
    for dtype in dtypes(b, names=FEW):
        x = VALUES.astype(dtype)
        found = b.segment_prod(dense(b, x), rows_on(b))
        if found is not None:
            expect_array(
                b, found, by_segment(lambda part: part.prod(dtype=part.dtype), x, 1), f"segment_prod of {dtype}"
            )


def trailing_axes(b: Backend) -> None:
    """What is along the other axes stays where it is: matrices are reduced entry by entry."""
    x = (np.arange(24.0) * 7 % 11 - 4).reshape(6, 2, 2)
    summed = functools.partial(np.sum, axis=0)
    for f, numpy, options in (
        (b.segment_sum, summed, ()),
        (b.segment_max, functools.partial(np.max, axis=0), (-9.0,)),
        (b.segment_min, functools.partial(np.min, axis=0), (9.0,)),
        (b.segment_prod, functools.partial(np.prod, axis=0), ()),
    ):
        found = f(dense(b, x), rows_on(b), *options)
        if found is not None:
            empty = options[0] if options else int(f == b.segment_prod)
            expect_array(b, found, by_segment(numpy, x, empty), f"{f.__name__} of matrices")
    groups = np.stack([x[i == IDS].sum(0) for i in range(4)])
    expect_array(b, b.segment_sum(dense(b, x), groups_on(b)), groups, "segment_sum of groups of matrices")


def sums_that_are_none(b: Backend) -> None:
    """NaN and infinities stay in their segments."""
    x = np.array([1.0, NAN, 2.0, INF, -1.0, 3.0])
    expect_array(b, b.segment_sum(dense(b, x), rows_on(b)), by_segment(np.sum, x, 0), "segment_sum with NaN")
    wanted = np.array([np.nan, 0.0, 6.0, 2.0])
    x = np.array([2.0, INF, 2.0, -INF, NAN, 4.0])
    with np.errstate(invalid="ignore"):
        expect_array(b, b.segment_sum(dense(b, x), groups_on(b)), wanted, "segment_sum of groups with infinities")


segments: Checks = {
    "segments of matrices": trailing_axes,
    "segment_sum of NaN": sums_that_are_none,
    "segment_sum": segment_sums,
    "segment_sum drops slack": segment_sums_of_groups,
    "segment_max and segment_min": extremes,
    "segment_max and segment_min of NaN": extremes_of_nan,
    "segment_max and segment_min drop slack": extremes_of_groups,
    "segment_argmax is the first": first_extremes,
    "segment_argsort is stable": orders,
    "segment_prod": products,
}
"""Contracts by name."""
