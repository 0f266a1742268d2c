"""Every operation keeps the attrs and behaviors of its operands, merged as Awkward merges them."""

from __future__ import annotations

import pickle

import awkward as ak
import numpy as np
import pytest

import ragged

NUMBERS = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
OTHERS = [[10.0, 20.0, 30.0], [], [40.0, 50.0]]
MISSING = [[1.0, None], None, [3.0]]
POINTS = [[{"x": 1, "y": 2.0}], [], [{"x": 3, "y": 4.0}]]

# name: what is computed (of a library and two arrays), and the data of the arrays
OPERATIONS = {
    "x + y": (lambda lib, x, y: x + y, NUMBERS, OTHERS),
    "x + 1": (lambda lib, x, y: x + 1, NUMBERS, OTHERS),
    "1 + x": (lambda lib, x, y: 1 + x, NUMBERS, OTHERS),
    "-x": (lambda lib, x, y: -x, NUMBERS, OTHERS),
    "x + y, broadcast": (lambda lib, x, y: x + y, NUMBERS, [1.0, 2.0, 3.0]),
    "x == y": (lambda lib, x, y: x == y, NUMBERS, OTHERS),
    "divmod": (lambda lib, x, y: divmod(x, y)[1], NUMBERS, OTHERS),
    "exp": (lambda lib, x, y: np.exp(x), NUMBERS, OTHERS),
    "x[1:]": (lambda lib, x, y: x[1:], NUMBERS, OTHERS),
    "x[0]": (lambda lib, x, y: x[0], NUMBERS, OTHERS),
    "x[y > 20]": (lambda lib, x, y: x[y > 20], NUMBERS, OTHERS),
    "x[:, ::-1]": (lambda lib, x, y: x[:, ::-1], NUMBERS, OTHERS),
    "x['y']": (lambda lib, x, y: x["y"], POINTS, OTHERS),
    "x[['y']]": (lambda lib, x, y: x[["y"]], POINTS, OTHERS),
    "a record": (lambda lib, x, y: x[0, 0], POINTS, OTHERS),
    "all": (lambda lib, x, y: lib.all(x, axis=1), NUMBERS, OTHERS),
    "any": (lambda lib, x, y: lib.any(x, axis=1), NUMBERS, OTHERS),
    "argcartesian": (lambda lib, x, y: lib.argcartesian([x, y]), NUMBERS, OTHERS),
    "argcombinations": (lambda lib, x, y: lib.argcombinations(x, 2), NUMBERS, OTHERS),
    "argmax": (lambda lib, x, y: lib.argmax(x, axis=1), NUMBERS, OTHERS),
    "argmin": (lambda lib, x, y: lib.argmin(x, axis=1), NUMBERS, OTHERS),
    "argsort": (lambda lib, x, y: lib.argsort(x), NUMBERS, OTHERS),
    "broadcast_arrays": (lambda lib, x, y: lib.broadcast_arrays(x, y)[0], NUMBERS, OTHERS),
    "cartesian": (lambda lib, x, y: lib.cartesian([x, y]), NUMBERS, OTHERS),
    "cartesian, axis=0": (lambda lib, x, y: lib.cartesian({"x": x, "y": y}, axis=0), NUMBERS, OTHERS),
    "combinations": (lambda lib, x, y: lib.combinations(x, 2), NUMBERS, OTHERS),
    "concatenate": (lambda lib, x, y: lib.concatenate([x, y]), NUMBERS, OTHERS),
    "concatenate, axis=1": (lambda lib, x, y: lib.concatenate([x, y], axis=1), NUMBERS, OTHERS),
    "count": (lambda lib, x, y: lib.count(x, axis=1), NUMBERS, OTHERS),
    "count_nonzero": (lambda lib, x, y: lib.count_nonzero(x, axis=1), NUMBERS, OTHERS),
    "drop_none": (lambda lib, x, y: lib.drop_none(x), MISSING, OTHERS),
    "fill_none": (lambda lib, x, y: lib.fill_none(x, 0.0), MISSING, OTHERS),
    "fill_none, axis=None": (lambda lib, x, y: lib.fill_none(x, 0.0, axis=None), [1, None], OTHERS),
    "firsts": (lambda lib, x, y: lib.firsts(x), NUMBERS, OTHERS),
    "flatten": (lambda lib, x, y: lib.flatten(x), NUMBERS, OTHERS),
    "flatten, axis=None": (lambda lib, x, y: lib.flatten(x, axis=None), NUMBERS, OTHERS),
    "from_regular": (lambda lib, x, y: lib.from_regular(x), np.ones((2, 2)), OTHERS),
    "full_like": (lambda lib, x, y: lib.full_like(x, 5), NUMBERS, OTHERS),
    "is_none": (lambda lib, x, y: lib.is_none(x), MISSING, OTHERS),
    "isclose": (lambda lib, x, y: lib.isclose(x, y), NUMBERS, OTHERS),
    "local_index": (lambda lib, x, y: lib.local_index(x), NUMBERS, OTHERS),
    "mask": (lambda lib, x, y: lib.mask(x, y > 20), NUMBERS, OTHERS),
    "mask, broadcast": (lambda lib, x, y: lib.mask(x, y > 1), NUMBERS, [1, 2, 3]),
    "max": (lambda lib, x, y: lib.max(x, axis=1), NUMBERS, OTHERS),
    "mean": (lambda lib, x, y: lib.mean(x, axis=1), NUMBERS, OTHERS),
    "mean, weighted": (lambda lib, x, y: lib.mean(x, weight=y, axis=1), NUMBERS, OTHERS),
    "min": (lambda lib, x, y: lib.min(x, axis=0), NUMBERS, OTHERS),
    "nan_to_none": (lambda lib, x, y: lib.nan_to_none(x), NUMBERS, OTHERS),
    "nan_to_num": (lambda lib, x, y: lib.nan_to_num(x), NUMBERS, OTHERS),
    "num": (lambda lib, x, y: lib.num(x), NUMBERS, OTHERS),
    "num, axis=2": (lambda lib, x, y: lib.num(x, axis=2), [NUMBERS], OTHERS),
    "ones_like": (lambda lib, x, y: lib.ones_like(x), NUMBERS, OTHERS),
    "pad_none": (lambda lib, x, y: lib.pad_none(x, 2), NUMBERS, OTHERS),
    "pad_none, axis=0": (lambda lib, x, y: lib.pad_none(x, 5, axis=0), NUMBERS, OTHERS),
    "prod": (lambda lib, x, y: lib.prod(x, axis=1), NUMBERS, OTHERS),
    "ptp": (lambda lib, x, y: lib.ptp(x, axis=1), NUMBERS, OTHERS),
    "ravel": (lambda lib, x, y: lib.ravel(x), NUMBERS, OTHERS),
    "real": (lambda lib, x, y: lib.real(x), NUMBERS, OTHERS),
    "imag": (lambda lib, x, y: lib.imag(x), NUMBERS, OTHERS),
    "round": (lambda lib, x, y: lib.round(x), NUMBERS, OTHERS),
    "singletons": (lambda lib, x, y: lib.singletons(x), NUMBERS, OTHERS),
    "softmax": (lambda lib, x, y: lib.softmax(x, axis=-1), NUMBERS, OTHERS),
    "sort": (lambda lib, x, y: lib.sort(x), NUMBERS, OTHERS),
    "std": (lambda lib, x, y: lib.std(x, axis=1), NUMBERS, OTHERS),
    "sum": (lambda lib, x, y: lib.sum(x, axis=1), NUMBERS, OTHERS),
    "sum, keepdims": (lambda lib, x, y: lib.sum(x, axis=-1, keepdims=True), NUMBERS, OTHERS),
    "to_packed": (lambda lib, x, y: lib.to_packed(x), NUMBERS, OTHERS),
    "to_regular": (lambda lib, x, y: lib.to_regular(x), [[1, 2], [3, 4]], OTHERS),
    "unflatten": (lambda lib, x, y: lib.unflatten(x, 1), NUMBERS, OTHERS),
    "unzip": (lambda lib, x, y: lib.unzip(x)[1], POINTS, OTHERS),
    "values_astype": (lambda lib, x, y: lib.values_astype(x, "float32"), NUMBERS, OTHERS),
    "var": (lambda lib, x, y: lib.var(x, axis=1), NUMBERS, OTHERS),
    "where": (lambda lib, x, y: lib.where(x > 2, x, y), NUMBERS, OTHERS),
    "where, broadcast": (lambda lib, x, y: lib.where(x > 2, y, x), NUMBERS, [1.0, 2.0, 3.0]),
    "with_field": (lambda lib, x, y: lib.with_field(x, y, "z"), POINTS, [[1], [], [2]]),
    "with_name": (lambda lib, x, y: lib.with_name(x, "Point"), POINTS, OTHERS),
    "with_parameter": (lambda lib, x, y: lib.with_parameter(x, "unit", "m"), NUMBERS, OTHERS),
    "without_field": (lambda lib, x, y: lib.without_field(x, "x"), POINTS, OTHERS),
    "zeros_like": (lambda lib, x, y: lib.zeros_like(x), NUMBERS, OTHERS),
    "zip": (lambda lib, x, y: lib.zip([x, y]), NUMBERS, OTHERS),
    "zip, by name": (lambda lib, x, y: lib.zip({"x": x, "y": y}), NUMBERS, OTHERS),
    "zip, broadcast": (lambda lib, x, y: lib.zip([x, y]), NUMBERS, [1, 2, 3]),
}

