"""The contracts of the other primitives: choices, structure, promotion, what does not count, derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.testing._expect import Checks, expect, expect_array
from ragged.testing._samples import FEW, INF, NAN, OFFSETS, VALUES, dense, dtypes, rows_on
from ragged.ufuncs import table

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["protocol"]


def choices(b: Backend) -> None:
    """`where`: conditions of structure and content, Python numbers weak, the branch not taken unseen."""
    ops, condition = b.home(), VALUES > 1.5
    for dtype in dtypes(b, names=FEW):
        x, none = VALUES.astype(dtype), dtype.type(0)
        for given in (ops.asarray(condition), dense(b, condition)):
            for found, wanted, what in (
                (b.where(given, dense(b, x), 0), np.where(condition, x, none), "and 0"),
                (b.where(given, 0, dense(b, x)), np.where(condition, none, x), "after 0"),
                (b.where(given, dense(b, x), dense(b, x * 0)), x * condition, "arrays"),
            ):
                expect_array(b, found, wanted.astype(dtype), f"where of {dtype} {what}")
    hidden = b.where(dense(b, condition), dense(b, VALUES), dense(b, np.full(6, NAN)))
    expect(not np.isnan(b.to_numpy(hidden)[condition]).any(), "no NaN from the branch not taken")


def choices_of_rows(b: Backend) -> None:
    """`where` broadcasts as NumPy's: a column of conditions chooses rows, a row of them columns."""
    x, y = np.arange(12.0).reshape(6, 2), -np.arange(12.0).reshape(6, 2)
    for condition in ((VALUES > 1.5)[:, None], np.array([True, False]), x > 4):
        for given in (b.home().asarray(condition), dense(b, condition)):
            wanted = np.where(condition, x, y)
            expect_array(b, b.where(given, dense(b, x), dense(b, y)), wanted, f"where by {condition.shape}")
            wanted = np.where(condition, x[:, :1], 1.5)
            expect_array(b, b.where(given, dense(b, x[:, :1]), 1.5), wanted, f"where by {condition.shape} of a column")


def structure(b: Backend) -> None:
    """The structure primitives, where the backend has its structure."""
    ops = b.home(b.asarray(VALUES))
    lengths = ops.asarray(np.diff(OFFSETS))
    for found, wanted, what in (
        (ops.arange(4), np.arange(4), "arange"),
        (ops.arange(0), np.arange(0), "arange of nothing"),
        (ops.repeat(ops.arange(6), lengths, 6), np.repeat(np.arange(6), np.diff(OFFSETS)), "repeat"),
        (ops.offsets_from_lengths(lengths), OFFSETS, "offsets_from_lengths"),
        (ops.offsets_from_lengths(ops.arange(0)), np.array([0]), "offsets of no lengths"),
        (ops.searchsorted(ops.asarray(OFFSETS), ops.arange(4)), OFFSETS.searchsorted(np.arange(4)), "searchsorted"),
        (ops.searchsorted(ops.asarray(OFFSETS), ops.arange(4), side="right"), [2, 2, 2, 4], "searchsorted right"),
        (ops.flatnonzero(ops.asarray(VALUES > 1.5)), np.array([0, 2, 4]), "flatnonzero"),
        (rows_on(b).ids, np.array([1, 1, 1, 3, 3, 4]), "row ids"),
        (rows_on(b).positions, np.array([0, 1, 2, 0, 1, 0]), "row positions"),
    ):
        expect_array(ops, found, np.asarray(wanted, np.int64), what)
    rows = rows_on(b)
    expect((rows.nrows, rows.total, rows.longest) == (6, 6, 3), "6 rows of 6 elements, the longest of 3")
    expect(ops.largest(ops.arange(0)) == 0, "the largest of nothing to be 0")
    expect(ops.equal(ops.arange(3), ops.arange(3)) and not ops.equal(ops.arange(3), ops.arange(4)), "equal to compare")
    expect(ops.true(ops.asarray(np.bool_(True))), "true of a true value")


