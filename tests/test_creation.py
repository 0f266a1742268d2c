"""Filled and cast arrays, `where`, closeness and equality, NaN replaced; against Awkward and NumPy."""

from __future__ import annotations

import math

import awkward as ak
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

import ragged
from agreement import assert_agrees, assert_same
from layouts import arrays
from test_broadcasting import operands, structures

NAN = float("nan")


@settings(max_examples=80)
@given(
    arrays(max_size=10),
    st.sampled_from(["zeros_like", "ones_like"]),
    st.sampled_from([None, "float32", "int64", "bool"]),
    st.booleans(),
)
def test_filled_arrays_agree_with_awkward(x, name, dtype, including_unknown):
    assume(dtype is None or not any(text in str(x.type) for text in ("string", "bytes")))  # see the next test
    options = {"dtype": dtype, "including_unknown": including_unknown}
    assert_agrees(lambda: getattr(ragged, name)(ragged.Array(x), **options), lambda: getattr(ak, name)(x, **options))


@settings(max_examples=80)
@given(arrays(max_size=10), st.sampled_from([0, 1, 7, 2.5, True]), st.sampled_from([None, "float64", "int8"]))
def test_full_like_agrees_with_awkward(x, value, dtype):
    assume(dtype is None or not any(text in str(x.type) for text in ("string", "bytes")))
    assert_agrees(
        lambda: ragged.full_like(ragged.Array(x), value, dtype=dtype), lambda: ak.full_like(x, value, dtype=dtype)
    )


def test_full_like_replaces_text_by_text():
    x = ragged.Array([["a", "bc"], [], [None]])
    assert ragged.full_like(x, "→").to_list() == [["→", "→"], [], [None]]
    assert ragged.zeros_like(x).to_list() == [["", ""], [], [None]]
    assert ragged.ones_like(x).to_list() == [["1", "1"], [], [None]]
    assert_same(ragged.ones_like(x, dtype="int8"), ak.ones_like(ak.Array(x.to_list()), dtype="int8"))
    assert str(ragged.zeros_like(x[:0], dtype="int8").type) == "0 * var * ?int8"  # Awkward fails on no text at all


def test_filled_arrays_on_every_backend(backend):
    x = ragged.Array([[1.5, 2.5], [], [None]])
    assert_same(ragged.ones_like(x), ak.Array([[1.0, 1.0], [], [None]]))
    assert ragged.backend(ragged.zeros_like(x)) == backend
    assert ragged.zeros_like(x).to_list() == [[0.0, 0.0], [], [None]]
    assert ragged.full_like(x, 3, dtype="int64").to_list() == [[3, 3], [], [None]]
    assert ragged.ones_like(x).layout.rows is x.layout.rows


def test_dense_values_are_filled_densely():
    assert_same(ragged.zeros_like(np.arange(3.0)), np.zeros(3))
    assert ragged.ones_like(2.5) == 1.0
    assert ragged.values_astype(np.arange(3), "float32").dtype == np.float32
    assert ragged.full_like(np.ones((2, 2)), 4).tolist() == [[4, 4], [4, 4]]


@settings(max_examples=80)
@given(arrays(max_size=10), st.sampled_from(["float32", "int64", "bool", "complex128"]), st.booleans())
def test_values_astype_agrees_with_awkward(x, dtype, including_unknown):
    def run(library, array):
        with np.errstate(invalid="ignore"):
            return library.values_astype(array, dtype, including_unknown=including_unknown)

    assume(not ("int" in dtype and any(kind in str(x.type) for kind in ("float", "complex"))))  # undefined for NaN
    assert_agrees(lambda: run(ragged, ragged.Array(x)), lambda: run(ak, x))


def test_values_astype_on_every_backend(backend):
    x = ragged.Array([[1.5, -2.5], [], [None]])
    assert_same(ragged.values_astype(x, "int32"), ak.values_astype(ak.Array(x.to_list()), "int32"))
    assert ragged.astype(x, ragged.float32).layout.rows is x.layout.rows
    assert ragged.values_astype(ragged.Array(["1", "2"]), int).to_list() == ["1", "2"]


def test_dates_without_a_unit_are_microseconds():
    x = ak.Array([1, 2])
    assert_same(ragged.values_astype(ragged.Array(x), "datetime64"), ak.values_astype(x, "datetime64[us]"))