FIRST = {"only": "x", "both": "x"}
SECOND = {"both": "y", "other": "y"}


def given(library, first, second, attrs):
    """The two arrays; `attrs` says whether they are given attrs, or behaviors."""
    kinds = [{"attrs": FIRST}, {"attrs": SECOND}] if attrs else [{"behavior": FIRST}, {"behavior": SECOND}]
    arrays = [ak.Array(data, **each) for data, each in zip((first, second), kinds, strict=True)]
    return arrays if library is ak else [ragged.Array(array) for array in arrays]


@pytest.mark.parametrize("name", OPERATIONS)
def test_attrs_are_kept_as_awkward_keeps_them(name):
    f, *data = OPERATIONS[name]
    expected = f(ak, *given(ak, *data, True))
    assert dict(expected.attrs)["only"] == "x"
    assert f(ragged, *given(ragged, *data, True)).attrs == dict(expected.attrs)


@pytest.mark.parametrize("name", OPERATIONS)
def test_behaviors_are_kept_as_awkward_keeps_them(name):
    f, *data = OPERATIONS[name]
    expected = f(ak, *given(ak, *data, False))
    assert f(ragged, *given(ragged, *data, False)).behavior == expected.behavior


def test_every_operation_is_in_the_table():
    """What Awkward has too, and takes and returns arrays."""
    tested = {name.partition(",")[0] for name in OPERATIONS}
    no_arrays = {"Array", "Record", "almost_equal", "array_equal", "backend", "fields", "is_tuple", "is_valid", "type"}
    no_arrays |= {"parameters", "show", "validity_error", "transform", "to_backend"}
    shared = {name for name in ragged.__all__ if name in dir(ak) and not name.startswith(("from_", "to_"))}
    assert shared - tested - no_arrays - {"concat"} == set()


