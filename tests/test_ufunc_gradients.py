"""Every elementwise function has a derivative that is right to second order, or is piecewise constant."""

from __future__ import annotations

import numpy as np
import pytest

import ragged
from agreement import OURS
from ragged.registry import get_backend
from ragged.ufuncs import functions, result_dtypes, table

ENTRIES = {entry.name: entry for entry in table.values()}

PIECEWISE_CONSTANT = set(
    [
        "bitwise_and",
        "bitwise_count",
        "bitwise_or",
        "bitwise_xor",
        "ceil",
        "equal",
        "floor",
        "floor_divide",
        "gcd",
        "greater",
        "greater_equal",
        "invert",
        "isfinite",
        "isinf",
        "isnan",
        "isnat",
        "lcm",
        "left_shift",
        "less",
        "less_equal",
        "logical_and",
        "logical_not",
        "logical_or",
        "logical_xor",
        "not_equal",
        "right_shift",
        "rint",
        "round",
        "signbit",
        "spacing",
        "trunc",
    ]
)
INTEGERS = {"ldexp": 1}  # arguments that are integers
DOMAIN = {  # where random arguments are drawn from, if not from both sides of 0
    "arccosh": (1.2, 3.0),
    "log": (0.2, 3.0),
    "log2": (0.2, 3.0),
    "log10": (0.2, 3.0),
    "log1p": (-0.7, 2.0),
    "sqrt": (0.2, 3.0),
    "arcsin": (-0.9, 0.9),
    "arccos": (-0.9, 0.9),
    "arctanh": (-0.9, 0.9),
    "power": (0.3, 2.5),
    "float_power": (0.3, 2.5),
}
SMOOTH = sorted(ENTRIES.keys() - PIECEWISE_CONSTANT)
COMPLEX = [
    "absolute",
    "add",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "conjugate",
    "cos",
    "cosh",
    "divide",
    "exp",
    "exp2",
    "expm1",
    "imag",
    "log",
    "log10",
    "log1p",
    "log2",
    "multiply",
    "negative",
    "positive",
    "power",
    "real",
    "reciprocal",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
]


def test_every_function_is_differentiable_or_declared_piecewise_constant():
    for name, entry in ENTRIES.items():
        rules = entry.parts or (entry.vjps,)
        assert all(len(part) == entry.nin for part in rules), name
        assert (not any(rule for part in rules for rule in part)) == (name in PIECEWISE_CONSTANT), name


def arguments(name, seed=0, n=7):
    """Random arguments inside the domain, away from kinks."""
    rng = np.random.default_rng(seed)
    low, high = DOMAIN.get(name, (-2.0, 2.0))
    args = [rng.uniform(low, high, n) for _ in range(ENTRIES[name].nin)]
    for i, x in enumerate(args):
        x[np.abs(x) < 0.05] = 0.6
        if INTEGERS.get(name) == i:
            args[i] = np.arange(n) - 3
    if name == "clip":
        args[1:] = [np.full(n, -1.0), np.full(n, 1.0)]
    return args


def results(value):
    return [part for part in (value if isinstance(value, tuple) else (value,)) if part.dtype.kind in "fc"]


def contraction(b, name, weights, args):
    """A number that depends on all results of the function."""
    total = 0.0
    for weight, part in zip(weights, results(b.apply(name, *args)), strict=False):
        total = total + (part * weight).sum()
    return total


def gradient(b, name, weights, args, places):
    """The gradient by the arguments at `places`, on the tape over `b`."""

    def f(*chosen):
        given = list(args)
        for place, x in zip(places, chosen, strict=True):
            given[place] = x
        return [contraction(chosen[0].tape, name, weights, given)], ()

    _, _, pullback = b.vjp(f, [args[place] for place in places])
    return pullback([np.ones(())])


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("seed", [0, 1])
def test_first_and_second_order(name, seed):
    b = get_backend("numpy")
    args = arguments(name, seed)
    rng = np.random.default_rng(seed + 10)
    weights = rng.normal(size=(2, len(args[0])))
    places = [i for i in range(len(args)) if INTEGERS.get(name) != i]
    directions = [rng.normal(size=args[i].shape) for i in places]
    h = 1e-6

    def moved(step):
        given = list(args)
        for i, d in zip(places, directions, strict=True):
            given[i] = args[i] + step * d
        return given

    found = sum((g * d).sum() for g, d in zip(gradient(b, name, weights, args, places), directions, strict=True))
    expected = (contraction(b, name, weights, moved(h)) - contraction(b, name, weights, moved(-h))) / (2 * h)
    np.testing.assert_allclose(found, expected, rtol=2e-7, atol=2e-7)

    second = hessian_product(b, name, weights, args, places, directions)
    ahead, behind = (gradient(b, name, weights, moved(step), places) for step in (h, -h))
    for s, x, y in zip(second, ahead, behind, strict=True):
        np.testing.assert_allclose(s, (x - y) / (2 * h), rtol=1e-6, atol=1e-6)


