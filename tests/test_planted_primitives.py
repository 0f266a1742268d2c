"""The conformance suite finds wrong primitives: one planted fault a test, each a mistake that an adapter can make."""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

import ragged.testing
from ragged.registry import get_backend
from ragged.rows import Groups
from ragged.testing import _conduct
from test_planted_faults import on_tape, replaced, reported, seen
from test_planted_ufuncs import UFUNCS


def sums_by_difference(original, self, x, rows):
    """One NaN, or one large number, spoils the rows after it."""
    if rows.offsets is None:
        return original(self, x, rows)
    values = seen(self, x)
    running = np.concatenate([np.zeros((1, *values.shape[1:]), values.dtype), np.cumsum(values, 0, dtype=values.dtype)])
    return self.asarray(running[rows.offsets[1:]] - running[rows.offsets[:-1]])


def single_sums(original, self, x, rows):
    sums = original(self, x, rows)
    if rows.offsets is None or rows.longest <= 8 or self.dtype(x) != np.float64:
        return sums
    return self.astype(self.astype(sums, "float32"), "float64")


def unstable(original, self, x, rows, descending=False):
    values = seen(self, x)
    if descending or values.dtype.kind not in "fiu":
        return original(self, x, rows, descending)
    return np.concatenate([i + np.argsort(values[i:j]) for i, j in pairwise(rows.offsets)]).astype(np.int64)


def signed_zeros(original, self, x, rows, descending=False):
    values = seen(self, x)
    if values.dtype.kind == "f":
        values = np.where((values == 0) & np.signbit(values), -5e-324, values.astype(float))
    return original(self, self.asarray(values), rows, descending)


def through_floats(original, self, x, rows, *options):
    return original(self, self.asarray(seen(self, x).astype(float)) if self.dtype(x).kind == "i" else x, rows, *options)


def maxima_through_floats(original, self, x, rows, identity):
    found = through_floats(original, self, x, rows, float(identity) if self.dtype(x).kind == "i" else identity)
    return self.astype(found, self.dtype(x))


def few_ids(original, self, x, rows):
    ids = rows.ids.astype(np.int8).astype(np.int64) % (rows.nrows + 1)
    return original(self, x, Groups(ids, rows.nrows)) if len(ids) else original(self, x, rows)


def flipped_beyond(ndim):
    """A result that is right but for content of so many axes."""

    def fault(original, self, x, *args):
        found = original(self, x, *args)
        return self.xp.flip(found, axis=-1) if x.ndim >= ndim else found

    return fault


def shared_buffer():
    buffers = {}

    def fault(original, self, x, rows):
        buffer = buffers.setdefault((x.shape, str(x.dtype)), np.empty_like(seen(self, x)))
        buffer[...] = seen(self, x)
        time.sleep(0)  # as a kernel that lets other threads run
        return original(self, self.asarray(buffer.copy()), rows)

    return fault


def running_in_place(original, self, x):
    np.cumsum(self.to_numpy(x), axis=0, out=self.to_numpy(x))
    return x


def sums_modulo(original, self, x, rows):
    return self.asarray(seen(self, original(self, x, rows)) % 256)


def turned_columns(original, self, condition, x, y):
    return original(self, ~condition if condition.ndim == 2 else condition, x, y)


def dtype_of_the_number(original, self, condition, x, y):
    found = original(self, condition, x, y)
    return self.astype(found, "float64") if type(x) is int else found


def side_by_side(original, self, arrays):
    return self.xp.concat(arrays, axis=1 if arrays[0].ndim == 2 else 0)


def doubled_over_one(original, self, x, axes):
    return 2 * original(self, x, axes) if axes == (1,) else original(self, x, axes)


def inverse_permutation(original, self, x, axes):
    return original(self, x, tuple(np.argsort(axes).tolist()))


def column_upside_down(original, self, x, shape):
    found = original(self, x, shape)
    return self.xp.flip(found, axis=0) if x.ndim == 2 else found


def by_dot(original, self, x, y):
    return self.asarray(np.dot(seen(self, x), seen(self, y)))


def fortran_order(original, self, x, shape):
    return self.asarray(np.reshape(seen(self, x), shape, order="F"))


def bytes_promoted(original, self, x):
    return self.astype(original(self, x), "uint64" if self.dtype(x) == np.uint8 else self.dtype(x))


def small_steps_only(original, self, x, start, stop, step=1):
    found = original(self, x, start, stop, step)
    return found if step < 4 else original(self, x, start, start + found.shape[0])


def the_first_64(original, self, x, index):
    return original(self, x, np.minimum(index, 64))


def rounding(original, self, x, dtype):
    loses = self.dtype(x).kind == "f" and np.dtype(dtype).kind == "i"
    return original(self, self.xp.round(x) if loses else x, dtype)


def strides_forgotten(original, self, x, dtype=None):
    return original(self, x[::-1] if type(x) is np.ndarray and x.ndim == 1 and x.strides[0] < 0 else x, dtype)