@st.composite
def choices(draw):
    levels, _ = draw(structures())
    top = len(levels[0][0]) if levels else draw(st.integers(0, 4))
    kinds = ("bool", "int64", "float64")
    condition = draw(operands(levels, top, ("bool", "int64")))
    return condition, draw(operands(levels, top, kinds)), draw(operands(levels, top, kinds))


@settings(max_examples=200)
@given(choices())
def test_where_agrees_with_awkward(given_arrays):
    condition, x, y = given_arrays
    assume(not any(" 0 * " in f" {each.type}" for each in given_arrays))
    assume("?" not in str(condition.type))  # see docs/differences.md
    assume(not any("option" in str(each.type) for each in given_arrays))
    theirs, error = _outcome(lambda: ak.where(condition, x, y))
    if error is not None:  # hidden lists that differ, or a type that Awkward cannot build
        return
    if "union" in str(theirs.type):
        with pytest.raises(ragged.UnsupportedError):
            ragged.where(*map(ragged.Array, given_arrays))
        return
    assert_same(ragged.where(*map(ragged.Array, given_arrays)), theirs)


def _outcome(f):
    try:
        return f(), None
    except ValueError as error:
        return None, error


@pytest.mark.parametrize(
    ("condition", "x", "y", "expected"),
    [
        ([True, None], [1, 2], [3, 4], [1, None]),
        ([True, None], [[1], [2, 2]], [[3], [4]], [[1], None]),
        ([[True], None], [[1], [1, 2]], [[3], [4, 4, 4]], [[1], None]),
        ([[True], [False, True]], [None, [1, 2]], [[3], [4, 4]], [[None], [4, 2]]),
        ([[True, False], [None]], [None, 2], [[5, 6], [7]], [[None, 6], [None]]),
        ([[True, False], [True]], [[1.5, 2], [3]], 7, [[1.5, 7], [3]]),
        ([True, False], ["a", "bc"], ["d", "e"], ["a", "e"]),
        ([True, False], ["a", "bc"], "none", ["a", "none"]),
        ([True, False], [{"a": 1}, {"a": 2}], [{"a": 3}, {"a": 4}], [{"a": 1}, {"a": 4}]),
        ([True, False], [[1], [2, 3]], [[4, 5], []], [[1], []]),
        ([0, 2], [1, 2], [3, 4], [3, 2]),
        ([True, False], [None, None], [3, 4], [None, 4]),
        ([[True, False], []], [[None, [1]], []], [[[2], [3]], []], [[None, [3]], []]),
        ([[True, False], [True]], np.arange(6).reshape(2, 3)[:, :1], [[-1, -2], [-3]], [[0, -2], [3]]),
    ],
)
def test_where_on_every_backend(backend, condition, x, y, expected):
    ours = [ragged.Array(each) if isinstance(each, list) else each for each in (condition, x, y)]
    assert ragged.where(*ours).to_list() == expected


def test_where_of_lists_of_regular_lists(backend):
    x = ragged.unflatten(ragged.Array(np.arange(8.0).reshape(4, 2)), [3, 0, 1])
    condition = ragged.Array([[True, False, True], [], [False]])
    assert_same(ragged.where(condition, x, -x), ak.where(*map(ragged.to_awkward, (condition, x, -x))))
    assert_same(ragged.where(condition, x, 1), ak.where(*map(ragged.to_awkward, (condition, x)), 1))


def test_where_refuses_what_has_no_meaning():
    x = ragged.Array([[1, 2], [3]])
    with pytest.raises(ValueError, match="both or neither"):
        ragged.where(x > 1, x)
    with pytest.raises(ragged.UnsupportedError, match="union"):
        ragged.where(ragged.Array([True, False]), x, 1)
    with pytest.raises(ragged.UnsupportedError, match="union"):
        ragged.where(x > 1, x, x > 1, mergebool=False)
    with pytest.raises(ragged.DTypeError, match="booleans or numbers, not None"):
        ragged.where(None, x, x)
    with pytest.raises(ragged.DTypeError, match="None"):
        ragged.where(x > 1, x, None)
    with pytest.raises(ragged.StructureError, match="row 0"):
        ragged.where(x > 1, x, ragged.Array([[1], [2, 3]]))


