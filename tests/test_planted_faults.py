"""The conformance suite finds what is wrong with a backend, and says what: one planted fault a test."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import ragged
import ragged.testing
from ragged.autodiff import tape, taped
from ragged.backend import Backend
from ragged.nodes import Flat, Lists
from ragged.rows import Groups, Rows
from ragged.ufuncs import table

strict = pytest.importorskip("ragged_strict", reason="the plugin is not there: pip install ./tests/plugin")
Strict = strict.StrictBackend


def replaced(name, fault):
    """The plugin's method replaced by `fault(original, self, *args)`."""

    def plant(monkeypatch):
        original = getattr(Strict, name)
        monkeypatch.setattr(Strict, name, lambda self, *args, **kwargs: fault(original, self, *args, **kwargs))

    return plant


def seen(b, x):
    """An argument as NumPy's array."""
    return np.asarray(b.to_numpy(b.asarray(x)))


def reported(plant, title, monkeypatch):
    """The suite passes its check without the fault, and names it with the fault."""
    ragged.testing.check_backend("strict", matching=title)
    plant(monkeypatch)
    with pytest.raises(AssertionError) as caught:
        ragged.testing.check_backend("strict", matching=title)
    assert f"- {title}: " in str(caught.value)


def on_tape(**methods):
    """The plugin's tape with methods replaced."""

    def plant(monkeypatch):
        plain = tape.Tape
        faulty = type("Tape", (plain,), methods)
        for module in (tape, taped):
            monkeypatch.setattr(module, "Tape", lambda inner: (faulty if inner.base.name == "strict" else plain)(inner))

    return plant


def wrong_slope(self, x, rows):
    """The derivative of a sum, half of what it is."""
    value = self.inner.segment_sum(self.value(x), rows)
    return self.record(value, (x, lambda b, g: b.apply("multiply", b.expand(g, rows), 0.5)))


def wrong_curvature(self, x, index):
    """A gather whose derivative is right once, and a constant from then on."""
    value, n = self.inner.take(self.value(x), index), x.shape[0]
    return self.record(value, (x, lambda b, g: b.stop_gradient(b.segment_sum(g, Groups(index, n)))))


def ties_to_the_first(monkeypatch):
    rules = (
        lambda b, g, y, u, v: b.where(b.apply("greater_equal", u, v), g, 0),
        lambda b, g, y, u, v: b.where(b.apply("greater", v, u), g, 0),
    )
    monkeypatch.setitem(table, "maximum", replace(table["maximum"], vjps=rules))


def slope_of_abs_at_zero(monkeypatch):
    one = (lambda b, g, y, x: g * b.where(b.apply("greater_equal", x, 0), 1.0, -1.0),)
    monkeypatch.setitem(table, "absolute", replace(table["absolute"], vjps=one))


def recomputed_ids(monkeypatch):
    monkeypatch.setattr(Rows, "ids", property(lambda self: self.ops.row_ids(self)))


def new_rows_each_time(monkeypatch):
    def mapped(b, name, node, scalars, last=False):
        rows, flat = node.rows, node.content
        fresh = Rows(rows.ops, rows.offsets, rows.nrows, rows.total)
        return Lists(fresh, Flat(b.apply(name, flat.data, *scalars), flat.length))

    monkeypatch.setattr("ragged.elementwise._map", mapped)


def slack_kept(original, self, x, rows):
    if rows.offsets is not None:
        return original(self, x, rows)
    return original(self, x, Groups(np.minimum(rows.ids, rows.nrows - 1), rows.nrows))


def promoted(original, self, x, rows):
    sums = original(self, x, rows)
    return self.astype(sums, "float64") if self.dtype(x) == np.float32 else sums


def reversed_order(original, self, x, rows, descending=False):
    order = original(self, x, rows)
    return np.concatenate([order[i:j][::-1] for i, j in pairwise(rows.offsets)]) if descending else order