def bytes_swapped(original, self, x, dtype=None):
    return original(self, x.view(x.dtype.newbyteorder("=")) if type(x) is np.ndarray else x, dtype)


def no_nan(original, self, shape, value, dtype):
    return original(self, shape, 0 if value != value else value, dtype)


MANY = "segment_sum of many"
METHODS = {
    "sums as differences": ("segment_sum", sums_by_difference, "segment_sum of NaN"),
    "sums at single precision": ("segment_sum", single_sums, MANY),
    "sums modulo 256": ("segment_sum", sums_modulo, MANY),
    "ids of eight bits": ("segment_sum", few_ids, MANY),
    "sums of matrices": ("segment_sum", flipped_beyond(3), "segments of matrices"),
    "maxima of matrices": ("segment_max", flipped_beyond(2), "segments of matrices"),
    "maxima through floats": ("segment_max", maxima_through_floats, "segment_max and segment_min of many"),
    "an unstable order": ("segment_argsort", unstable, "segment_argsort of many"),
    "an order of signed zeros": ("segment_argsort", signed_zeros, "segment_argsort of many"),
    "an order through floats": ("segment_argsort", through_floats, "segment_argsort of many"),
    "matrices spread": ("expand", flipped_beyond(2), "expand"),
    "a column of conditions": ("where", turned_columns, "where broadcasts"),
    "the number's dtype": ("where", dtype_of_the_number, "where"),
    "matrices side by side": ("concat", side_by_side, "concat"),
    "sums over the wrong axis": ("sum", doubled_over_one, "sum"),
    "the inverse permutation": ("permute_dims", inverse_permutation, "permute_dims"),
    "a column broadcast": ("broadcast_to", column_upside_down, "broadcast_to"),
    "stacks by dot": ("matmul", by_dot, "matmul"),
    "Fortran order": ("reshape", fortran_order, "reshape"),
    "running sums promoted": ("cumulative_sum", bytes_promoted, "cumulative_sum"),
    "large steps": ("slice", small_steps_only, "slice and entry"),
    "gathers of few": ("take", the_first_64, "take, slice, expand and cumulative_sum of many"),
    "casts that round": ("astype", rounding, "astype to less"),
    "negative strides": ("asarray", strides_forgotten, "asarray of any memory"),
    "big-endian numbers": ("asarray", bytes_swapped, "asarray of any memory"),
    "owns what has a shape": ("owns", lambda f, self, x: hasattr(x, "shape"), "asarray and to_numpy"),
    "full without NaN": ("full", no_nan, "full"),
}


OTHERS = {
    "any device and precision": (
        replaced("configured", lambda f, self, device=None, precision=None: self),
        "conduct: options that it has not",
    ),
    "a buffer that threads share": (replaced("segment_sum", shared_buffer()), "conduct: primitives in threads"),
    "running sums in place": (
        replaced("cumulative_sum", running_in_place),
        "arrays: arguments of primitives stay as they are",
    ),
    "a rule that is not asked": (
        on_tape(custom_vjp=lambda self, f, forward, backward: f),
        "conventions: custom_vjp is what it says",
    ),
}

FAULTS = {name: (replaced(m, f), f"protocol: {title}") for name, (m, f, title) in METHODS.items()} | OTHERS


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_primitive_is_reported_by_name(name, monkeypatch):
    reported(*FAULTS[name], monkeypatch)


def test_the_whole_suite_names_each_fault(monkeypatch):
    faults = [FAULTS["a rule that is not asked"], UFUNCS["isnan never"]]
    for plant, _ in faults:
        plant(monkeypatch)
    with pytest.raises(AssertionError, match=r"the strict backend fails \d+ of \d+ checks") as caught:
        ragged.testing.check_backend("strict")
    for _, title in faults:
        assert f"- {title}: expected " in str(caught.value)


def test_an_import_of_the_framework_is_found(tmp_path, monkeypatch):
    (tmp_path / "eager_adapter.py").write_text("import array_api_strict\nFRAMEWORK = ('array_api_strict',)\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    eager = SimpleNamespace(FRAMEWORK=("array_api_strict",), __name__="eager_adapter")
    monkeypatch.setattr(_conduct, "adapter", lambda name: eager)
    with pytest.raises(AssertionError, match="import eager_adapter to leave array_api_strict alone"):
        ragged.testing.check_backend("strict", matching="naming it imports no framework")


@pytest.mark.parametrize("wrong", ["ignored", "without residuals"])
def test_a_custom_derivative_of_jax_is_looked_at(wrong, monkeypatch):
    pytest.importorskip("jax", reason="JAX is not installed")
    kind = type(get_backend("jax"))
    original = kind.custom_vjp

    def fault(self, f, forward, backward):
        if wrong == "ignored":
            return f
        return original(self, f, forward, lambda kept, g: backward([0 * each for each in kept], g))

    for each in (kind, *kind.__subclasses__()):
        monkeypatch.setattr(each, "custom_vjp", fault)
    with pytest.raises(AssertionError, match="the slopes at"):
        ragged.testing.check_backend("jax", matching="conventions: custom_vjp")
