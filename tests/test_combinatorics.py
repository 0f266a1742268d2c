"""combinations, argcombinations, cartesian, argcartesian."""

from __future__ import annotations

import itertools

import awkward as ak
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import ragged
from agreement import assert_same, outcome
from layouts import AXES, SETTINGS, agree, arrays, has, pairs, sizes_agree

X = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
Y = [[10, 20], [30], []]


# records: Awkward makes tuples of the records around the lists, and forgets their names
@SETTINGS
@given(arrays(allow_record=False), st.integers(1, 4), st.booleans(), AXES)
def test_combinations(x, n, replacement, axis):
    assume(axis >= -1 or not has(x, "unknown"))  # which has every negative axis in Awkward
    agree(
        lambda x: ragged.combinations(x, n, replacement=replacement, axis=axis),
        lambda x: ak.combinations(x, n, replacement=replacement, axis=axis),
        x,
    )


@SETTINGS
@given(arrays(allow_record=False), st.integers(1, 4), st.booleans(), st.sampled_from([0, 1, 2, 3, -1]))
def test_argcombinations(x, n, replacement, axis):
    agree(
        lambda x: ragged.argcombinations(x, n, replacement=replacement, axis=axis),
        lambda x: ak.argcombinations(x, n, replacement=replacement, axis=axis),
        x,
    )


def lists_in_records(x):
    """Whether a shallow record may have lists in its fields, which Awkward gives an axis too many in a product."""
    _, _, fields = str(x.type).replace("(", "{").partition("{")
    return " * " in fields


@SETTINGS
@given(pairs(allow_string=False, allow_bytestring=False), AXES, st.sampled_from([None, False, True, [0], [], [1]]))
def test_cartesian_of_two(xy, axis, nested):
    assume(sizes_agree(outcome(ragged.cartesian, list(map(ragged.Array, xy)), axis)[1]))
    assume(
        not any(has(x, "* unknown", "* ?unknown") or lists_in_records(x) for x in xy)
    )  # Awkward makes float64 of some of them
    agree(
        lambda x, y: ragged.cartesian([x, y], axis, nested=nested),
        lambda x, y: ak.cartesian([x, y], axis, nested=nested),
        *xy,
    )


@SETTINGS
@given(
    pairs(max_size=12, allow_string=False, allow_bytestring=False),
    AXES,
    st.sampled_from([None, True, ["a"], ["b"], ["a", "b"], ["q"]]),
)
def test_cartesian_of_three(xy, axis, nested):
    assume(sizes_agree(outcome(ragged.cartesian, list(map(ragged.Array, xy)), axis)[1]))
    assume(not any(has(x, "* unknown", "* ?unknown") or lists_in_records(x) for x in xy))
    agree(
        lambda x, y: ragged.cartesian({"a": x, "b": y, "c": x}, axis, nested=nested, with_name="Three"),
        lambda x, y: ak.cartesian({"a": x, "b": y, "c": x}, axis, nested=nested, with_name="Three"),
        *xy,
    )


@SETTINGS
@given(
    pairs(max_size=12, allow_string=False, allow_bytestring=False),
    st.sampled_from([0, 1, 2, 3, -1]),
    st.sampled_from([None, True, [0], [1]]),
)
def test_argcartesian(xy, axis, nested):
    assume(sizes_agree(outcome(ragged.cartesian, list(map(ragged.Array, xy)), axis)[1]))
    agree(
        lambda x, y: ragged.argcartesian([x, y, x], axis, nested=nested),
        lambda x, y: ak.argcartesian([x, y, x], axis, nested=nested),
        *xy,
    )


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_combinations_are_those_of_itertools(backend, n, replacement):
    choose = itertools.combinations_with_replacement if replacement else itertools.combinations
    x = ragged.Array(X)
    assert ragged.combinations(x, n, replacement=replacement).to_list() == [list(choose(row, n)) for row in X]
    assert ragged.argcombinations(x, n, replacement=replacement).to_list() == [
        list(choose(range(len(row)), n)) for row in X
    ]