@pytest.mark.parametrize(
    "condition", [[True, False, True], [True, None, False], [[True, False], [True, True]], [[], []], np.eye(3)]
)
def test_where_of_one_argument_gives_indices(backend, condition):
    ours = ragged.where(ragged.Array(condition))
    theirs = ak.where(ak.Array(condition))
    assert [x.to_list() for x in ours] == [x.to_list() for x in theirs]
    assert [str(x.type) for x in ours] == [str(x.type) for x in theirs]


def test_values_that_do_not_fit_are_refused():
    x = ragged.Array([[1.0, 2.0], [3.0]])
    for program, message in (
        (lambda: ragged.where(ragged.Array(["a"]), 1, 2), "not text"),
        (lambda: ragged.full_like(x, "a"), "'a'"),
        (lambda: ragged.full_like(x, [1, 2]), "one value"),
        (lambda: ragged.values_astype(x, "U3"), "<U3"),
        (lambda: ragged.values_astype(x, "nonsense"), "nonsense"),
        (lambda: ragged.nan_to_num(np.array(["2026-11-22"], "M8[D]")), "datetime64"),
        (lambda: ragged.clip(x + 1j, 1), "both bounds"),
    ):
        with pytest.raises(ragged.DTypeError, match=message):
            program()


def test_where_of_one_argument_needs_a_rectangle():
    with pytest.raises(ragged.StructureError, match="lists of one length"):
        ragged.where(ragged.Array([[True], []]))
    with pytest.raises(ragged.DTypeError, match="text"):
        ragged.where(ragged.Array(["a"]))


def test_gradients_do_not_leak_from_what_where_did_not_choose(backend):
    x = ragged.Array([[0.0, 4.0], [], [-1.0, 1.0]])

    def loss(x):
        positive = x > 0
        return ragged.sum(ragged.where(positive, ragged.sqrt(ragged.mask(x, positive)), x * 3))

    value, slopes = ragged.value_and_grad(loss)(x)
    assert float(value) == 2.0 + 1.0 - 3.0
    assert slopes.to_list() == [[3.0, 0.25], [], [3.0, 0.5]]


def test_gradients_reach_both_branches_and_shallower_operands(backend):
    x = ragged.Array([[1.0, 2.0], [], [3.0]])
    slopes = ragged.grad(lambda y: ragged.sum(ragged.where(x > 1.5, x * y, y)))(ragged.Array([10.0, 20.0, 30.0]))
    assert slopes.to_list() == [3.0, 0.0, 3.0]
    slopes = ragged.grad(lambda x: ragged.sum(ragged.where(ragged.Array([True, False, True]), x, 2 * x)))(x)
    assert slopes.to_list() == [[1.0, 1.0], [], [1.0]]


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from([0.0, 1.0, 1.0 + 1e-9, 1.1, NAN, np.inf, -np.inf]), max_size=6), st.data(), st.booleans()
)
def test_isclose_is_numpys(values, data, equal_nan):
    other = data.draw(st.permutations(values))
    x, y = (ak.unflatten(np.array([*each, 1.0]), [len(each), 1]) for each in (values, other))
    options = {"rtol": 1e-5, "atol": 1e-8, "equal_nan": equal_nan}
    assert_agrees(
        lambda: ragged.isclose(ragged.Array(x), ragged.Array(y), **options), lambda: ak.isclose(x, y, **options)
    )


def test_isclose_broadcasts(backend):
    x = ragged.Array([[1.0, 2.0], [], [None]])
    assert ragged.isclose(x, ragged.Array([1.0, 5.0, 5.0])).to_list() == [[True, False], [], [None]]
    assert ragged.isclose(x, 2, atol=1.0).to_list() == [[True, True], [], [None]]
    assert ragged.isclose(ragged.Array(np.array([1, 2], "uint8")), np.array([2, 1], "uint8"), atol=1).to_list() == [
        True,
        True,
    ]
    assert bool(ragged.isclose(1.0, 1.0 + 1e-9))
    with pytest.raises(ragged.StructureError, match="text"):
        ragged.isclose(ragged.Array(["a"]), 1)


