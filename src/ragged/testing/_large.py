"""The segment primitives on one array of three thousand elements, where small mistakes of large arrays show."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.rows import Ranges, Rows
from ragged.testing._expect import Checks, expect, expect_array
from ragged.testing._samples import dense, dtypes, groups_on, rows_on

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["LENGTHS", "SIZE", "large", "parts"]

NROWS, SIZE = 300, 3000
ROUNDED = 1e-13
"""How far sums may be from NumPy's, which adds in another order, in units of what is added."""


def lengths_of_rows() -> Any:
    """One row of more than a thousand, empty ones at both ends and between, the others of up to twelve."""
    lengths = (np.arange(NROWS) * 7) % 13
    lengths[[0, 1, NROWS - 1]] = 0
    lengths[150] = 0
    lengths[150] = SIZE - lengths.sum()
    return lengths


LENGTHS = lengths_of_rows()
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])
FIGURES = np.cos(np.arange(SIZE) ** 2 * 0.37) / 3
"""Numbers of no short binary form: their sum at less precision is another."""
TIES = np.round(FIGURES * 12) / 4 * np.where(np.arange(SIZE) % 5 == 0, -1, 1)
"""Numbers with many ties, and zeros of both signs."""
WIDE: Any = (1 << 53) + np.arange(SIZE) * 7 % 5 - 2
"""Integers that differ where a float64 cannot tell."""
IDS = (np.arange(SIZE) * 11) % (NROWS + 1)
"""Segments in no order; what has the id `NROWS` is slack."""


def parts(x: Any) -> list[Any]:
    """The rows of an array along axis 0."""
    return [x[i:j] for i, j in itertools.pairwise(OFFSETS)]


def by_row(f: Any, x: Any, identity: Any) -> Any:
    """`f` of each row, in the array's dtype."""
    return np.stack([f(part) if len(part) else np.full(x.shape[1:], identity, x.dtype) for part in parts(x)])


def by_group(f: Any, x: Any, identity: Any) -> Any:
    """`f` of the elements of each segment of `IDS`."""
    found = [x[i == IDS] for i in range(NROWS)]
    return np.stack([f(part) if len(part) else np.full(x.shape[1:], identity, x.dtype) for part in found])


def total(part: Any) -> Any:
    """The sum along axis 0 in the dtype itself."""
    return part.sum(0, dtype=part.dtype)


def near(b: Backend, found: Any, wanted: Any, what: str, tolerance: float) -> None:
    """Equal to within the tolerance of each number, which is at least 1."""
    values = np.asarray(b.to_numpy(found))
    expect(values.dtype == wanted.dtype, f"{what} to have dtype {wanted.dtype}, not {values.dtype}")
    expect(values.shape == wanted.shape, f"{what} to have shape {wanted.shape}, not {values.shape}")
    off = np.abs(values - wanted) > tolerance * np.maximum(np.abs(wanted), 1)
    expect(
        not off.any(), f"{what} to be {wanted[off][:3]}, not {values[off][:3]} (of segments {np.argwhere(off)[:3, 0]})"
    )


def sums(b: Backend) -> None:
    """Sums of contiguous rows and of groups, in full precision and of any size."""
    pairs = np.stack([FIGURES, -2 * FIGURES], 1)
    for x, tolerance in ((FIGURES, 10 * ROUNDED), (FIGURES.astype(np.float32), 2e-4), (pairs, ROUNDED)):
        near(b, b.segment_sum(dense(b, x), rows_on(b, OFFSETS)), by_row(total, x, 0), f"sums of {x.dtype}", tolerance)
        groups = groups_on(b, IDS, NROWS)
        near(b, b.segment_sum(dense(b, x), groups), by_group(total, x, 0), f"sums of groups of {x.dtype}", tolerance)
    for dtype in dtypes(b, names=("int8", "int64")):
        x = WIDE.astype(dtype)
        expect_array(b, b.segment_sum(dense(b, x), rows_on(b, OFFSETS)), by_row(total, x, 0), f"sums of {dtype}")
        groups = groups_on(b, IDS, NROWS)
        expect_array(b, b.segment_sum(dense(b, x), groups), by_group(total, x, 0), f"sums of groups of {dtype}")


def counts(b: Backend) -> None:
    """`segment_count`: how many entries of each row the mask marks."""
    ops, mask = b.home(), TIES > 0
    wanted = by_row(total, mask.astype(np.int64), 0)
    for rows, kept in ((rows_on(b, OFFSETS), wanted), (groups_on(b, IDS, NROWS), by_group(total, mask.astype(int), 0))):
        expect_array(ops, ops.segment_count(ops.asarray(mask), rows), kept, "segment_count")