@pytest.mark.parametrize(
    "data", [[["a", "bc", "d"], []], [[{"x": 1}, {"x": 2}]], [[[1], [], [2, 3]], []], [[1, None, 3]]]
)
def test_entries_of_any_kind(data):
    assert_same(ragged.combinations(ragged.Array(data), 2), ak.combinations(ak.Array(data), 2))
    assert_same(ragged.cartesian([ragged.Array(data)] * 2), ak.cartesian([ak.Array(data)] * 2))


def test_fields_and_names():
    options = {"fields": ["one", "two"], "with_name": "Pair", "parameters": {"unit": "m"}}
    assert_same(ragged.combinations(ragged.Array(X), 2, **options), ak.combinations(ak.Array(X), 2, **options))
    assert_same(ragged.argcombinations(ragged.Array(X), 2, **options), ak.argcombinations(ak.Array(X), 2, **options))


def test_columns_share_rows():
    one, two = ragged.unzip(ragged.combinations(ragged.Array(X), 2))
    assert one.layout.rows is two.layout.rows
    one, two = ragged.unzip(ragged.cartesian([ragged.Array(X), ragged.Array(Y)]))
    assert one.layout.rows is two.layout.rows


def test_records_around_the_lists_keep_their_names():
    x = ragged.Array([{"a": [1, 2], "b": [3, 4, 5]}])
    assert ragged.combinations(x, 2, axis=-1).to_list() == [{"a": [(1, 2)], "b": [(3, 4), (3, 5), (4, 5)]}]
    named = ragged.with_name(ragged.Array([[{"a": [1, 2]}]]), "P")
    assert str(ragged.combinations(named, 2, axis=2).type) == "1 * var * P[a: var * (int64, int64)]"
    with pytest.raises(ragged.AxisError, match="fields of records"):
        ragged.combinations(ragged.Array([{"a": 1, "b": [1]}]), 2, axis=-1)


def test_argcombinations_of_inner_lists():
    """Awkward takes a negative axis below -1 for one of the positions, which are not so deep."""
    x = [[[1, 2], [3]], []]
    assert ragged.argcombinations(ragged.Array(x), 2, axis=-2).to_list() == [[(0, 1)], []]
    assert ragged.argcartesian([ragged.Array(x)] * 2, axis=-2).to_list() == [[(0, 0), (0, 1), (1, 0), (1, 1)], []]


def test_missing_lists():
    x, y = [[1, 2], None, [3]], [[10], [20], None]
    assert_same(ragged.combinations(ragged.Array(x), 2), ak.combinations(ak.Array(x), 2))
    assert str(ragged.combinations(ragged.Array(x), 2, with_name="P").type) == "3 * option[var * P[int64, int64]]"
    for nested in (None, True):
        assert_same(
            ragged.cartesian([ragged.Array(x), ragged.Array(y)], nested=nested),
            ak.cartesian([ak.Array(x), ak.Array(y)], nested=nested),
        )
    hidden = ragged.Array([[1, 2], [3, 4, 5]]).mask[[True, False]]
    assert ragged.combinations(hidden, 2).to_list() == [[(1, 2)], None]
    assert ragged.cartesian([ragged.Array(Y[:2]), hidden]).to_list() == [[(10, 1), (10, 2), (20, 1), (20, 2)], []]


@pytest.mark.parametrize("nested", [None, True, [0], [1]])
def test_cartesian_on_every_backend(backend, nested):
    arrays = [X, Y, [[1.5], [2.5, 3.5], [4.5]]]
    expected = ak.cartesian(list(map(ak.Array, arrays)), nested=nested)
    assert_same(ragged.cartesian(list(map(ragged.Array, arrays)), nested=nested), expected)


def test_cartesian_of_regular_and_dense_arrays():
    x, y = np.arange(6).reshape(2, 3), np.arange(4).reshape(2, 2)
    for nested in (None, True):
        assert_same(ragged.cartesian([x, y], nested=nested), ak.cartesian([x, y], nested=nested))
        assert_same(
            ragged.cartesian([x, [[1], [2, 3]]], nested=nested), ak.cartesian([x, [[1], [2, 3]]], nested=nested)
        )
    assert_same(ragged.cartesian([ragged.Array(X), 5]), ak.cartesian([ak.Array(X), 5]))
    assert_same(ragged.combinations(x, 2), ak.combinations(x, 2))
    assert_same(ragged.combinations(x, 3, replacement=True), ak.combinations(x, 3, replacement=True))