def nan_skipped(original, self, x, rows, identity):
    values = self.to_numpy(x)
    skipped = np.where(np.isnan(values), -np.inf, values) if values.dtype.kind == "f" else values
    return original(self, self.asarray(skipped), rows, identity)


def strong_numbers(original, self, name, *args, **options):
    return original(self, name, *(np.float64(x) if type(x) in (int, float) else x for x in args), **options)


def nan_times_zero(original, self, condition, x, y):
    if not (self.owns(x) and self.owns(y) and self.dtype(x).kind == "f"):
        return original(self, condition, x, y)
    chosen = self.astype(self.asarray(condition), self.dtype(x))
    return chosen * x + (1 - chosen) * y


def writes_to_its_argument(original, self, x, rows, descending=False):
    order = original(self, x, rows, descending)
    self.to_numpy(x)[...] = self.to_numpy(x)[order]
    return order


def forgets_to_refuse(original, self, name, *args, **options):
    return args[0] if name == "cbrt" else original(self, name, *args, **options)


def leaves_the_context(original, self, f, primals):
    result = original(self, f, primals)
    ragged.context._context.set(ragged.registry.get_backend("numpy"))
    return result


FAULTS = {
    "a wrong VJP": (on_tape(segment_sum=wrong_slope), "gradients: sum axis=-1"),
    "a wrong second derivative": (on_tape(take=wrong_curvature), "gradients: getitem reversed rows"),
    "a constant that is not": (on_tape(stop_gradient=lambda self, x: x), "protocol: vjp and jvp"),
    "ties to the first": (ties_to_the_first, "conventions: maximum shares between ties"),
    "a slope of abs at 0": (slope_of_abs_at_zero, "conventions: abs has slope 0 at 0"),
    "an id out of range": (
        replaced("segment_argsort", lambda f, self, *args: f(self, *args) + 1),
        "protocol: segment_argsort is stable",
    ),
    "an order that is not stable": (replaced("segment_argsort", reversed_order), "protocol: segment_argsort is stable"),
    "a copy instead of a view": (
        replaced("slice", lambda f, self, *args: self.xp.asarray(f(self, *args), copy=True)),
        "arrays: zero copy",
    ),
    "a copy instead of NumPy's memory": (
        replaced("asarray", lambda f, self, x, dtype=None: f(self, np.array(x) if type(x) is np.ndarray else x, dtype)),
        "arrays: zero copy",
    ),
    "a dtype promoted": (replaced("segment_sum", promoted), "protocol: segment_sum"),
    "Python numbers that are not weak": (replaced("apply", strong_numbers), "protocol: apply promotes as NumPy does"),
    "another identity": (
        replaced("segment_max", lambda f, self, x, rows, identity: f(self, x, rows, type(identity)(0))),
        "protocol: segment_max and segment_min",
    ),
    "slack in the last segment": (replaced("segment_sum", slack_kept), "protocol: segment_sum drops slack"),
    "NaN passed over": (replaced("segment_max", nan_skipped), "protocol: segment_max and segment_min of NaN"),
    "NaN from the branch not taken": (replaced("where", nan_times_zero), "protocol: where"),
    "ids computed again": (recomputed_ids, "arrays: rows are computed once"),
    "rows not shared": (new_rows_each_time, "arrays: rows are shared"),
    "an argument written to": (
        replaced("segment_argsort", writes_to_its_argument),
        "arrays: arguments stay as they are",
    ),
    "a function that is not refused": (replaced("apply", forgets_to_refuse), "unsupported: no cbrt"),
    "a context left behind": (replaced("vjp", leaves_the_context), "conduct: differentiating in threads"),
    "no pickle": (replaced("__reduce__", lambda f, self: (Strict, ())), "arrays: pickle"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_reported_by_name(name, monkeypatch):
    reported(*FAULTS[name], monkeypatch)


def test_enough_faults_are_planted():
    assert len(FAULTS) >= 10
    assert issubclass(Strict, Backend)
