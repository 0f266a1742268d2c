"""fields, zip, unzip, with_field, without_field, with_name, with_parameter, parameters, is_tuple."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import ragged
from agreement import assert_same, outcome
from layouts import SETTINGS, agree, arrays, pairs, sizes_agree

X = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
Y = [[10, 20, 30], [], [40, 50]]
RECORDS = [[{"x": 1, "y": [1, 2]}], [], [{"x": 2, "y": []}, {"x": 3, "y": [3]}]]


@SETTINGS
@given(pairs(), st.sampled_from([None, 1, 2, 3]), st.booleans(), st.booleans())
def test_zip(xy, depth_limit, right_broadcast, outside):
    options = {"right_broadcast": right_broadcast, "optiontype_outside_record": outside}
    assume(sizes_agree(outcome(ragged.zip, list(map(ragged.Array, xy)), depth_limit, **options)[1]))
    agree(
        lambda x, y: ragged.zip({"a": x, "b": y}, depth_limit, **options),
        lambda x, y: ak.zip({"a": x, "b": y}, depth_limit, **options),
        *xy,
    )


@SETTINGS
@given(pairs())
def test_zip_to_tuples(xy):
    assume(sizes_agree(outcome(ragged.zip, list(map(ragged.Array, xy)))[1]))
    agree(lambda x, y: ragged.zip([x, y, x]), lambda x, y: ak.zip([x, y, x]), *xy)


@SETTINGS
@given(arrays())
def test_unzip(x):
    agree(ragged.unzip, ak.unzip, x)


@SETTINGS
@given(pairs(), st.sampled_from([None, "z", "0"]))
def test_with_field(xy, where):
    assume(sizes_agree(outcome(ragged.with_field, *map(ragged.Array, xy))[1]))
    agree(lambda x, y: ragged.with_field(x, y, where), lambda x, y: ak.with_field(x, y, where), *xy)


@SETTINGS
@given(arrays(allow_string=False), st.data())
def test_one_field_and_name(x, data):
    assert ragged.fields(ragged.Array(x)) == ak.fields(x)
    assert ragged.is_tuple(ragged.Array(x)) == ak.is_tuple(x)
    agree(lambda x: ragged.with_name(x, "Point"), lambda x: ak.with_name(x, "Point"), x)
    name = data.draw(st.sampled_from(ak.fields(x) or ["q"]))
    if ak.fields(x):  # without any, Awkward gives the array back
        agree(lambda x: ragged.without_field(x, name), lambda x: ak.without_field(x, name), x)


@pytest.mark.parametrize("depth_limit", [None, 1, 2])
def test_zip_on_every_backend(backend, depth_limit):
    arrays = {"x": X, "y": Y, "z": [7, 8, 9]}
    if depth_limit == 2:
        arrays["z"] = 7
    expected = ak.zip({k: v if isinstance(v, int) else ak.Array(v) for k, v in arrays.items()}, depth_limit)
    got = ragged.zip({k: v if isinstance(v, int) else ragged.Array(v) for k, v in arrays.items()}, depth_limit)
    assert_same(got, expected)
    assert ragged.unzip(got, how=dict).keys() == arrays.keys()


def test_zip_shares_rows():
    x = ragged.Array(X)
    zipped = ragged.zip({"x": x, "y": x * 2})
    assert zipped["x"].layout.rows is x.layout.rows
    assert zipped["y"].layout.rows is x.layout.rows


def test_zip_names_and_parameters():
    named = ragged.zip({"x": [1, 2]}, with_name="Point", parameters={"unit": "m"})
    assert_same(named, ak.zip({"x": [1, 2]}, with_name="Point", parameters={"unit": "m"}))
    assert ragged.parameters(named) == {"__record__": "Point", "unit": "m"}
    assert ragged.parameters([1, 2]) == {}
    assert ragged.parameters(ragged.with_parameter(named, "unit", None)) == {"__record__": "Point"}


def test_zip_of_scalars_is_a_record():
    assert ragged.zip({"x": 1, "y": 2.5}).to_list() == {"x": 1, "y": 2.5}


def test_zip_refuses():
    with pytest.raises(ragged.StructureError, match="depth_limit"):
        ragged.zip([X], 0)
    with pytest.raises(ragged.StructureError, match="zip: there is nothing to put together"):
        ragged.zip({})
    with pytest.raises(ragged.StructureError, match="row 0"):
        ragged.zip([ragged.Array([[1, 2], [3]]), ragged.Array([[1, 2, 3], [4]])])
    with pytest.raises(ragged.DTypeError, match="tuple or dict"):
        ragged.unzip(ragged.Array(RECORDS), how=list)


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ([[5], [], [6, 7]], "z"),
        ([[5], [], [6, 7]], "x"),
        ([5, 6, 7], "z"),
        (9, "z"),
        (None, "z"),
        ("text", "z"),
        ([[[1], [2]][:1], [], [[3], [4, 5]]], "y"),
        ([[None], [], [1, None]], None),
    ],
)
def test_with_field_broadcasts(backend, what, where):
    value, reference = (ragged.Array(what), ak.Array(what)) if isinstance(what, list) else (what, what)
    expected = ak.with_field(ak.Array(RECORDS), reference, where)
    assert_same(ragged.with_field(ragged.Array(RECORDS), value, where), expected)


def test_fields_of_fields():
    nested = [{"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"x": 4, "y": 5}, "b": 6}]
    x, reference = ragged.Array(nested), ak.Array(nested)
    assert_same(ragged.with_field(x, [7, 8], ["a", "z"]), ak.with_field(reference, [7, 8], ["a", "z"]))
    assert_same(ragged.without_field(x, ["a", "x"]), ak.without_field(reference, ["a", "x"]))
    x["a", "z"] = np.array([7, 8])
    assert x["a", "z"].to_list() == [7, 8]
    del x["b"]
    assert x.fields == ["a"]
    assert ragged.with_name(x[0], "P").to_list() == x[0].to_list()


def test_fields_that_are_not_there():
    x = ragged.Array(RECORDS)
    with pytest.raises(ragged.FieldError, match=r"no field 'q'; the record has \['x', 'y'\]"):
        ragged.without_field(x, "q")
    with pytest.raises(ragged.FieldError, match="no field 'q'"):
        ragged.with_field(x, 1, ["q", "z"])
    with pytest.raises(ragged.StructureError, match="no records"):
        ragged.with_field(ragged.Array(X), 1, "z")
    with pytest.raises(ragged.DTypeError):
        ragged.with_field(x, 1, [0])
    with pytest.raises(ragged.DTypeError):
        ragged.without_field(x, 0)
    with pytest.raises(ragged.DTypeError):
        ragged.with_field(x, 1, 0)
    assert ragged.without_field(ragged.Array(X), "q").to_list() == X


def test_gradient_of_a_record_is_a_record(backend):
    records = ragged.zip({"x": ragged.Array(X), "n": ragged.Array(Y)})

    def program(r):
        r = ragged.with_field(r, r["x"] ** 2, "square")
        return ragged.sum(r["square"] * r["n"])

    gradient = ragged.grad(program)(records)
    assert gradient["x"].to_list() == [[20.0, 80.0, 180.0], [], [320.0, 500.0]]
    assert str(gradient["n"].type) == "3 * var * ?unknown"
