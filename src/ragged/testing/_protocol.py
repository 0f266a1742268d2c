"""The contracts of the other primitives: dtypes, promotion, shapes, what does not count, derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.testing._expect import Checks, expect, expect_array
from ragged.testing._samples import FEW, INF, NAN, OFFSETS, VALUES, dtypes, rows_on
from ragged.ufuncs import table

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["protocol"]


def round_trip(b: Backend) -> None:
    """To the backend and back."""
    for dtype in dtypes(b):
        for x in (VALUES.astype(dtype), np.zeros((0, 2), dtype), VALUES.astype(dtype).reshape(2, 3)):
            expect_array(b, b.asarray(x), x, f"asarray of {x.shape} {dtype}")
            expect(b.asarray(b.asarray(x)) is not None, "asarray to take the backend's own arrays")
    expect_array(b, b.asarray(2.5), np.float64(2.5), "asarray of the number 2.5")
    expect_array(b, b.asarray(VALUES, "float32"), VALUES.astype("float32"), "asarray with a dtype")
    expect(not any(map(b.owns, (1.0, None, "a", [1.0]))), "owns to be false of numbers, None, text and lists")
    expect(b.size(b.asarray(np.zeros((3, 2)))) == 3, "size to be the length of axis 0")


def casts(b: Backend) -> None:
    """Casts to every dtype; none where it is there already."""
    for source in dtypes(b, names=("bool", "int8", "int64", "float32", "float64")):
        x = b.asarray(VALUES.astype(source))
        expect(b.astype(x, source) is x or b.to_numpy(b.astype(x, source)).dtype == source, f"{source} kept")
        for target in dtypes(b, names=("bool", "uint8", "int64", "float32", "complex128")):
            wanted = VALUES.astype(source).astype(target)
            expect_array(b, b.astype(x, target), wanted, f"astype({source} to {target})")


def gathers(b: Backend) -> None:
    """`take`: repeats, any order, nothing at all, trailing axes."""
    ops = b.home()
    for dtype in dtypes(b, names=("bool", *FEW)):
        for x in (VALUES.astype(dtype), VALUES.astype(dtype).reshape(3, 2)):
            for index in ([2, 0, 2, 1], []):
                at = np.array(index, np.int64)
                expect_array(b, b.take(b.asarray(x), ops.asarray(at)), x[at], f"take at {index} of {dtype}")


def slices(b: Backend) -> None:
    """`slice` and `entry`."""
    x = VALUES.reshape(6, 1)
    for start, stop, step in ((0, 6, 1), (1, 4, 1), (2, 2, 1), (1, 6, 2), (0, 5, 3)):
        expect_array(b, b.slice(b.asarray(x), start, stop, step), x[start:stop:step], f"slice {start}:{stop}:{step}")
    expect_array(b, b.entry(b.asarray(VALUES), 1), VALUES[1], "entry 1")
    expect_array(b, b.entry(b.asarray(VALUES.reshape(2, 3)), 1), VALUES[3:], "entry 1 of a matrix")


def spreads(b: Backend) -> None:
    """`expand`: each row's entry for each of its elements."""
    lengths = np.diff(OFFSETS)
    for dtype in dtypes(b, names=("bool", *FEW)):
        expect_array(
            b, b.expand(b.asarray(VALUES.astype(dtype)), rows_on(b)), np.repeat(VALUES.astype(dtype), lengths), "expand"
        )


def running_sums(b: Backend) -> None:
    """`cumulative_sum` keeps the dtype, along axis 0."""
    for dtype in dtypes(b, names=FEW):
        for x in (VALUES.astype(dtype), VALUES.astype(dtype).reshape(3, 2), np.zeros(0, dtype)):
            expect_array(b, b.cumulative_sum(b.asarray(x)), x.cumsum(0, dtype=dtype), f"cumulative_sum of {dtype}")