@settings(max_examples=100)
@given(arrays(max_size=8, max_depth=3), arrays(max_size=8, max_depth=3), st.booleans(), st.booleans())
def test_array_equal_agrees_with_awkward(x, y, equal_nan, exact):
    for pair in ((x, x), (x, y)):
        options = {"equal_nan": equal_nan, "dtype_exact": exact}
        assert_agrees(
            lambda pair=pair, options=options: ragged.array_equal(*map(ragged.Array, pair), **options),
            lambda pair=pair, options=options: ak.array_equal(*pair, **options),
        )


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([[1, 2], []], [[1, 2], []]),
        ([[1, 2], []], [[1, 2.0], []]),
        ([[1, 2], []], [[1], [2]]),
        ([[1, 2], []], [[1, None], []]),
        ([[1, None], []], [[1, None], []]),
        ([[1.0], []], [[1.0 + 1e-9], []]),
        ([[1, 2]], np.array([[1, 2]])),
        ([{"a": 1, "b": 2}], [{"b": 2, "a": 1}]),
        ([{"a": 1}], [(1,)]),
        (["a", "b"], ["a", "b"]),
        (["a", "b"], ["a", "c"]),
        ([NAN], [NAN]),
        ([], []),
    ],
)
@pytest.mark.parametrize("regular", [True, False])
@pytest.mark.parametrize("exact", [True, False])
def test_equality_agrees_with_awkward(x, y, regular, exact):
    for name in ("array_equal", "almost_equal"):
        options = {"check_regular": regular, "dtype_exact": exact}
        if name == "array_equal":
            options["same_content_types"] = regular
        ours = getattr(ragged, name)(ragged.Array(x), ragged.Array(y), **options)
        assert ours is bool(getattr(ak, name)(ak.Array(x), ak.Array(y), **options)), name


def test_equality_on_every_backend(backend):
    x = ragged.Array([[1.0, None], [], [3.0]])
    assert ragged.array_equal(x, x)
    assert not ragged.array_equal(x, x + 1)
    assert ragged.almost_equal(x, x + 1e-12)
    assert ragged.array_equal(ragged.with_name(ragged.Array([{"a": 1}]), "P"), ragged.Array([{"a": 1}])) is False


def test_nan_becomes_numbers_or_none(backend):
    x = ragged.Array([[NAN, 1.0], [], [np.inf, -np.inf]])
    assert_same(ragged.nan_to_num(x), ak.nan_to_num(ak.Array(x.to_list())))
    assert ragged.nan_to_num(x, nan=ragged.Array([7.0, 8.0, 9.0]), posinf=1, neginf=-1).to_list() == [
        [7, 1],
        [],
        [1, -1],
    ]
    assert_same(ragged.nan_to_none(x), ak.nan_to_none(ak.Array(x.to_list())))
    assert_same(ragged.nan_to_none(ragged.mask(x, x != 1)), ak.Array([[None, None], [], [np.inf, -np.inf]]))
    assert ragged.nan_to_num(ragged.Array([1, 2])).to_list() == [1, 2]
    assert ragged.nan_to_num(NAN) == 0.0
    slopes = ragged.grad(lambda x: ragged.sum(ragged.nan_to_num(x, posinf=0.0, neginf=0.0) ** 2))(x)
    assert slopes.to_list() == [[0.0, 2.0], [], [0.0, 0.0]]
    assert not any(math.isnan(slope) for slope in ragged.to_list(ragged.flatten(slopes)))


@settings(max_examples=60)
@given(arrays(max_size=10))
def test_nan_to_none_agrees_with_awkward(x):
    assert_agrees(lambda: ragged.nan_to_none(ragged.Array(x)), lambda: ak.nan_to_none(x))


def test_a_fill_value_and_casts_are_differentiable(backend):
    x = ragged.Array([[1.0, 2.0], [], [3.0]])
    assert float(ragged.grad(lambda value: ragged.sum(ragged.full_like(x, value) * x))(2.0)) == 6.0
    slopes = ragged.grad(lambda x: ragged.sum(ragged.values_astype(x, "float64") ** 2))(x)
    assert slopes.to_list() == [[2.0, 4.0], [], [6.0]]
    slopes = ragged.grad(lambda r: ragged.sum(ragged.broadcast_arrays(r, x)[0] ** 2))(ragged.Array([1.0, 2.0, 3.0]))
    assert slopes.to_list() == [4.0, 0.0, 6.0]
    slopes = ragged.grad(lambda x: ragged.sum(ragged.ones_like(x) * x))(x)
    assert slopes.to_list() == [[1.0, 1.0], [], [1.0]]


