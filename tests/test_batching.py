"""`ragged.batches` and `ragged.pad_to`: every row once, in the promised order and sizes, on every backend."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragged
from agreement import assert_same
from ragged.compilation._buckets import LEAST, chooser, size_class
from ragged.context import active

X = [[1.5, -2.0, 0.5], [], [0.25, 4.0], [3.0], [], [1.0, 2.0]]
NESTED = [[[1.0], [2.0, 3.0]], [], [[], [4.0]]]
RECORDS = [{"p": [1.0, 2.0], "q": [1, 2, 3], "n": 1, "name": "one"}, {"p": [4.0], "q": [3], "n": 3, "name": "three"}]


# ---------------------------------------------------------------------- size classes


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_size_class_holds_its_sizes_and_wastes_an_eighth_at_most(n, m):
    capacity = size_class(n)
    assert capacity >= n and size_class(capacity) == capacity
    assert capacity == LEAST if n <= LEAST else capacity - n < n / 8
    assert n > m or size_class(n) <= size_class(m)


def test_there_are_eight_classes_a_doubling():
    assert len({size_class(n) for n in range(1025, 2049)}) == 8
    assert size_class(2**40 + 1) == 2**40 + 2**37


def test_classes_of_ones_own():
    choose = chooser([4, 32])
    assert [choose(n) for n in (0, 4, 5, 32)] == [4, 4, 32, 32]
    with pytest.raises(ragged.OutOfRangeError, match="33 is beyond the last of the buckets, 32"):
        choose(33)
    assert chooser(lambda n: n + 1)(3) == 4
    for wrong in (lambda n: n - 1, lambda n: 2.5):
        with pytest.raises(ragged.OutOfRangeError, match=r"buckets\(3\) is 2(\.5)?; a capacity is an int"):
            chooser(wrong)(3)


# ---------------------------------------------------------------------- batches


def test_batches_of_a_size(backend):
    x = ragged.Array(X)
    found = list(ragged.batches(x, size=4))
    assert_same(found[0], x[:4])
    assert_same(found[1], x[4:])
    assert [len(batch) for batch in ragged.batches(x, size=4, drop_last=True)] == [4]
    assert [len(batch) for batch in ragged.batches(x, size=3, drop_last=True)] == [3, 3]
    assert [len(batch) for batch in ragged.batches(x, size=100)] == [6]
    assert list(ragged.batches(x[:0], size=3)) == []


def test_batches_of_a_budget(backend):
    x = ragged.Array(X)
    assert [ragged.num(batch).to_list() for batch in ragged.batches(x, budget=3)] == [[3, 0], [2, 1, 0], [2]]
    assert [len(batch) for batch in ragged.batches(x, budget=3, size=2)] == [2, 2, 2]
    assert [len(batch) for batch in ragged.batches(x, budget=3, drop_last=True)] == [2, 3]
    assert [len(batch) for batch in ragged.batches(x, budget=4, drop_last=True)] == [2, 3]
    assert [len(batch) for batch in ragged.batches(x, budget=8)] == [6]
    with pytest.raises(ragged.StructureError, match="row 0 has 3 elements, more than the budget of 2"):
        ragged.batches(x, budget=2)
    assert [len(batch) for batch in ragged.batches(x[:0], budget=3)] == []


def test_a_budget_holds_for_every_ragged_axis(backend):
    x = ragged.Array([[[1.0, 2.0, 3.0]], [[], [], []], [[4.0], []]])
    assert [len(batch) for batch in ragged.batches(x, budget=4)] == [2, 1]  # 1 + 3 lists, 3 + 0 numbers
    assert [len(batch) for batch in ragged.batches(x, budget=3)] == [1, 1, 1]
    assert [len(batch["y"]) for batch in ragged.batches({"x": x, "y": ragged.Array([1, 2, 3])}, budget=6)] == [3]
    assert [len(batch) for batch in ragged.batches(ragged.Array([1.0, 2.0, 3.0]), budget=2)] == [2, 1]
    assert [len(batch) for batch in ragged.batches(ragged.Array(["abc", "d"]), budget=2)] == [2]


def test_the_order_belongs_to_the_seed(backend):
    x = ragged.Array(X)
    order = np.random.default_rng(5).permutation(6)
    found = ragged.concatenate(list(ragged.batches(x, size=4, shuffle=True, seed=5)))
    assert_same(found, x[order.tolist()])
    assert order.tolist() != list(range(6))
    again = ragged.concatenate(list(ragged.batches(x, size=4, shuffle=True, seed=5)))
    assert_same(again, found)


def test_rows_of_like_length_go_together(backend):
    x = ragged.Array(X)
    batches = list(ragged.batches(x, size=2, by_length=True))
    assert [ragged.num(batch).to_list() for batch in batches] == [[0, 0], [1, 2], [2, 3]]
    assert_same(batches[1], x[[3, 2]])
    mixed = [ragged.num(batch).to_list() for batch in ragged.batches(x, size=2, by_length=True, shuffle=True, seed=1)]
    assert sorted(mixed) == [[0, 0], [1, 2], [2, 3]]
    assert {
        str([batch.to_list() for batch in ragged.batches(x, size=2, by_length=True, shuffle=True, seed=seed)])
        for seed in range(9)
    } > {str([batch.to_list() for batch in batches])}


@given(
    st.lists(st.integers(0, 6), max_size=12),
    st.integers(1, 5),
    st.integers(6, 20),
    st.booleans(),
    st.booleans(),
    st.integers(0, 3),
)
def test_every_row_comes_once_and_no_batch_is_too_large(lengths, size, budget, shuffle, by_length, seed):
    x = ragged.from_lengths(np.arange(sum(lengths)), lengths)
    found = list(ragged.batches((x, np.arange(len(lengths))), size=size, budget=budget, shuffle=shuffle,
                                by_length=by_length, seed=seed))  # fmt: skip
    rows = [i for _, numbers in found for i in numbers.tolist()]
    assert sorted(rows) == list(range(len(lengths)))
    for batch, numbers in found:
        assert batch.to_list() == [x[int(i)].tolist() for i in numbers]
        assert 0 < len(batch) <= size and ragged.count(batch, axis=None) <= budget


def test_trees_are_cut_alike(backend):
    b = active()
    tree = {"x": ragged.Array(X), "labels": (b.asarray(np.arange(6.0)), ragged.Array(list("abcdef")))}
    for shuffle in (False, True):
        for batch in ragged.batches(tree, size=4, shuffle=shuffle):
            rows = b.to_numpy(batch["labels"][0]).astype(int).tolist()
            assert b.owns(batch["labels"][0])
            assert_same(batch["x"], tree["x"][rows])
            assert batch["labels"][1].to_list() == ["abcdef"[i] for i in rows]


def test_records_and_missing_rows(backend):
    x = ragged.Array([*RECORDS, None, RECORDS[0]])
    first, second = ragged.batches(x, size=3)
    assert_same(first, x[:3])
    assert_same(second, x[3:])
    assert [len(batch) for batch in ragged.batches(x, budget=4)] == [3, 1]


def test_arrays_of_awkward_are_arrays():
    assert [batch.to_list() for batch in ragged.batches(ak.Array(X[:3]), size=2)] == [X[:2], X[2:3]]


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        (X, {"size": 2}, ragged.DTypeError, r"not of 1\.5; make it one: ragged\.Array"),
        (ragged.Array(X), {}, ragged.DTypeError, "the number of rows of a batch"),
        (ragged.Array(X), {"size": 0}, ragged.DTypeError, "size is a positive integer, not 0"),
        (ragged.Array(X), {"budget": 1.5}, ragged.DTypeError, "budget is a positive integer, not 1.5"),
        ((ragged.Array(X), np.arange(5)), {"size": 2}, ragged.StructureError, "arrays of 6 and 5 rows"),
        (ragged.Array(RECORDS)[0], {"size": 2}, ragged.DTypeError, "batches are taken of arrays, not of <Record"),
        ({}, {"size": 2}, ragged.DTypeError, "there is none"),
    ],
)
def test_what_has_no_batches_is_refused_at_once(x, options, error, message):
    with pytest.raises(error, match=message):
        ragged.batches(x, **options)


# ---------------------------------------------------------------------- padding


def test_padding_has_rows_of_its_own(backend):
    padded, valid = ragged.pad_to(ragged.Array(X), (9, 11))
    assert_same(padded, ragged.Array([*X, [0.0, 0.0, 0.0], [], []]))
    assert active().owns(valid) and active().to_numpy(valid).tolist() == [True] * 6 + [False] * 3


def test_padding_of_every_kind_of_array(backend):
    padded, _ = ragged.pad_to(ragged.Array(NESTED), (4, 6, 5))
    assert padded.to_list() == [*NESTED, [[0.0], []]]
    padded, _ = ragged.pad_to(ragged.Array(RECORDS), (4, 5, 5))
    empty = {"n": 0, "name": ""}
    assert padded.to_list() == [
        *RECORDS,
        {"p": [0.0, 0.0], "q": [0], **empty},
        {"p": [], "q": [], **empty},
    ]
    padded, _ = ragged.pad_to(ragged.Array([[1.0, None], None]), (3, 3))
    assert padded.to_list() == [[1.0, None], None, None] and padded.layout.content.rows.total == 3
    assert ragged.pad_to(ragged.Array([1, 2]), 4)[0].to_list() == [1, 2, 0, 0]
    x = ragged.Array(np.ones((2, 3)))
    assert_same(ragged.pad_to(x, 3)[0], ragged.Array(np.array([[1.0] * 3, [1.0] * 3, [0.0] * 3])))


def test_lists_that_share_their_rows_share_those_of_the_padding(backend):
    x = ragged.Array(X)
    padded, _ = ragged.pad_to(ragged.zip({"a": x, "b": x * 2}, depth_limit=1), (8, 10))
    a, b = padded.layout.contents
    assert a.rows is b.rows and a.rows.total == 10


def test_capacities_by_size_class(backend):
    padded, valid = ragged.pad_to(ragged.Array(X))
    assert len(padded) == 8 and padded.layout.rows.total == 8 and len(valid) == 8
    full = ragged.from_lengths(active().asarray(np.arange(16.0)), [2] * 8)
    padded, _ = ragged.pad_to(full)
    assert len(padded) == 9 and padded.layout.rows.total == 16
    padded, _ = ragged.pad_to(ragged.Array(NESTED), lambda n: 10 * n)
    assert padded.layout.length == 40 and padded.layout.rows.total == 50 and padded.layout.content.rows.total == 40


def test_arrays_of_one_capacity_have_the_same_sizes(backend):
    for data in (X, X[:2], [[1.0]], [[1.0] * 12]):
        padded, valid = ragged.pad_to(ragged.Array(data), (8, 12))
        assert padded.layout.rows.offsets.shape[0] == 9 and padded.layout.rows.offsets[-1] == 12
        assert active().shape(padded.layout.content.data) == (12,) and active().shape(valid) == (8,)


def test_nothing_flows_back_from_padding(backend):
    x = ragged.Array(X)

    def loss(x):
        padded, _ = ragged.pad_to(x, (8, 12))
        return ragged.sum(ragged.exp(padded) * 2)

    assert_same(ragged.grad(loss)(x), ragged.exp(x) * 2)


@pytest.mark.parametrize(
    ("x", "capacity", "error", "message"),
    [
        (X, (5, 9), ragged.OutOfRangeError, "a capacity of 5 cannot hold the array's 6 rows"),
        (X, (8, 7), ragged.OutOfRangeError, "a capacity of 7 cannot hold the array's 8 elements"),
        (X, (6, 9), ragged.OutOfRangeError, "1 elements of padding, and no list to hold them"),
        (X, 9, ragged.DTypeError, "capacity=9, but this array wants 2: the number of rows"),
        (NESTED, (8, 7), ragged.DTypeError, r"this array wants 3: .* its ragged axes \(2\)"),
        (X, (8, 9.0), ragged.DTypeError, "this array wants 2"),
        (X, "much", ragged.DTypeError, "a function of a size"),
    ],
)
def test_what_cannot_be_padded_is_refused(x, capacity, error, message):
    with pytest.raises(error, match=message):
        ragged.pad_to(ragged.Array(x), capacity)


def test_an_array_of_its_capacity_is_itself(backend):
    assert_same(ragged.pad_to(ragged.Array(X), (6, 8))[0], ragged.Array(X))
