"""Python and NumPy data without a ragged form: a clear error, never a crash."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragged


class Thing:
    def __repr__(self):
        return "a thing"


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([1, [2]], ragged.UnsupportedError, r"mixed types \(union\[int64, var \* int64\]\)"),
        ([[1, 2], [[3]]], ragged.UnsupportedError, "mixed types"),
        ([1, "text"], ragged.UnsupportedError, "mixed types"),
        ([True, 1], ragged.UnsupportedError, "mixed types"),
        ([{"x": 1}, [1]], ragged.UnsupportedError, "mixed types"),
        ([1, 2**70], ragged.DTypeError, r"the integer 1180591620717411303424 at \[1\], beyond int64"),
        ([[0], [1, 2**64]], ragged.DTypeError, r"at \[1, 1\]"),
        ([Thing()], ragged.DTypeError, r"a thing \(Thing\) at \[0\]"),
        ([{"x": [1, Thing()]}], ragged.DTypeError, "a thing"),
        (Thing(), ragged.DTypeError, "no form for a Thing"),
        (object, ragged.DTypeError, "no form for a type"),
        (np.array([1, Thing()], object), ragged.DTypeError, "array of objects"),
        (np.array([1, 2.5], object), ragged.DTypeError, "array of objects"),
        (np.zeros(2, "V4"), ragged.DTypeError, "no meaning"),
    ],
)
def test_data_without_a_ragged_form(data, error, message):
    with pytest.raises(error, match=message):
        ragged.Array(data)


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=3), st.binary(max_size=3)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=2), inner, max_size=3), st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=5))
def test_any_nested_python_data_becomes_an_array_or_a_clear_error(data):
    try:
        x = ragged.Array(data, check_valid=True)
    except ragged.RaggedError:
        return
    assert len(x) == len(data)
    repr(x), x.to_list(), x.typestr


def containing_themselves():
    plain = []
    plain.append(plain)
    twice = []
    twice += [twice, twice]
    mixed = [1]
    mixed.append(mixed)
    record = {}
    record |= {"a": record, "b": record}
    missing = [None]
    missing.append(missing)
    array = np.empty(1, object)
    array[0] = array
    return {
        "object array": array,
        "list": plain,
        "twice": twice,
        "mixed": mixed,
        "record": [record],
        "missing": missing,
    }


@pytest.mark.parametrize("name", containing_themselves())
def test_lists_that_contain_themselves(name):
    with pytest.raises(ragged.StructureError, match="contains itself"):
        ragged.Array(containing_themselves()[name])


def test_lists_may_be_deep():
    data = [1.5]
    for _ in range(100):
        data = [data]
    x = ragged.Array(data, check_valid=True)
    assert x.ndim == 101
    assert x.to_list() == data
    assert "1.5" in repr(x)


def test_too_deep():
    data = [1.5]
    for _ in range(5000):
        data = [data]
    with pytest.raises(ragged.StructureError, match="256 levels"):
        ragged.Array(data)
