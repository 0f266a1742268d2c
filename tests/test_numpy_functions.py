"""NumPy's functions of ragged arrays: NumPy's signatures, ragged answers, and ways out where there is none."""

from __future__ import annotations

import numpy as np
import pytest

import ragged
from agreement import assert_same

NUMBERS = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
TABLE = [[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]]

PROGRAMS = [
    lambda x: np.ndim(x),
    lambda x: np.shape(x),
    lambda x: np.size(x),
    lambda x: np.size(x, 0),
    lambda x: np.size(x, axis=1),
    lambda x: np.mean(x),
    lambda x: np.mean(x, 1),
    lambda x: np.mean(x, axis=0, keepdims=True),
    lambda x: np.var(x, 1, ddof=1),
    lambda x: np.std(x, 1, None, None, 1),
    lambda x: np.sum(x, 1),
    lambda x: np.prod(x, axis=-1),
    lambda x: np.max(x),
    lambda x: np.amin(x),
    lambda x: np.argmax(x),
    lambda x: np.ptp(x),
    lambda x: np.any(x > 8),
    lambda x: np.all(x > 1, axis=1),
    lambda x: np.count_nonzero(x > 2, axis=1),
    lambda x: np.clip(x, 2.0, 4.0),
    lambda x: np.clip(x, a_min=2.0, a_max=None),
    lambda x: np.clip(x, min=2.0, max=4.0),
    lambda x: np.around(x / 7, 2),
    lambda x: np.round(x / 7, decimals=1),
    lambda x: np.sort(-x, kind="stable"),
    lambda x: np.argsort(-x, 1),
    lambda x: np.zeros_like(x, np.int64),
    lambda x: np.ones_like(x, dtype="float32"),
    lambda x: np.full_like(x, 7, np.int64),
    lambda x: np.concatenate([x, x], axis=1),
    lambda x: np.where(x > 2, x, 0.0),
    lambda x: np.nonzero(x > 2),
    lambda x: np.isclose(x, x + 1e-12),
    lambda x: np.allclose(x, x + 1e-12),
    lambda x: np.allclose(x, x + 1e-3),
    lambda x: np.array_equal(x, x),
    lambda x: np.copy(x),
    lambda x: np.ravel(x),
    lambda x: np.real(x),
    lambda x: np.nan_to_num(x),
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_regular_array_answers_as_numpys_own(program):
    x = np.array(TABLE)
    ours, theirs = program(ragged.Array(x)), program(x)
    if isinstance(theirs, tuple):
        assert [np.asarray(each).tolist() for each in ours] == [np.asarray(each).tolist() for each in theirs]
    elif isinstance(theirs, bool | int):
        assert ours == theirs
    else:
        assert_same(ours, theirs, rtol=1e-12)


def test_ragged_arrays():
    x = ragged.Array(NUMBERS)
    assert np.ndim(x) == 2
    assert np.size(x, 0) == 3
    assert_same(np.mean(x, 1), ragged.mean(x, axis=1))
    assert_same(np.std(x, 1, ddof=1), ragged.std(x, axis=1, ddof=1))
    assert_same(np.amax(x, 1), ragged.max(x, axis=1))
    assert np.array_repr(x) == repr(x)


@pytest.mark.parametrize(("data", "shape"), [([1, None], (2,)), ([{"x": [1]}], (1,)), (["text"], (1,)), ([], (0,))])
def test_the_shape_ends_where_values_begin(data, shape):
    assert np.shape(ragged.Array(data)) == shape


def test_what_has_no_meaning_names_a_way_out():
    x = ragged.Array(NUMBERS)
    for f in (np.shape, np.size):
        with pytest.raises(ragged.StructureError, match=r"3 \* var \* float64 has no shape.*ragged.num"):
            f(x)
    with pytest.raises(ragged.UnsupportedError, match=r"numpy.unique is not .* ragged.flatten\(x, axis=None\)"):
        np.unique(x)
    with pytest.raises(ragged.UnsupportedError, match=r"numpy.transpose is not .* x.to_numpy\(\)"):
        np.transpose(x)
    with pytest.raises(ragged.UnsupportedError, match="values_astype"):
        np.mean(x, dtype="float32")
    assert np.unique(ragged.flatten(x, axis=None).to_numpy()).tolist() == [1, 2, 3, 4, 5]


def test_a_copy_has_attrs_of_its_own():
    x = ragged.Array(NUMBERS)
    x.attrs["run"] = 1
    y = np.copy(x)
    y.attrs["run"] = 2
    assert (x.attrs, y.to_list()) == ({"run": 1}, NUMBERS)


@pytest.mark.parametrize(
    ("call", "keyword", "way"),
    [
        (lambda x: np.sum(x, axis=1, dtype="float32"), "dtype", "values_astype"),
        (lambda x: np.sum(x, 1, np.float32), "dtype", "values_astype"),
        (lambda x: np.sum(x, initial=5.0), "initial", "afterwards"),
        (lambda x: np.sum(x, where=False), "where", "ragged.mask"),
        (lambda x: np.prod(x, out=np.zeros(())), "out", "new array"),
        (lambda x: np.argmax(x, axis=1, out=np.zeros(3)), "out", "new array"),
        (lambda x: np.max(x, where=[True, False, True]), "where", "ragged.mask"),
        (lambda x: np.any(x, where=[True, False, True]), "where", "ragged.mask"),
        (lambda x: np.zeros_like(x, shape=(3,)), "shape", "leave it out"),
    ],
)
def test_an_argument_without_a_meaning_is_named(call, keyword, way):
    with pytest.raises(ragged.UnsupportedError, match=rf"of ragged arrays takes no {keyword}; .*{way}"):
        call(ragged.Array([[1.0, 2.0], [], [3.0]]))


def test_arguments_that_change_nothing_are_taken(backend):
    x = ragged.Array([[1.0, 2.0], [], [3.0]])
    assert np.sum(x, axis=1, dtype=None, out=None, where=True).to_list() == [3.0, 0.0, 3.0]
    assert float(np.sum(x, None, None, None)) == 6.0
    assert np.max(x, axis=1, initial=2.5, out=None).to_list() == [2.5, None, 3.0]
    assert np.zeros_like(x, order="K", subok=True).to_list() == [[0.0, 0.0], [], [0.0]]


def test_a_power_modulo_a_number_is_no_power():
    x = ragged.Array([[1, 2], [], [3]])
    assert pow(x, 2).to_list() == [[1, 4], [], [9]]
    with pytest.raises(TypeError, match="unsupported operand"):
        pow(x, 2, 3)