def promotion(b: Backend) -> None:
    """`apply` gives NumPy's result dtypes; Python numbers are weak, NumPy's are not."""
    names = dtypes(b, names=("bool", "int8", "int64", "float32", "float64"))
    for dtype in names:
        x = VALUES.astype(dtype)
        for name, other in (("add", 1), ("multiply", 1.5), ("greater", 1), ("add", np.float32(2)), ("true_divide", 2)):
            expect_array(
                b, b.apply(name, dense(b, x), other), getattr(np, name)(x, other), f"{name}({dtype}, {other!r})", 1e-6
            )
        for second in names:
            y = VALUES.astype(second)
            expect_array(b, b.apply("multiply", dense(b, x), dense(b, y)), x * y, f"{dtype} times {second}", 1e-6)
    expect_array(b, b.apply("sqrt", dense(b, np.array([4, 9]))), np.array([2.0, 3.0]), "sqrt of integers", 1e-15)
    expect_array(b, b.apply("logical_not", dense(b, VALUES)), np.logical_not(VALUES), "logical_not of floats")


HIDDEN = (
    *(("log", -1.0), ("log", NAN), ("log2", 0.0), ("log10", -INF), ("log1p", -2.0), ("sqrt", 0.0), ("reciprocal", 0.0)),
    *(
        ("arcsin", 5.0),
        ("arccos", 1.0),
        ("arccosh", -2.0),
        ("cbrt", 0.0),
        ("float_power", -1.0),
        ("remainder", 0.0),
        ("arctanh", 1.0),
        ("divide", 0.0),
        ("power", -1.0),
        ("hypot", NAN),
        ("exp", INF),
    ),
)
"""Functions, and what hides where nothing counts."""


def invalid_places(b: Backend) -> None:
    """With `valid`, places that do not count may hold anything: no error, and no NaN in the derivative."""
    valid = np.array([True, False, True, False])
    mask = b.home().asarray(valid)
    for name, hidden in HIDDEN:
        if name in b.unsupported:
            continue
        x = np.array([0.5, hidden, 0.25, hidden]) + (2 if name == "arccosh" else 0)

        def f(x: Any, name: str = name) -> Any:
            args = (x, x) if table[name].nin == 2 else (x,)
            return [b_of(b, x).apply(name, *args, valid=mask)], ()

        outputs, _, pull = b.vjp(f, [dense(b, x)])
        (slope,) = pull([dense(b, np.ones(4))])
        found = np.asarray(b.to_numpy(slope))
        expect(np.isfinite(found[valid]).all(), f"finite slopes of {name} where valid, not {found}")
        expect((found[~valid] == 0).all(), f"the slope of {name} to be 0 where nothing counts, not {found}")
        counted = np.asarray(b.to_numpy(outputs[0]))[valid]
        expect(np.isfinite(counted).all(), f"finite values of {name} where valid, not {counted}")


def b_of(b: Backend, x: Any) -> Backend:
    """The backend of a value inside a program that is being differentiated."""
    from ragged.registry import backend_of_dense

    found = backend_of_dense(x)
    return b if found is None or not found.level else found


def transforms(b: Backend) -> None:
    """`vjp` and `jvp` of dense programs: outputs, aux, pullbacks that may be called again; constants stay constant."""

    def f(x: Any, y: Any) -> Any:
        run = b_of(b, x)
        fixed = run.stop_gradient(x)
        return [run.apply("multiply", x, y), run.apply("multiply", fixed, y)], [fixed]

    x, y = dense(b, VALUES), dense(b, VALUES + 1)
    outputs, aux, pull = b.vjp(f, [x, y])
    expect_array(b, outputs[0], VALUES * (VALUES + 1), "vjp's first output")
    expect_array(b, aux[0], VALUES, "vjp's aux")
    seeds = [dense(b, np.ones(6)), dense(b, np.full(6, 2.0))]
    for _ in range(2):
        by_x, by_y = pull(seeds)
        expect_array(b, by_x, VALUES + 1, "the cotangent of x, to which a constant adds nothing")
        expect_array(b, by_y, 3 * VALUES, "the cotangent of y")
    _, moved, _ = b.jvp(f, [x, y], [dense(b, np.ones(6)), dense(b, np.zeros(6))])
    expect_array(b, moved[0], VALUES + 1, "the tangent of the first output")
    expect_array(b, moved[1], np.zeros(6), "the tangent of what is constant in x")
    expect(not b.differentiating(x), "a plain array not to be differentiating")


protocol: Checks = {
    "where": choices,
    "where broadcasts": choices_of_rows,
    "structure": structure,
    "apply promotes as NumPy does": promotion,
    "apply where some places do not count": invalid_places,
    "vjp and jvp": transforms,
}
"""Contracts by name."""
