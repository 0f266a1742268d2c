"""The conformance suite finds wrong elementwise functions: one planted fault a test."""

from __future__ import annotations

import numpy as np
import pytest

import ragged
import ragged.testing
from ragged.testing import _gradients, _values
from ragged.ufuncs import table
from ragged_numpy import NumpyBackend
from test_planted_faults import replaced, reported, seen


def wrong(name, change):
    """The plugin's elementwise function, whose result goes through `change(b, result, *args)`."""

    def fault(original, self, called, *args, **options):
        found = original(self, called, *args, **options)
        return change(self, found, *args) if table[called].name == name else found

    return replaced("apply", fault), f"ufuncs: {name}"


def instead(name, numpy, kinds="biufc"):
    """The plugin's function computed by another of NumPy's, for these kinds of result."""

    def change(b, found, *args):
        if b.dtype(found).kind not in kinds:
            return found
        with np.errstate(all="ignore"):
            return b.asarray(np.asarray(numpy(*(seen(b, x) for x in args))).astype(b.dtype(found)))

    return wrong(name, change)


def cast(name, source, target):
    """The plugin's function, its result of one dtype in another."""
    return wrong(name, lambda b, found, *args: b.astype(found, target) if b.dtype(found) == source else found)


def writing(name):
    """The plugin's function, which also writes its result over its argument."""

    def change(b, found, x):
        memory = b.to_numpy(x)
        if memory.dtype == b.dtype(found):
            memory[...] = b.to_numpy(found)
        return found

    return wrong(name, change)


UFUNCS = {
    "integers divided towards zero": instead("floor_divide", lambda x, y: np.trunc(np.divide(x, y)), "i"),
    "the dividend's sign, integers": instead("remainder", np.fmod, "i"),
    "the dividend's sign, floats": instead("remainder", np.fmod, "f"),
    "maximum that passes NaN over": instead("maximum", np.fmax, "f"),
    "isnan never": instead("isnan", np.zeros_like),
    "isinf never": instead("isinf", np.zeros_like),
    "isfinite always": instead("isfinite", np.ones_like),
    "signbit of the value": instead("signbit", lambda x: x < 0),
    "the sign of NaN": instead("sign", lambda x: np.nan_to_num(np.sign(x)), "f"),
    "exp of complex numbers conjugated": instead("exp", lambda x: np.conj(np.exp(x)), "c"),
    "conjugate as it is": instead("conjugate", np.positive, "c"),
    "imag negated": wrong("imag", lambda b, found, x: -found if b.dtype(x).kind == "c" else found),
    "absolute of the real part": wrong(
        "absolute", lambda b, found, x: b.xp.abs(b.xp.real(x)) if b.dtype(x).kind == "c" else found
    ),
    "integer powers through floats": instead("power", lambda x, y: np.power(x.astype(float), y), "i"),
    "int8 that saturates": instead("multiply", lambda x, y: np.clip(x.astype(int) * y.astype(int), -128, 127), "i"),
    "large integers through floats": instead("equal", lambda x, y: x.astype(complex) == y.astype(complex)),
    "xor that is or": instead("bitwise_xor", np.bitwise_or, "b"),
    "invert that does nothing": instead("invert", np.positive, "i"),
    "NaN that is false": instead("logical_and", lambda x, y: np.logical_and(np.nan_to_num(x), y)),
    "rows for columns": wrong(
        "greater", lambda b, found, *args: b.xp.flip(found, axis=0) if found.ndim == 2 else found
    ),
    "halves away from zero": instead("rint", lambda x: np.trunc(x + np.copysign(0.5, x)), "f"),
    "log1p by log": instead("log1p", lambda x: np.log(1 + x), "f"),
    "expm1 by exp": instead("expm1", lambda x: np.exp(x) - 1, "f"),
    "hypot that overflows": instead("hypot", lambda x, y: np.sqrt(x**2 + y**2), "f"),
    "logaddexp that overflows": instead("logaddexp", lambda x, y: np.log(np.exp(x) + np.exp(y)), "f"),
    "tan at single precision": instead("tan", lambda x: np.tan(x.astype(np.float32)), "f"),
    "exp of float32 in float64": cast("exp", "float32", "float64"),
    "sqrt of float32 in float64": cast("sqrt", "float32", "float64"),
    "absolute of int8 in int64": cast("absolute", "int8", "int64"),
    "exp over its argument": writing("exp"),
    "square over its argument": writing("square"),
}


@pytest.mark.parametrize("name", UFUNCS)
def test_a_wrong_function_is_reported_by_name(name, monkeypatch):
    reported(*UFUNCS[name], monkeypatch)


@pytest.fixture
def _references_forgotten():
    """What NumPy gave while it was wrong is nobody's reference afterwards."""
    kept = (_values.expected, _gradients.reference, _gradients.differences)
    for each in kept:
        each.cache_clear()
    yield
    for each in kept:
        each.cache_clear()


def wrong_numpy(monkeypatch, name, change):
    original = NumpyBackend.apply

    def fault(self, called, *args, **options):
        found = original(self, called, *args, **options)
        return change(found) if table[called].name == name else found

    monkeypatch.setattr(NumpyBackend, "apply", fault)


@pytest.mark.usefixtures("_references_forgotten")
@pytest.mark.parametrize(
    ("name", "change", "matching"),
    [
        ("floor", lambda x: x + 1, ""),
        ("isnan", np.invert, "ufuncs"),
        ("cosh", lambda x: x + 1, "ufuncs"),
        ("gcd", lambda x: x + 1, "ufuncs"),
    ],
)
def test_numpy_is_not_its_own_judge(name, change, matching, monkeypatch):
    wrong_numpy(monkeypatch, name, change)
    with pytest.raises(AssertionError, match=f"- ufuncs: {name}: expected"):
        ragged.testing.check_backend("numpy", matching=matching)


@pytest.mark.usefixtures("_references_forgotten")
@pytest.mark.parametrize("name", ["mean", "argmin", "num", "max"])
def test_wrong_operations_are_found_on_every_backend(name, monkeypatch):
    original = getattr(ragged, name)
    monkeypatch.setattr(ragged, name, lambda *args, **options: original(*args, **options) + 1)
    for backend in ("numpy", "strict"):
        with pytest.raises(AssertionError, match=rf"- literals: {name} \(1\): expected"):
            ragged.testing.check_backend(backend, matching="literals")