UNKNOWN = [[], [[]], [None], [[None]], [[[]]], [[None], []]]
OF_UNKNOWN = {
    "where": lambda lib, x: lib.where(x > 0, x, 0),
    "where not": lambda lib, x: lib.where(x > 0, 1.5, x),
    "full_like": lambda lib, x: lib.full_like(x, 3),
    "ones_like": lambda lib, x: lib.ones_like(x),
    "typed": lambda lib, x: lib.zeros_like(x, dtype="float32", including_unknown=True),
    "values_astype": lambda lib, x: lib.values_astype(x, "float32"),
    "nan_to_num": lambda lib, x: lib.nan_to_num(x),
    "nan_to_none": lambda lib, x: lib.nan_to_none(x),
    "broadcast_arrays": lambda lib, x: lib.broadcast_arrays(x, 1)[1],
    "mask": lambda lib, x: lib.mask(x, x > 0),
    "selection": lambda lib, x: x[x > 0],
    "fill_none": lambda lib, x: lib.fill_none(x, 0),
    "drop_none": lambda lib, x: lib.drop_none(x),
    "is_none": lambda lib, x: lib.is_none(x),
    "flatten": lambda lib, x: lib.flatten(x, axis=None),
    "isclose": lambda lib, x: lib.isclose(x, x),
}


@pytest.mark.parametrize("data", UNKNOWN, ids=str)
@pytest.mark.parametrize("name", OF_UNKNOWN)
def test_arrays_of_unknown_type(data, name):
    program = OF_UNKNOWN[name]
    assert_agrees(lambda: program(ragged, ragged.Array(data)), lambda: program(ak, ak.Array(data)))


def test_where_over_nothing_differentiates(backend):
    x = ragged.Array([[], []])
    assert float(ragged.grad(lambda c: ragged.sum(ragged.where(x > 0, x, c)))(2.0)) == 0.0


def test_both_parts_of_complex_numbers_become_finite(backend):
    data = np.array([complex(np.nan, 1), complex(2, np.inf), complex(-np.inf, np.nan), 3 - 4j])
    x = ragged.unflatten(data, [2, 0, 2])
    assert_same(ragged.nan_to_num(x), ak.unflatten(np.nan_to_num(data), [2, 0, 2]))
    finite = ragged.nan_to_num(x, nan=7.0, posinf=8.0, neginf=9.0)
    assert finite.to_list() == [[7 + 1j, 2 + 8j], [], [9 + 7j, 3 - 4j]]
    slopes = ragged.grad(lambda x: ragged.sum(ragged.real(ragged.nan_to_num(x, posinf=8, neginf=9) * (2 + 1j))))(x)
    assert_same(slopes, ak.Array([[-1j, 2 + 0j], [], [0j, 2 - 1j]]))


@pytest.mark.parametrize("condition", [True, 0.0, np.True_, np.int64(0)])
@pytest.mark.parametrize(
    ("x", "y", "chosen"),
    [
        ([[1.0, 2.0], [], [3.0]], 0, ([[1.0, 2.0], [], [3.0]], [[0.0, 0.0], [], [0.0]])),
        ([[1.0, 2.0], [], [3.0]], [10, 20, 30], ([[1.0, 2.0], [], [3.0]], [[10.0, 10.0], [], [30.0]])),
        ([[1.0, None], [], [3.0]], [[1.0, 5.0], [], [None]], ([[1.0, None], [], [3.0]], [[1.0, 5.0], [], [None]])),
        (["a", "bc"], ["d", ""], (["a", "bc"], ["d", ""])),
        ([{"x": 1, "y": [2.0]}], [{"x": 3, "y": [4.0]}], ([{"x": 1, "y": [2.0]}], [{"x": 3, "y": [4.0]}])),
        ([], 1, ([], [])),
    ],
)
def test_where_of_a_single_condition_chooses_everywhere(backend, condition, x, y, chosen):
    given = [ragged.Array(each) if isinstance(each, list) else each for each in (x, y)]
    assert ragged.where(condition, *given).to_list() == chosen[0 if condition else 1]


def test_a_single_condition_differentiates(backend):
    x = ragged.Array([[1.0, 2.0], [], [3.0]])
    f = lambda x: ragged.sum(ragged.where(ragged.sum(x) > 0, x * x, 0.0))  # noqa: E731
    assert ragged.grad(f)(x).to_list() == [[2.0, 4.0], [], [6.0]]
    assert ragged.grad(f)(-x).to_list() == [[0.0, 0.0], [], [0.0]]
