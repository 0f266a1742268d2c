"""Derivatives of elementwise functions and primitives on any backend against NumPy's tape, to second order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ragged.registry import backend_of_dense, get_backend
from ragged.rows import Groups, Rows
from ragged.ufuncs import table

NAMES = sorted({entry.name for entry in table.values()} - {"isnat"})
SMOOTH = [name for name in NAMES if any(table[name].vjps) or table[name].parts]
REAL = [-2.5, -1.0, -0.3, -0.0, 0.0, 0.4, 1.0, 2.0, 3.0]
COMPLEX = [0j, 1 + 2j, -0.5 + 0.3j, 2j, -1 + 0j]
POINTS = pytest.mark.parametrize("points", [REAL, COMPLEX], ids=["real", "complex"])
NUMPY = get_backend("numpy")


def grid(points, nin, dtype):
    """All combinations of the points, one array an argument."""
    return [np.ascontiguousarray(x) for x in np.array(list(itertools.product(points, repeat=nin)), dtype).T]


def as_list(x):
    return list(x) if isinstance(x, tuple) else [x]


def cotangents(outputs, shift=0):
    """Fixed numbers of no special value, one array an output."""
    sizes = [int(np.prod(y.shape)) for y in outputs]
    return [np.cos(np.arange(n) + shift).reshape(y.shape) for n, y in zip(sizes, outputs, strict=True)]


def gradients(b, f, xs, order):
    """Values and first derivatives of `f(b, *xs)`, or the second derivatives."""

    def program(*args):
        return as_list(f(backend_of_dense(args[0]), *args)), ()

    def pulled(*args):
        outputs, _, pullback = backend_of_dense(args[0]).vjp(program, args)
        return pullback([b.asarray(g, b.dtype(y)) for g, y in zip(cotangents(outputs), outputs, strict=True)]), ()

    outputs, _, pullback = b.vjp(program if order == 1 else pulled, [b.asarray(x) for x in xs])
    found = pullback([b.asarray(g, b.dtype(y)) for g, y in zip(cotangents(outputs, order), outputs, strict=True)])
    return [np.asarray(b.to_numpy(x)) for x in ([*outputs, *found] if order == 1 else found)]


def differentiable(name, xs):
    """Whether NumPy has the function for these dtypes, with a result that can have a derivative."""
    try:
        outputs = as_list(table[name].numpy(*xs))
    except TypeError:
        return False
    return any(y.dtype.kind in "fc" for y in outputs)


def at_pole(name, order, xs):
    """Where the derivative asked for does not exist, and each library may say so in its own way (inf or NaN)."""
    x = xs[0]
    if name == "arccosh" and x.dtype.kind == "f":
        return x <= 1
    if name in ("power", "float_power"):  # x^n by n where x is 0 (or negative) and the other derivative is none, either
        y = xs[1]
        zero = (x == 0) & ((order == 2) | (y.imag != 0) | (y.real < 1))
        return zero | ((order == 2) & (x.real < 0) & (y == 0))
    return np.zeros(x.shape, bool)


def check_gradients(b, name, points, order):
    """First or second derivatives on the grid, kinks included, are those of NumPy's tape."""
    xs = grid(points, table[name].nin, float if points is REAL else complex)
    if name == "ldexp":
        xs[1] = xs[1].real.astype("i8")
        if points is REAL:
            xs, fixed = xs[:1], xs[1]
    if not differentiable(name, xs if name != "ldexp" else [xs[0], xs[0].real.astype("i8")]):
        pytest.skip("NumPy has no such loop")
    constants = [fixed] if name == "ldexp" else []

    def f(b, *args):
        return b.apply(name, *args, *constants)

    counts = ~at_pole(name, order, xs)
    for ours, tapes in zip(gradients(b, f, xs, order), gradients(NUMPY, f, xs, order), strict=True):
        ours, tapes = ours[counts], tapes[counts]
        finite = np.isfinite(tapes)
        assert ours.dtype == tapes.dtype
        np.testing.assert_allclose(ours[finite], tapes[finite], rtol=1e-10, atol=1e-13)
        assert not np.isfinite(ours[~finite]).any()


OFFSETS = np.array([0, 2, 2, 5, 6])
IDS = np.array([1, 0, 1, 3, 4, 1])


def index(b, numbers, dtype=np.int64):
    return b.home().asarray(np.array(numbers, dtype))


def rows(b):
    return Rows(b.home(), index(b, OFFSETS))


def groups(b):
    return Groups(index(b, IDS), 4)


PRIMITIVES = {
    "take": lambda b, x: b.take(x, index(b, [5, 0, 0, 3])),
    "take nothing": lambda b, x: b.take(x, index(b, [])),
    "slice": lambda b, x: b.slice(x, 1, 5),
    "slice by two": lambda b, x: b.slice(x, 1, 6, 2),
    "slice nothing": lambda b, x: b.slice(x, 3, 3),
    "expand": lambda b, x: b.expand(b.slice(x, 0, 4), rows(b)),
    "segment_sum": lambda b, x: b.segment_sum(x, rows(b)),
    "segment_sum of groups": lambda b, x: b.segment_sum(x, groups(b)),
    "concat": lambda b, x: b.concat([x, b.slice(x, 0, 2), x]),
    "where": lambda b, x: b.where(index(b, [1, 0, 1, 1, 0, 0], bool), x, 2.0),
    "cumulative_sum": lambda b, x: b.cumulative_sum(x),
    "reshape": lambda b, x: b.reshape(x, (2, 3)),
    "broadcast_to": lambda b, x: b.broadcast_to(x, (2, 6)),
    "sum": lambda b, x: b.sum(b.reshape(x, (2, 3)), (1,)),
    "permute_dims": lambda b, x: b.permute_dims(b.reshape(x, (2, 3)), (1, 0)),
    "matmul": lambda b, x: b.matmul(b.reshape(x, (2, 3)), b.reshape(x, (3, 2))),
    "astype": lambda b, x: b.astype(x, "f4"),
    "full": lambda b, x: b.full((2, 2), 3, "f8"),
}


def check_primitive(b, name, dtype):
    """Values and derivatives of a primitive, and of its square, are those of NumPy's tape."""
    if name == "astype" and dtype is complex:
        pytest.skip("a complex number made real")
    f = PRIMITIVES[name]
    x = np.array([0.5, -1.0, 2.0, 3.0, -0.25, 1.5]).astype(dtype)
    if dtype is complex:
        x = x + 1j * x[::-1]
    for order in (1, 2):
        program = f if order == 1 else lambda b, x: b.apply("square", f(b, b.apply("square", x)))
        for ours, tapes in zip(gradients(b, program, [x], order), gradients(NUMPY, program, [x], order), strict=True):
            assert ours.dtype == tapes.dtype
            np.testing.assert_allclose(ours, tapes, rtol=1e-10)