def extremes(b: Backend) -> None:
    """Maxima and minima, their places, and those of groups; integers exactly."""
    pairs = np.stack([TIES, -TIES], 1)
    for x in (TIES, TIES.astype(np.float32), WIDE, pairs):
        for f, numpy in ((b.segment_max, np.max), (b.segment_min, np.min)):
            take, what = functools.partial(numpy, axis=0), f"{f.__name__} of {x.dtype}"
            nothing = x.dtype.type(-9 if numpy is np.max else 1 << 60)
            expect_array(b, f(dense(b, x), rows_on(b, OFFSETS), nothing), by_row(take, x, nothing), what)
            found = f(dense(b, x), groups_on(b, IDS, NROWS), nothing)
            expect_array(b, found, by_group(take, x, nothing), f"{what} in groups")
    filled = LENGTHS > 0
    for x in (TIES, WIDE):
        places: dict[bool, Any] = {True: np.argmax, False: np.argmin}
        for largest, place in places.items():
            found = b.home().to_numpy(b.segment_argmax(dense(b, x), rows_on(b, OFFSETS), largest))
            wanted = [i + place(part) for i, part in zip(OFFSETS, parts(x), strict=False) if len(part)]
            wrong = np.flatnonzero(np.asarray(found)[filled] != wanted)
            expect(
                not len(wrong), f"segment_argmax(largest={largest}) of {x.dtype} to give the first, not in {wrong[:5]}"
            )


def orders(b: Backend) -> None:
    """The order is stable in rows of any length; zeros of both signs are equal; integers are told apart exactly."""
    for x in (TIES, TIES.astype(np.float32), WIDE, TIES > 0):
        found = b.home().to_numpy(b.segment_argsort(dense(b, x), rows_on(b, OFFSETS)))
        ascending = [i + np.argsort(part, kind="stable") for i, part in zip(OFFSETS, parts(x), strict=False)]
        wrong = np.flatnonzero(np.asarray(found) != np.concatenate(ascending))
        expect(not len(wrong), f"the ascending order of {x.dtype} to be stable, not at {wrong[:5]}")
        turned = b.home().to_numpy(b.segment_argsort(dense(b, x), rows_on(b, OFFSETS), True))
        falling = [
            j - 1 - np.argsort(part[::-1], kind="stable")[::-1] for j, part in zip(OFFSETS[1:], parts(x), strict=True)
        ]
        wrong = np.flatnonzero(np.asarray(turned) != np.concatenate(falling))
        expect(not len(wrong), f"the descending order of {x.dtype} to be stable, not at {wrong[:5]}")


def products(b: Backend) -> None:
    """A native `segment_prod`, where there is one."""
    x = np.where(TIES == 0, 0.5, np.sign(TIES) * 2.0) ** np.where(np.arange(SIZE) % 2, 1, -1)
    found = b.segment_prod(dense(b, x), rows_on(b, OFFSETS))
    if found is not None:
        near(b, found, by_row(lambda part: part.prod(), x, 1), "segment_prod", ROUNDED)


def gathers(b: Backend) -> None:
    """`take` and `take_ranges` from all over a long array, `slice` with large steps, running sums and `expand`."""
    ops, at = b.home(), (np.arange(SIZE) * 17) % SIZE
    for x in (FIGURES, np.stack([FIGURES, -FIGURES], 1)):
        expect_array(b, b.take(dense(b, x), ops.asarray(at)), x[at], f"take of {x.shape}")
        for start, stop, step in ((0, SIZE, 4), (7, SIZE, 64), (1000, 2900, 101)):
            expect_array(b, b.slice(dense(b, x), start, stop, step), x[start:stop:step], f"slice {start}:{stop}:{step}")
    expect_array(
        b, b.expand(dense(b, FIGURES[:NROWS]), rows_on(b, OFFSETS)), np.repeat(FIGURES[:NROWS], LENGTHS), "expand"
    )
    near(b, b.cumulative_sum(dense(b, FIGURES)), FIGURES.cumsum(), "cumulative_sum", 10 * ROUNDED)
    backwards = Ranges(ops.asarray(OFFSETS[1:] - 1), Rows(ops, ops.asarray(OFFSETS)), -1)
    wanted = np.concatenate([part[::-1] for part in parts(FIGURES)])
    expect_array(b, b.take_ranges(dense(b, FIGURES), backwards), wanted, "take_ranges backwards")
    doubled = Ranges(ops.asarray(OFFSETS[:-1] + SIZE), Rows(ops, ops.asarray(OFFSETS)))
    both = [dense(b, FIGURES), dense(b, 2 * FIGURES)]
    expect_array(b, b.interleave(both, doubled), 2 * FIGURES, "interleave")


large: Checks = {
    "segment_sum of many": sums,
    "segment_count of many": counts,
    "segment_max and segment_min of many": extremes,
    "segment_argsort of many": orders,
    "segment_prod of many": products,
    "take, slice, expand and cumulative_sum of many": gathers,
}
"""Contracts by name."""
