"""Operators between ragged arrays and those of other libraries, from either side: ours answers, as Awkward would."""

from __future__ import annotations

import operator

import awkward as ak
import numpy as np
import pytest

import ragged
from agreement import assert_same

NUMBERS = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
OTHERS = [[3.0, 2.0, 1.0], [], [5.0, 5.0]]
A_ROW = np.array([1.0, 2.0, 3.0])
RECORD = {"x": 1, "y": 2.5}

OPERATORS = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
    operator.eq,
    operator.ne,
]
PARTNERS = {
    "Awkward": ak.Array(OTHERS),
    "Awkward, a number a row": ak.Array(A_ROW),
    "NumPy": A_ROW,
    "NumPy, 0-d": np.asarray(2.0),
    "a NumPy number": np.float64(2.0),
    "a Python number": 2,
}


@pytest.mark.parametrize("partner", PARTNERS)
@pytest.mark.parametrize("op", OPERATORS)
def test_operators_from_either_side(backend, op, partner):
    x, y, reference = ragged.Array(NUMBERS), PARTNERS[partner], ak.Array(NUMBERS)
    for ours, theirs in ((op(x, y), op(reference, y)), (op(y, x), op(y, reference))):
        assert type(ours) is ragged.Array
        assert ours._backend.name == backend
        assert_same(ours, theirs, rtol=1e-6)


def test_a_dense_array_of_the_backend_from_either_side(backend):
    x = ragged.Array(NUMBERS)
    y = ragged.flatten(ragged.Array([[value] for value in A_ROW])).to_native()
    for ours, theirs in (((x - y), ak.Array(NUMBERS) - A_ROW), ((y - x), A_ROW - ak.Array(NUMBERS))):
        assert type(ours) is ragged.Array
        assert_same(ours, theirs)


def test_what_is_differentiated_from_either_side(backend):
    """`y` is dense and traced, or on a tape; ragged and Awkward arrays are constants."""
    for other in (ragged.Array(NUMBERS), ak.Array(NUMBERS)):
        for program in (lambda y, x=other: ragged.sum(y * x), lambda y, x=other: ragged.sum(x * y)):
            if backend in ("jax", "tensorflow", "torch") and isinstance(other, ak.Array):
                continue  # they do not know each other: Awkward takes a tensor's values
            assert ragged.to_numpy(ragged.grad(program)(A_ROW)).tolist() == [6.0, 0.0, 9.0]
    for program in (lambda x: ragged.sum(ak.Array(OTHERS) * x), lambda x: ragged.sum(x * ak.Array(OTHERS))):
        assert ragged.grad(program)(ragged.Array(NUMBERS)).to_list() == OTHERS


def test_in_place_operators_bind_a_new_array():
    x = y = ragged.Array(NUMBERS)
    x += ak.Array(OTHERS)
    assert type(x) is ragged.Array
    assert y.to_list() == NUMBERS


@pytest.mark.parametrize("f", [np.add, np.minimum, np.arctan2])
def test_ufuncs_with_numpy_arrays(f):
    x, reference = ragged.Array(NUMBERS), ak.Array(NUMBERS)
    assert_same(f(x, A_ROW), f(reference, A_ROW))
    assert_same(f(A_ROW, x), f(A_ROW, reference))


@pytest.mark.parametrize(
    "program",
    [
        lambda lib, record: lib.broadcast_arrays(lib.Array(NUMBERS), record),
        lambda lib, record: lib.with_field(lib.Array([{"a": 1}, {"a": 2}]), record, "b"),
        lambda lib, record: lib.with_field(lib.Array([[{"a": 1}], [], [{"a": 2}]]), record, "b"),
        lambda lib, record: lib.fill_none(lib.Array([{"x": 5, "y": 6.0}, None]), record, axis=0),
        lambda lib, record: lib.zeros_like(record),
        lambda lib, record: lib.full_like(record, 7),
    ],
)
def test_a_record_stands_for_an_entry(program):
    assert_same(program(ragged, ragged.Record(RECORD)), program(ak, ak.Record(RECORD)))


@pytest.mark.parametrize("op", OPERATORS)
def test_a_record_is_no_number(op):
    for x, y in ((ragged.Record(RECORD), 1), (1, ragged.Record(RECORD)), (ragged.Array([1]), ragged.Record(RECORD))):
        with pytest.raises(ragged.DTypeError, match="take its fields"):
            op(x, y)
    with pytest.raises(ragged.DTypeError, match="an array of it"):
        ragged.zip([ragged.Array(NUMBERS), ragged.Record(RECORD)])