def hessian_product(b, name, weights, args, places, directions):
    """The second derivative along a direction, tape on tape."""

    def along(*chosen):
        tape = chosen[0].tape
        given = list(args)
        for place, x in zip(places, chosen, strict=True):
            given[place] = x
        return gradient(tape, name, weights, given, places), ()

    _, _, pullback = b.vjp(along, [args[place] for place in places])
    return pullback(directions)


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_gradients_point_along_steepest_ascent(name):
    b = get_backend("numpy")
    rng = np.random.default_rng(3)
    n = 6
    args = [rng.uniform(0.3, 0.8, n) + 1j * rng.uniform(0.3, 0.8, n) for _ in range(ENTRIES[name].nin)]
    weights = [rng.normal(size=n) + 1j * rng.normal(size=n)]
    places = list(range(len(args)))

    def ascent(b, given):
        return b.apply("real", contraction(b, name, weights, given))

    def f(*chosen):
        return [ascent(chosen[0].tape, chosen)], ()

    def slopes(given):
        return b.vjp(f, given)[2]([np.ones(())])

    h = 1e-6
    directions = [rng.normal(size=n) + 1j * rng.normal(size=n) for _ in args]
    ahead, behind = ([x + step * d for x, d in zip(args, directions, strict=True)] for step in (h, -h))
    expected = (ascent(b, ahead) - ascent(b, behind)) / (2 * h)
    found = sum((g.conj() * d).sum().real for g, d in zip(slopes(args), directions, strict=True))
    np.testing.assert_allclose(found, expected, rtol=1e-6)

    def again(*chosen):
        return chosen[0].tape.vjp(f, chosen)[2]([np.ones(())]), ()

    second = b.vjp(again, args)[2](directions)
    for s, x, y in zip(second, slopes(ahead), slopes(behind), strict=True):
        np.testing.assert_allclose(s, (x - y) / (2 * h), rtol=1e-5, atol=1e-6)
    assert places == list(range(len(second)))


def at(name, *point, order=1, wrt=0):
    """The first or second derivative of a function of numbers at one point."""
    b = get_backend("numpy")

    def first(tape, x):
        given = [np.asarray(p) for p in point]

        def f(y):
            given[wrt] = y
            return [y.tape.apply(name, *given)], ()

        return tape.vjp(f, [x])[2]([np.ones(())])

    x = np.asarray(point[wrt])
    if order == 1:
        return float(first(b, x)[0])
    return float(b.vjp(lambda y: (first(y.tape, y), ()), [x])[2]([np.ones(())])[0])


KINKS = [
    ("absolute", (0.0,), 0, 0.0, 0.0),
    ("fabs", (0.0,), 0, 0.0, 0.0),
    ("sign", (0.0,), 0, 0.0, 0.0),
    ("maximum", (2.0, 2.0), 0, 0.5, 0.0),
    ("maximum", (2.0, 2.0), 1, 0.5, 0.0),
    ("minimum", (2.0, 2.0), 0, 0.5, 0.0),
    ("fmax", (2.0, 2.0), 1, 0.5, 0.0),
    ("fmin", (2.0, np.nan), 0, 1.0, 0.0),
    ("fmax", (np.nan, 2.0), 1, 1.0, 0.0),
    ("fmax", (np.nan, 2.0), 0, 0.0, 0.0),
    ("clip", (1.0, 1.0, 3.0), 0, 1.0, 0.0),
    ("clip", (3.0, 1.0, 3.0), 0, 1.0, 0.0),
    ("clip", (1.0, 1.0, 3.0), 1, 0.0, 0.0),
    ("clip", (4.0, 1.0, 3.0), 2, 1.0, 0.0),
    ("clip", (0.0, 1.0, 3.0), 1, 1.0, 0.0),
    ("power", (0.0, 0.0), 0, 0.0, 0.0),
    ("power", (0.0, 1.0), 0, 1.0, 0.0),
    ("power", (0.0, 2.0), 0, 0.0, 2.0),
    ("power", (0.0, 2.0), 1, 0.0, 0.0),
    ("power", (-2.0, 3.0), 0, 12.0, -12.0),
    ("float_power", (0.0, 0.0), 0, 0.0, 0.0),
    ("hypot", (0.0, 0.0), 0, 0.0, 0.0),
    ("hypot", (0.0, 0.0), 1, 0.0, 0.0),
    ("arctan2", (0.0, 0.0), 0, 0.0, 0.0),
    ("logaddexp", (-np.inf, -np.inf), 0, 0.5, 0.0),
    ("logaddexp", (np.inf, 1.0), 0, 1.0, 0.0),
    ("logaddexp", (-np.inf, 1.0), 0, 0.0, 0.0),
    ("logaddexp2", (1.0, 1.0), 0, 0.5, 0.25 * np.log(2)),
]


