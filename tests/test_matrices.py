"""Matrix products of lists of vectors with one matrix: values, types, gradients, missing vectors, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import ragged

VECTORS = np.arange(12.0).reshape(4, 3)
MATRIX = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]])


def lists(values=VECTORS):
    return ragged.from_lengths(values, [3, 0, 1])


def test_each_vector_times_the_matrix(backend):
    product = lists() @ MATRIX
    assert str(product.type) == "3 * var * 2 * float64"
    assert ragged.backend(product) == backend
    rows = VECTORS @ MATRIX
    assert product.to_list() == [rows[:3].tolist(), [], rows[3:].tolist()]
    assert (np.matmul(lists(), MATRIX)).to_list() == product.to_list()
    assert ragged.matmul(lists(), MATRIX[:, 0]).to_list() == [rows[:3, 0].tolist(), [], rows[3:, 0].tolist()]


def test_deeper_lists_and_lists_of_matrices(backend):
    deep = ragged.from_lengths(lists(), [2, 1])
    assert (deep @ MATRIX).to_list() == ragged.from_lengths(lists() @ MATRIX, [2, 1]).to_list()
    matrices = VECTORS.reshape(2, 2, 3)
    found = ragged.from_lengths(matrices, [0, 2]) @ MATRIX
    assert str(found.type) == "2 * var * 2 * 2 * float64"
    assert found.to_list() == [[], (matrices @ MATRIX).tolist()]


def test_the_gradient_by_vectors_and_by_the_matrix(backend):
    def program(x, w):
        return ragged.sum(np.sin(x @ w) ** 2)

    by_x, by_w = ragged.grad(program, argnums=(0, 1))(lists(), MATRIX)
    slope = 2 * np.sin(VECTORS @ MATRIX) * np.cos(VECTORS @ MATRIX)
    assert str(by_x.type) == "3 * var * 3 * float64"
    np.testing.assert_allclose(np.asarray(ragged.flatten(by_x).to_numpy()), slope @ MATRIX.T, rtol=1e-12)
    np.testing.assert_allclose(ragged.to_numpy(by_w), VECTORS.T @ slope, rtol=1e-12)
    ragged.check_grads(program, lists(), MATRIX)


def test_missing_vectors_stay_missing_and_have_no_gradient(backend):
    values = np.where(np.arange(4)[:, None] == 1, np.nan, VECTORS)
    present = np.array([True, False, True, True])
    x = ragged.from_lengths(ragged.mask(ragged.Array(values), present), [3, 0, 1])
    product = x @ MATRIX
    rows = (VECTORS @ MATRIX).tolist()
    assert product.to_list() == [[rows[0], None, rows[2]], [], [rows[3]]]
    by_x, by_w = ragged.grad(lambda x, w: ragged.sum(x @ w), argnums=(0, 1))(x, MATRIX)
    np.testing.assert_allclose(ragged.to_numpy(by_w), np.repeat(VECTORS[present].sum(0)[:, None], 2, axis=1))
    assert by_x.to_list() == [[[3.0, -0.5, 3.0], None, [3.0, -0.5, 3.0]], [], [[3.0, -0.5, 3.0]]]


def test_missing_lists_hide_their_vectors(backend):
    values = np.where(np.arange(4)[:, None] < 3, np.nan, VECTORS)
    x = ragged.mask(lists(values), np.array([False, True, True]))
    assert (x @ MATRIX).to_list() == [None, [], (VECTORS[3:] @ MATRIX).tolist()]
    by_w = ragged.grad(lambda w: ragged.sum(x @ w))(MATRIX)
    np.testing.assert_allclose(ragged.to_numpy(by_w), np.repeat(VECTORS[3][:, None], 2, axis=1))


def test_integers_and_narrow_floats_promote_as_in_numpy():
    assert str((lists(VECTORS.astype("i4")) @ np.ones((3, 1), "i8")).type) == "3 * var * 1 * int64"
    assert str((lists(VECTORS.astype("f4")) @ MATRIX.astype("f4")).type) == "3 * var * 2 * float32"


def test_shapes_that_do_not_line_up_and_ragged_matrices(backend):
    with pytest.raises(ragged.StructureError, match=r"shapes \(4, 3\) and \(2, 3\) do not line up"):
        lists() @ MATRIX.T
    numbers = ragged.Array([[1.0, 2.0, 3.0], [], [4.0]])
    for x, y in [(numbers, MATRIX), (MATRIX, lists()), (numbers, lists())]:
        with pytest.raises(ragged.UnsupportedError, match="lists of vectors"):
            x @ y
    with pytest.raises(ragged.UnsupportedError, match="lists of vectors"):
        ragged.Array([["text"]]) @ MATRIX
