"""No operation calls Awkward: once the inputs are built, whatever touches it fails."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import ragged
from agreement import assert_same


def blocked(name):
    return name.partition(".")[0] in ("awkward", "awkward_cpp")


class Blocked(ModuleType):
    """Stands in for a module of Awkward's that was loaded before."""

    def __getattribute__(self, name):
        if name.startswith("__") and name not in ("__getattr__", "__dict__"):
            return super().__getattribute__(name)
        if name in ("Array", "Record"):  # asking whether something is Awkward's is no use of it
            return type(name, (), {})
        raise AssertionError(f"an operation used awkward.{name}")


class Finder:
    """Refuses to import any more of Awkward."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if blocked(name):
            raise AssertionError(f"an operation imported {name}")


def built():
    """Floats, whole numbers, records, missing values, a regular array and a mask."""
    return SimpleNamespace(
        x=ragged.Array([[1.0, 3.0, 2.0], [], [4.0, 5.0]]),
        n=ragged.Array([[1, 3, 2], [], [4, 5]]),
        o=ragged.Array([[1.0, None, 2.0], [], [None, 5.0]]),
        g=ragged.Array(np.arange(6.0).reshape(3, 2)),
        m=ragged.Array([[True, False, True], [], [False, True]]),
        t=ragged.Array([[{"a": 1.0, "b": 2}, {"a": 1.5, "b": 3}], [], [{"a": 2.5, "b": 4}]]),
    )


@pytest.fixture
def inputs(backend):
    """What the operations are given."""
    return built()


@contextmanager
def no_awkward():
    """Within, every use of Awkward fails."""
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(blocked, list(sys.modules)):
            patch.setitem(sys.modules, name, Blocked(name))
        patch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
        yield


def reducer(name, argument, **options):
    return lambda d: getattr(ragged, name)(getattr(d, argument), **options)


WITHIN_LISTS = """
    sum prod any all count count_nonzero mean var std ptp softmax logsumexp min max argmin argmax sort argsort
""".split()
OVER_ALL = "sum prod min max any all count count_nonzero mean var std ptp logsumexp".split()
KEEPING = "sum min max argmin argmax mean".split()

r = ragged
OPERATIONS = {
    **{name: reducer(name, "x", axis=1) for name in WITHIN_LISTS},
    **{f"{name} of missing": reducer(name, "o", axis=-1) for name in WITHIN_LISTS},
    **{f"{name} of all": reducer(name, "o", axis=None) for name in OVER_ALL},
    **{f"{name} keeping dimensions": reducer(name, "x", axis=-1, keepdims=True) for name in KEEPING},
    **{f"{name} of columns": reducer(name, "x", axis=0) for name in ("sum", "max", "argmax", "mean", "sort")},
    "operators": lambda d: (d.x + 1, d.x * d.n, -d.x, abs(d.x), d.n // 2, d.x > 1, ~d.m, d.o * d.x, d.g + 1),
    "ufuncs": lambda d: (np.exp(d.x), r.exp(d.x), np.hypot(d.x, d.x), r.maximum(d.x, 0), r.logaddexp(d.x, d.o)),
    "functions of numpy": lambda d: (np.sum(d.x, axis=1), np.concatenate([d.x, d.n])),
    "slices": lambda d: (d.x[1:], d.x[:, ::-1], d.x[..., :1], d.x[0], d.x[0, 1], d.x[:, np.newaxis], d.t[0]),
    "fields": lambda d: (d.t["a"], d.t[["a", "b"]], d.t.a, d.t["b", 0], r.fields(d.t)),
    "masks": lambda d: (d.x[d.m], d.x[np.array([True, False, True])], d.x[d.o > 1], d.x.mask[d.m]),
    "indices": lambda d: (d.x[[2, 0]], d.x[r.argmax(d.x, axis=1, keepdims=True)], d.x[r.argsort(d.x)]),
    "num": lambda d: (r.num(d.x), r.num(d.x, axis=0)),
    "flatten": lambda d: (r.flatten(d.x), r.flatten(d.o, axis=None), r.ravel(d.x)),
    "unflatten": lambda d: r.unflatten(r.flatten(d.x), r.num(d.x)),
    "concatenate": lambda d: (r.concatenate([d.x, d.n]), r.concatenate([d.x, d.o], axis=1)),
    "zip": lambda d: (r.zip({"x": d.x, "n": d.n}), r.unzip(d.t), r.zip((d.x, d.n))),
    "with_field": lambda d: (r.with_field(d.t, 1, "c"), r.without_field(d.t, "a")),
    "where": lambda d: (r.where(d.m, d.x, 0), r.mask(d.x, d.m)),
    "missing": lambda d: (r.is_none(d.o, axis=1), r.fill_none(d.o, 0), r.drop_none(d.o)),
    "padding": lambda d: (r.pad_none(d.x, 2), r.firsts(d.x), r.singletons(r.firsts(d.x))),
    "local_index": lambda d: r.local_index(d.x),
    "broadcast_arrays": lambda d: r.broadcast_arrays(d.x, 1, d.o),
    "cartesian": lambda d: (r.cartesian([d.x, d.n]), r.argcartesian([d.x, d.n])),
    "combinations": lambda d: (r.combinations(d.t, 2), r.argcombinations(d.x, 2, replacement=True)),
    "likes": lambda d: (r.zeros_like(d.x), r.ones_like(d.o), r.full_like(d.x, 7), r.nan_to_num(d.x)),
    "comparisons": lambda d: (r.isclose(d.x, d.x), r.array_equal(d.x, d.x)),
    "values_astype": lambda d: r.values_astype(d.x, np.float32),
    "regularity": lambda d: (r.from_regular(d.g), r.to_regular(r.from_regular(d.g)), r.to_packed(d.x)),
    "building": lambda d: (r.from_lengths(np.arange(3.0), [2, 0, 1]), r.to_padded(d.x)),
    "grad": lambda d: r.grad(lambda x: r.sum(r.softmax(x * x, axis=1)[:, :1]))(d.x),
    "grad through missing": lambda d: r.grad(lambda x: r.sum(r.fill_none(x, 0.0) * d.x))(d.o),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_operation_calls_awkward(name, inputs):
    expected = OPERATIONS[name](inputs)
    with no_awkward():
        actual = OPERATIONS[name](inputs)
    assert_same(actual, expected)
    assert type(actual) is type(expected)


@pytest.mark.parametrize("use", [lambda d: ragged.to_awkward(d.x), lambda d: __import__("awkward").sum])
def test_the_block_holds(use, inputs):
    with no_awkward(), pytest.raises(AssertionError, match="an operation"):
        use(inputs)