def test_refusals():
    x = ragged.Array(X)
    with pytest.raises(ragged.StructureError, match="at least 1"):
        ragged.combinations(x, 0)
    with pytest.raises(ragged.StructureError, match="2 fields"):
        ragged.combinations(x, 2, fields=["one"])
    with pytest.raises(ragged.StructureError, match="text"):
        ragged.combinations(ragged.Array(["one"]), 2)
    with pytest.raises(ragged.AxisError, match="axis=2"):
        ragged.combinations(x, 2, axis=2)
    with pytest.raises(ragged.AxisError, match="axis=2"):
        ragged.cartesian([x, x], axis=2)
    with pytest.raises(ragged.StructureError, match="nested"):
        ragged.cartesian([x, x], nested=[1])
    with pytest.raises(ragged.StructureError, match="cartesian: there is nothing to put together"):
        ragged.cartesian([])
    with pytest.raises(ragged.StructureError, match="lengths"):
        ragged.cartesian([x, ragged.Array([[1], [2]])])


def test_more_tuples_than_memory_holds():
    long = ragged.from_lengths(np.zeros(100_000, np.int8), np.array([100_000]))
    with pytest.raises(ragged.StructureError, match="more than any memory holds"):
        ragged.combinations(long, 6)
    flat = ragged.Array(np.zeros(10_000_000, np.int8))
    with pytest.raises(ragged.StructureError, match=r"1e\+21 tuples"):
        ragged.cartesian([flat, flat, flat], axis=0)


def test_gradients(backend):
    x, y = ragged.Array(X), ragged.Array([[1.5], [2.5], [3.5, 4.5]])

    def pairs(x):
        a, b = ragged.unzip(ragged.combinations(x, 2))
        return ragged.sum(a * b)

    def triples(x):
        a, b, c = ragged.unzip(ragged.combinations(x, 3))
        return ragged.sum(a * b * c)

    def products(x, y):
        a, b = ragged.unzip(ragged.cartesian([x, y]))
        return ragged.sum(a**2 * b)

    sums = [[sum(row) - v for v in row] for row in X]
    assert_same(ragged.grad(pairs)(x), ak.Array(sums))
    assert_same(ragged.grad(triples)(x), ak.Array([[6.0, 3.0, 2.0], [], [0.0, 0.0]]))
    dx, dy = ragged.grad(products, argnums=(0, 1))(x, y)
    assert_same(dx, ak.Array([[3.0, 6.0, 9.0], [], [64.0, 80.0]]))
    assert_same(dy, ak.Array([[14.0], [0.0], [41.0, 41.0]]))


def test_no_values_have_no_type():
    pairs = ragged.cartesian([ragged.Array([]), ragged.Array(np.zeros((0, 2)))])
    assert str(pairs.type) == "0 * var * (unknown, float64)"


def test_a_record_is_one_value():
    record = ragged.Array([{"a": [1, 2]}, {"a": [3]}])
    product = ragged.cartesian([ragged.Array([[True], [False, True]]), record])
    assert str(product.type) == "2 * var * (bool, {a: var * int64})"
    assert product[1].to_list() == [(False, {"a": [3]}), (True, {"a": [3]})]


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("name", ["combinations", "argcombinations"])
def test_a_tuple_has_a_bounded_number_of_slots(name, replacement):
    x = ragged.Array([[1, 2], []])
    few = getattr(ragged, name)(x, 64, replacement=replacement)
    assert ragged.num(few).to_list() == ([65, 0] if replacement else [0, 0])
    for n in (257, 10**4, 10**12):
        with pytest.raises(ragged.StructureError, match=f"n={n} slots are too many"):
            getattr(ragged, name)(x, n, replacement=replacement)