def test_attrs_of_a_call_stand_before_those_of_the_array():
    x = ragged.Array(ak.Array(NUMBERS, attrs=FIRST))
    for f in (ragged.sum, ragged.mean, ragged.argmax, ragged.sort, ragged.std, ragged.softmax):
        assert f(x, axis=-1, attrs=SECOND).attrs == SECOND
        assert f(x, axis=-1, behavior=SECOND).behavior == SECOND


def test_results_do_not_share_attrs_with_operands():
    x = ragged.Array(ak.Array(NUMBERS, attrs=FIRST))
    for y in (x + 1, x[1:], ragged.num(x), ragged.flatten(x)):
        y.attrs["new"] = 1
        assert x.attrs == FIRST


def test_attrs_come_from_awkward_operands_and_records_too():
    plain = ragged.Array(NUMBERS)
    assert (plain + ak.Array(OTHERS, attrs=SECOND)).attrs == SECOND
    record = ragged.Array(ak.Array(POINTS, attrs=FIRST))[0, 0]
    assert record.attrs == FIRST
    assert ragged.with_field(record, 1, "z").attrs == FIRST


@pytest.mark.parametrize(
    "build",
    [
        lambda x: ragged.from_lengths(x, [2, 1]),
        lambda x: ragged.from_offsets(x, [0, 2, 3]),
        lambda x: ragged.from_row_ids(x, [0, 0, 1]),
        lambda x: ragged.Array(x),
    ],
)
def test_rows_of_an_array_keep_its_attrs(build):
    assert build(ragged.Array(ak.Array([1, 2, 3], attrs=FIRST))).attrs == FIRST


def test_attrs_survive_a_gradient_and_a_pickle():
    x = ragged.Array(ak.Array(NUMBERS, attrs={**FIRST, "@transient": 1}))
    assert ragged.grad(lambda x: ragged.sum(x * x))(x).attrs == x.attrs
    assert pickle.loads(pickle.dumps(x)).attrs == FIRST  # as Awkward's: what starts with @ stays behind
