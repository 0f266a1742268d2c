"""Any key on any array: Awkward's values and types, or an error where Awkward has one."""

from __future__ import annotations

import awkward as ak
import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

import ragged
from agreement import assert_agrees, outcome
from layouts import SETTINGS, arrays

small = st.integers(-4, 4)
slices = st.builds(slice, st.none() | small, st.none() | small, st.sampled_from([None, 1, 2, -1, -2]))
flat_index = st.lists(small, max_size=4)


@st.composite
def shaped_index(draw):
    # Awkward loses the length of a result for an n-dimensional index without entries (see docs/differences.md)
    shape = draw(st.tuples(st.integers(0, 3)) | st.tuples(st.integers(1, 3), st.integers(1, 3)))
    size = int(np.prod(shape))
    return np.asarray(draw(st.lists(small, min_size=size, max_size=size)), np.int64).reshape(shape)


@st.composite
def basic_keys(draw):
    items = draw(st.lists(small | slices | st.none(), max_size=4))
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), Ellipsis)
    return tuple(items)


@st.composite
def advanced_keys(draw):
    """Flat arrays (and integers) side by side, slices and new axes around them."""
    index = draw(shaped_index())
    others = [draw(small | st.just(index) | st.just(index[..., :1])) for _ in range(draw(st.integers(0, 1)))]
    before = draw(st.lists(slices, max_size=2))
    after = draw(st.lists(slices | st.none(), max_size=1))
    return (*before, index, *others, *after)


def agree(x, key):
    """Ours is Awkward's, but where Awkward's own bugs (see docs/differences.md) leave nothing to compare with."""
    first = key[0] if isinstance(key, tuple) and key else key
    if isinstance(first, list | np.ndarray | ak.Array):  # Awkward reads whatever lies before a regular or record array
        assume(all(i is None or i is True or i >= -len(x) for i in ak.to_list(ak.ravel(ak.Array(first)))))
    expected, error = outcome(lambda: x[key])
    assume("negative dimensions" not in str(error))  # a slice of a regular axis that ends before it begins
    kind = str(getattr(expected, "type", ""))
    assume("?char" not in kind and "?byte" not in kind)  # characters with missing ones, which Awkward cannot list
    assert_agrees(lambda: ragged.Array(x)[key], lambda: x[key])


@SETTINGS
@given(arrays(), small | slices | st.none() | st.just(Ellipsis) | flat_index | shaped_index())
def test_one_item(x, key):
    agree(x, key)


@SETTINGS
@given(arrays(allow_record=False), basic_keys())
def test_ints_slices_ellipsis_and_new_axes(x, key):
    agree(x, key)


@SETTINGS
@given(arrays(allow_record=False, allow_string=False, allow_bytestring=False), advanced_keys())
def test_flat_index_arrays(x, key):
    several = sum(isinstance(item, int | np.ndarray) for item in key) > 1
    missing = "?" in str(x.type) or "option" in str(x.type)
    assume(not (several and missing))  # Awkward pairs them up wrongly (see docs/differences.md)
    agree(x, key)


@SETTINGS
@given(arrays(), st.data())
def test_flat_masks(x, data):
    mask = np.asarray(data.draw(st.lists(st.booleans(), min_size=len(x), max_size=len(x))), bool)
    agree(x, mask)
    agree(x, mask.tolist())


@SETTINGS
@given(arrays(), st.lists(st.none() | small, max_size=4).filter(any), st.data())
def test_flat_indices_and_masks_with_missing_values(x, index, data):
    agree(x, ak.Array(index))
    mask = data.draw(st.lists(st.none() | st.booleans(), min_size=len(x), max_size=len(x)))
    agree(x, ak.Array([*mask, None])[:-1])


def randomised(index, values):
    """The index with other numbers in it."""

    def replace(layout, **_):
        return ak.contents.NumpyArray(values(layout.length)) if layout.is_numpy else None

    return ak.transform(replace, index)


@st.composite
def ragged_keys(draw, x):
    """A mask or an index made of the lists of `x` themselves, down to one of their axes."""
    assume(x.ndim > 1)
    places = ak.local_index(x, axis=draw(st.integers(1, x.ndim - 1)))
    random = np.random.default_rng(draw(st.integers(0, 99)))

    def booleans(n):
        return random.integers(0, 2, n).astype(bool)

    mask = randomised(places, booleans)
    kinds = ["mask", "index", "reversed", "any", "mask with None", "index with None", "lists with None"]
    match draw(st.sampled_from(kinds)):
        case "mask":
            return mask
        case "index":
            return places[mask]
        case "reversed":
            return places[..., ::-1]
        case "any":
            return randomised(places, lambda n: random.integers(-2, 2, n))
        case "mask with None":
            return ak.mask(mask, randomised(places, booleans))
        case "index with None":
            return ak.mask(places, mask)
        case _:  # over deeper lists Awkward lets only an empty list be left out (see docs/differences.md)
            assume(places.ndim == 2)
            return ak.mask(places, booleans(len(x)))


@SETTINGS
@given(arrays(allow_record=False, max_size=40), st.data())
def test_ragged_masks_and_indices(x, data):
    agree(x, data.draw(ragged_keys(x)))


@SETTINGS
@given(arrays(allow_record=False, max_size=40), slices | st.none() | st.just(Ellipsis), st.data())
def test_ragged_indices_with_more_behind_them(x, behind, data):
    agree(x, (data.draw(ragged_keys(x)), behind))


@st.composite
def records(draw, under_lists=None):
    """Records of two fields, under lists or missing values or neither."""
    x = draw(arrays(allow_record=False, min_length=1, max_size=30))
    x = ak.zip({"a": x, "b": x[::-1]}, depth_limit=1)
    if draw(st.booleans()) if under_lists is None else under_lists:
        cut = draw(st.integers(0, len(x)))
        x = ak.unflatten(x, [cut, 0, len(x) - cut])
    if draw(st.booleans()):
        x = ak.mask(x, draw(st.lists(st.booleans(), min_size=len(x), max_size=len(x))))
    return x


@SETTINGS
@given(records(), basic_keys() | advanced_keys(), st.data())
def test_fields_are_selected_one_by_one(x, key, data):
    """Where a key goes on behind a record Awkward takes the axes of its fields in the wrong order (see
    docs/differences.md), so records are compared with their own fields."""
    x, name = ragged.Array(x), data.draw(st.sampled_from("ab"))
    items = [item for item in key if item is not None]
    position = data.draw(st.integers(0, len(items)))
    assert_agrees(lambda: x[(*items[:position], name, *items[position:])], lambda: x[name][tuple(items)])
    selected, _ = outcome(lambda: x[tuple(items)])
    if selected is not None:
        assert_agrees(lambda: selected[name], lambda: x[name][tuple(items)])


@SETTINGS
@given(records(), st.data())
def test_ragged_masks_of_records(x, data):
    name = data.draw(st.sampled_from("ab"))
    key = data.draw(ragged_keys(x[name]))
    x = ragged.Array(x)
    selected, _ = outcome(lambda: x[key])
    if selected is not None:
        assert_agrees(lambda: selected[name], lambda: x[name][key])


@SETTINGS
@given(records(under_lists=True), st.data())
def test_masks_over_lists_of_records(x, data):
    agree(x, data.draw(ragged_keys(ak.local_index(x["a"], axis=1))))