@pytest.mark.parametrize("name, point, wrt, slope, curvature", KINKS)
def test_kinks(name, point, wrt, slope, curvature):
    assert at(name, *point, wrt=wrt) == slope
    np.testing.assert_allclose(at(name, *point, wrt=wrt, order=2), curvature, atol=1e-15)


@pytest.mark.parametrize("name, point, wrt, slope, curvature", KINKS)
def test_kinks_on_every_backend(name, point, wrt, slope, curvature, backend):
    def f(x):
        return getattr(ragged, name)(*point[:wrt], x, *point[wrt + 1 :])

    assert float(ragged.grad(f)(point[wrt])) == slope
    np.testing.assert_allclose(float(ragged.grad(ragged.grad(f))(point[wrt])), curvature, atol=1e-15)


@pytest.mark.parametrize("name", SMOOTH)
def test_backends_agree(name):
    """First and second derivatives of every function are the same on all backends."""
    args = arguments(name)
    places = [i for i in range(len(args)) if INTEGERS.get(name) != i]

    def f(*chosen):
        given = list(args)
        for place, x in zip(places, chosen, strict=True):
            given[place] = x
        value = getattr(ragged, name)(*given)
        if isinstance(value, tuple):
            value = value[1] if name == "divmod" else value[0]
        return ragged.sum(ragged.multiply(ragged.real(value), np.arange(1.0, 8.0)))

    def derivatives():
        primals = [args[place] for place in places]
        product = ragged.hvp(f, primals, primals)
        return [*ragged.grad(f, tuple(range(len(places))))(*primals), *(product if len(places) > 1 else [product])]

    expected = derivatives()
    for other in OURS:
        with ragged.use(other, precision="float64"):
            for x, y in zip(derivatives(), expected, strict=True):
                np.testing.assert_allclose(np.asarray(x), y, rtol=1e-10, atol=1e-13)


def test_absolute_of_complex_zero_has_no_slope():
    b = get_backend("numpy")
    found = b.vjp(lambda z: ([z.tape.apply("absolute", z)], ()), [np.zeros(2, complex)])[2]([np.ones(2)])[0]
    assert found.tolist() == [0, 0] and found.dtype == np.complex128


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_behind_a_missing_value_nothing_happens(name):
    """NaN, infinities and points outside the domain behind a missing value reach neither values nor gradients."""
    b = get_backend("numpy")
    entry = ENTRIES[name]
    bad = np.array([np.nan, np.inf, -np.inf, -5.0, 0.0, 5.0])
    valid = np.zeros(len(bad), bool)
    for wrt in range(entry.nin):
        args = [bad if i == wrt else np.full(len(bad), 3.0) for i in range(entry.nin)]
        try:
            result_dtypes(name, tuple(x.dtype for x in args))
        except TypeError:
            continue  # a function of integers

        def f(x, args=args, wrt=wrt):
            given = [x if i == wrt else y for i, y in enumerate(args)]
            value = x.tape.apply(name, *given, valid=valid)
            return [part for part in (value if isinstance(value, tuple) else (value,)) if part.dtype.kind == "f"], ()

        outputs, _, pullback = b.vjp(f, [bad])
        for output in outputs:
            assert output.tolist() == [0.0] * len(bad) or not any(entry.parts or entry.vjps)
        ones = [np.ones(len(bad)) for _ in outputs]
        assert pullback(ones)[0].tolist() == [0.0] * len(bad)

        def again(x, f=f, outputs=outputs):
            return x.tape.vjp(f, [x])[2]([np.ones(len(bad)) for _ in outputs]), ()

        assert b.vjp(again, [bad])[2]([np.ones(len(bad))])[0].tolist() == [0.0] * len(bad)