def shapes(b: Backend) -> None:
    """`reshape`, `broadcast_to`, `permute_dims`, `sum`, `matmul`, `full`, `concat`."""
    for dtype in dtypes(b, names=FEW):
        x = VALUES.astype(dtype)
        m = x.reshape(2, 3)
        y, z = b.asarray(x), b.asarray(m)
        for found, wanted, what in (
            (b.reshape(y, (2, 3)), m, "reshape"),
            (b.reshape(b.slice(y, 1, 2), ()), x[1], "reshape to no axes"),
            (b.broadcast_to(y, (2, 6)), np.broadcast_to(x, (2, 6)), "broadcast_to"),
            (b.permute_dims(z, (1, 0)), m.T, "permute_dims"),
            (b.sum(z, (0,)), m.sum(0, dtype=dtype), "sum over axis 0"),
            (b.sum(z, (0, 1)), m.sum(dtype=dtype), "sum over both axes"),
            (b.full((2, 3), 1, dtype), np.full((2, 3), 1, dtype), "full"),
            (b.full((), 0, dtype), np.zeros((), dtype), "full without axes"),
            (b.concat([y, b.asarray(x[:0]), y]), np.concatenate([x, x]), "concat"),
        ):
            expect_array(b, found, wanted, f"{what} of {dtype}")
    m = VALUES.reshape(2, 3)
    expect_array(b, b.matmul(b.asarray(m), b.asarray(m.T)), m @ m.T, "matmul", 1e-14)
    expect_array(b, b.matmul(b.asarray(m), b.asarray(VALUES[:3])), m @ VALUES[:3], "matmul with a vector", 1e-14)


def choices(b: Backend) -> None:
    """`where`: conditions of structure and content, Python numbers weak, the branch not taken unseen."""
    ops, condition = b.home(), VALUES > 1.5
    for dtype in dtypes(b, names=FEW):
        x = VALUES.astype(dtype)
        wanted = np.where(condition, x, dtype.type(0))
        for given in (ops.asarray(condition), b.asarray(condition)):
            expect_array(b, b.where(given, b.asarray(x), 0), wanted, f"where of {dtype} and 0")
            expect_array(b, b.where(given, b.asarray(x), b.asarray(x * 0)), wanted, f"where of {dtype} arrays")
    hidden = b.where(b.asarray(condition), b.asarray(VALUES), b.asarray(np.full(6, NAN)))
    expect(not np.isnan(b.to_numpy(hidden)[condition]).any(), "no NaN from the branch not taken")


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
                b, b.apply(name, b.asarray(x), other), getattr(np, name)(x, other), f"{name}({dtype}, {other!r})", 1e-6
            )
        for second in names:
            y = VALUES.astype(second)
            expect_array(b, b.apply("multiply", b.asarray(x), b.asarray(y)), x * y, f"{dtype} times {second}", 1e-6)
    expect_array(b, b.apply("sqrt", b.asarray(np.array([4, 9]))), np.array([2.0, 3.0]), "sqrt of integers", 1e-15)
    expect_array(b, b.apply("logical_not", b.asarray(VALUES)), np.logical_not(VALUES), "logical_not of floats")


HIDDEN = (
    *(("log", -1.0), ("log", NAN), ("log2", 0.0), ("log10", -INF), ("log1p", -2.0), ("sqrt", 0.0), ("reciprocal", 0.0)),
    *(
        ("arcsin", 5.0),
        ("arccos", 1.0),
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
        x = np.array([0.5, hidden, 0.25, hidden])

        def f(x: Any, name: str = name) -> Any:
            args = (x, x) if table[name].nin == 2 else (x,)
            return [b_of(b, x).apply(name, *args, valid=mask)], ()

        outputs, _, pull = b.vjp(f, [b.asarray(x)])
        (slope,) = pull([b.asarray(np.ones(4))])
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

    x, y = b.asarray(VALUES), b.asarray(VALUES + 1)
    outputs, aux, pull = b.vjp(f, [x, y])
    expect_array(b, outputs[0], VALUES * (VALUES + 1), "vjp's first output")
    expect_array(b, aux[0], VALUES, "vjp's aux")
    seeds = [b.asarray(np.ones(6)), b.asarray(np.full(6, 2.0))]
    for _ in range(2):
        by_x, by_y = pull(seeds)
        expect_array(b, by_x, VALUES + 1, "the cotangent of x, to which a constant adds nothing")
        expect_array(b, by_y, 3 * VALUES, "the cotangent of y")
    _, moved, _ = b.jvp(f, [x, y], [b.asarray(np.ones(6)), b.asarray(np.zeros(6))])
    expect_array(b, moved[0], VALUES + 1, "the tangent of the first output")
    expect_array(b, moved[1], np.zeros(6), "the tangent of what is constant in x")
    expect(not b.differentiating(x), "a plain array not to be differentiating")


protocol: Checks = {
    "asarray and to_numpy": round_trip,
    "astype": casts,
    "take": gathers,
    "slice and entry": slices,
    "expand": spreads,
    "cumulative_sum": running_sums,
    "reshape, broadcast_to, permute_dims, sum, matmul, full, concat": shapes,
    "where": choices,
    "structure": structure,
    "apply promotes as NumPy does": promotion,
    "apply where some places do not count": invalid_places,
    "vjp and jvp": transforms,
}
"""Contracts by name."""