@pytest.mark.parametrize("kind", ["bool", "int8", "uint16", "int64", "float32", "float64"])
def test_missing_values_change_no_dtype(kind):
    b = get_backend("numpy")
    x, y, valid = np.ones(3, "f4"), np.ones(3, kind), np.array([True, False, True])
    for name in ("multiply", "power", "ldexp") if np.dtype(kind).kind == "i" and kind != "int64" else ("multiply",):
        outputs, _, _ = b.vjp(lambda x, name=name: ([x.tape.apply(name, x, y, valid=valid)], ()), [x])
        assert outputs[0].dtype == functions[name](x, y).dtype


def test_result_dtypes_are_numpys():
    kinds = [np.dtype(k) for k in ("?", "i1", "u2", "i8", "f2", "f4", "f8", "c8", "c16")]
    weak = {int: 1, float: 1.0, complex: 1j}
    for name, entry in ENTRIES.items():
        pairs = [(k,) for k in kinds] if entry.nin == 1 else [(j, k) for j in [*kinds, *weak] for k in [*kinds, *weak]]
        for pair in pairs:
            args = pair + (pair[-1],) * (entry.nin - len(pair))
            given = [weak[k] if k in weak else np.ones(1, k) for k in args]
            try:
                with np.errstate(all="ignore"):
                    found = functions[name](*given)
            except TypeError:
                continue
            wanted = [part.dtype for part in (found if isinstance(found, tuple) else (found,))]
            assert list(result_dtypes(name, args)[1]) == wanted, (name, args)


NAN, INF = float("nan"), float("inf")
BEYOND = {
    "abs": (abs, [NAN, 1, -1]),
    "fabs": (ragged.fabs, [NAN, 1, -1]),
    "copysign": (lambda x: ragged.copysign(x, -1.0), [NAN, -1, 1]),
    "maximum": (lambda x: ragged.maximum(x, 0.0), [0, 1, 0]),
    "minimum": (lambda x: ragged.minimum(1.0, x), [0, 0, 1]),
    "maximum with NaN": (lambda x: ragged.maximum(x, NAN), [0, 0, 0]),
    "fmax with NaN": (lambda x: ragged.fmax(x, NAN), [1, 1, 1]),
    "fmin with NaN": (lambda x: ragged.fmin(NAN, x), [1, 1, 1]),
    "clip": (lambda x: ragged.clip(x, -1.0, 2.0), [0, 0, 0]),
    "max from 0": (lambda x: ragged.max(ragged.unflatten(x, [1, 1, 1]), axis=1, initial=0.0), [0, 1, 0]),
    "min from 1": (lambda x: ragged.min(ragged.unflatten(x, [1, 1, 1]), axis=1, initial=1.0), [0, 0, 1]),
    "remainder": (lambda x: ragged.remainder(x, 0.7), [1, 1, 1]),
    "remainder by": (lambda x: ragged.remainder(0.7, x), [NAN, 0, 1]),
    "divmod": (lambda x: ragged.divmod(x, 0.7)[1], [1, 1, 1]),
    "ldexp": (lambda x: ragged.ldexp(x, 2), [4, 4, 4]),
    "x times its sign": (lambda x: x * ragged.sign(x), [NAN, 1, -1]),
    "a power of both": (lambda x: (abs(x) + 0.2) ** x, [NAN, INF, NAN]),
    "a power by an array": (lambda x: x ** ragged.Array([2.0, 2.0, 2.0]), [NAN, INF, -INF]),
    "a power of a number": (lambda x: 2.0**x, [NAN, INF, 0]),
}
"""Slopes at NaN, infinity and minus infinity."""


@pytest.mark.parametrize("title", BEYOND)
def test_slopes_where_numbers_end(backend, title):
    f, slopes = BEYOND[title]
    with np.errstate(all="ignore"):
        found = ragged.to_numpy(ragged.grad(lambda x: ragged.sum(f(x)))(ragged.Array([NAN, INF, -INF])))
    np.testing.assert_array_equal(found, slopes)
