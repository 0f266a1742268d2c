"""Matrices row by row: products and transposes of every kind of layout, their gradients, and what is no matrix."""

from __future__ import annotations

import numpy as np
import pytest

import ragged
from ragged import _row_products

LENGTHS = [3, 0, 2, 3, 1]


@pytest.fixture(params=["by term", "by size"])
def way(request, monkeypatch):
    """Both ways to multiply, whatever the number of terms."""
    monkeypatch.setattr(_row_products, "FEW", 1 << 14 if request.param == "by term" else 0)
    return request.param


def vectors(k, seed=0, lengths=LENGTHS, kind=float):
    values = np.random.default_rng(seed).normal(size=(sum(lengths), k)) * 4
    return ragged.from_lengths(values.astype(kind), lengths)


def rows(x):
    """Each row as a NumPy matrix."""
    found = ragged.to_list(x)
    return [np.array(row, float).reshape(len(row), -1) if row else np.zeros((0, 0)) for row in found]


def close(x, expected):
    assert len(x) == len(expected)
    for one, other in zip(ragged.to_list(x), expected, strict=True):
        np.testing.assert_allclose(np.array(one, float).reshape(other.shape), other, rtol=1e-12, atol=1e-12)


def test_transposes(backend):
    x = vectors(2)
    assert str(x.mT.type) == "5 * 2 * var * float64"
    assert x.mT.to_list() == [row.T.tolist() if row.size else [[], []] for row in rows(x)]
    assert x.mT.mT.to_list() == x.to_list()
    assert str(x.mT.mT.type) == "5 * var * 2 * float64"
    square = ragged.Array([[[1, 2, 3], [4, 5, 6]], [[7], [8]], [], [[], []]])
    assert ragged.matrix_transpose(square).to_list() == [[[1, 4], [2, 5], [3, 6]], [[7, 8]], [], []]
    dense = np.arange(24.0).reshape(2, 3, 4)
    assert ragged.matrix_transpose(ragged.Array(dense)).to_list() == dense.transpose(0, 2, 1).tolist()
    assert ragged.matrix_transpose(np.ones((2, 3))).shape == (3, 2)


def test_products(backend, way):
    q, k, v = vectors(4, 0), vectors(4, 1), vectors(2, 2)
    scores = q @ k.mT
    assert str(scores.type) == "5 * var * var * float64"
    assert ragged.backend(scores) == backend
    close(scores, [a @ b.T if a.size else np.zeros((0, 0)) for a, b in zip(rows(q), rows(k), strict=True)])
    close(scores @ v, [s @ c if s.size else np.zeros((0, 2)) for s, c in zip(rows(scores), rows(v), strict=True)])
    grams = q.mT @ v
    assert str(grams.type) == "5 * 4 * 2 * float64"
    close(grams, [a.T @ c if a.size else np.zeros((4, 2)) for a, c in zip(rows(q), rows(v), strict=True)])
    assert ragged.to_list(np.matmul(q, k.mT)) == scores.to_list()


def test_products_keep_the_rows(backend, way):
    q = vectors(4)
    assert (q @ q.mT).layout.rows is q.layout.rows
    assert (q @ q.mT @ q).layout.rows is q.layout.rows


def test_products_with_dense_matrices(backend, way):
    x, w = vectors(2), np.arange(30.0).reshape(5, 2, 3)
    assert str((x @ w).type) == "5 * var * 3 * float64"
    close(x @ w, [a @ m if a.size else np.zeros((0, 3)) for a, m in zip(rows(x), w, strict=True)])
    close(
        w.transpose(0, 2, 1) @ x.mT,
        [m.T @ a.T if a.size else np.zeros((3, 0)) for a, m in zip(rows(x), w, strict=True)],
    )


def test_axes_above_the_matrices(backend, way):
    x = ragged.from_lengths(vectors(2), [2, 0, 3])
    assert str((x @ x.mT).type) == "3 * var * var * var * float64"
    assert ragged.flatten(x @ x.mT).to_list() == (vectors(2) @ vectors(2).mT).to_list()
    regular = ragged.to_regular(ragged.from_lengths(vectors(2, lengths=LENGTHS[:4]), [2, 2]))
    assert str((regular @ regular.mT).type) == "2 * 2 * var * var * float64"
    assert ragged.flatten(regular @ regular.mT).to_list() == (vectors(2) @ vectors(2).mT)[:4].to_list()


@pytest.mark.parametrize(
    "kinds", [("int32", "int64"), ("float32", "float32"), ("float32", "int32"), ("int8", "float64")]
)
def test_dtypes(backend, way, kinds):
    x, y = (vectors(2, kind=kind) for kind in kinds)
    assert str((x @ y.mT).type) == f"5 * var * var * {np.result_type(*kinds)}"


def test_nothing_to_multiply(backend, way):
    for lengths in ([], [0, 0], [1]):
        x = vectors(2, lengths=lengths)
        close(x @ x.mT, [row @ row.T if row.size else np.zeros((0, 0)) for row in rows(x)])
    x = ragged.values_astype(ragged.Array([[[], []], [[]]]), "float64", including_unknown=True)
    assert x.mT.to_list() == [[], []]  # nothing in lists of nothing tells how long they are


def test_gradients(backend, way):
    def program(q, k, v):
        return ragged.sum((ragged.softmax(q @ k.mT, axis=-1) @ v) ** 2)

    arrays = vectors(2, 0), vectors(2, 1), vectors(3, 2)
    ragged.check_grads(program, *arrays, order=2 if backend == "numpy" else 1)


def test_complex_gradients():
    x = vectors(2) + 1j * vectors(2, 1)
    ragged.check_grads(lambda x: ragged.sum(abs(x @ x.mT) ** 2), x)


def test_a_thousand_rows_of_many_lengths(backend):
    lengths = np.random.default_rng(0).integers(0, 12, 1000)
    q, k = (vectors(8, seed, lengths.tolist()) for seed in (0, 1))
    by_pairs = ragged.sum(q[:, :, np.newaxis] * k[:, np.newaxis], axis=-1)
    assert ragged.almost_equal(q @ k.mT, by_pairs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("program", "error", "message"),
    [
        (lambda x: x @ x, ragged.StructureError, "entry 0 has 4 columns on the left, but 3 rows on the right"),
        (lambda x: x @ vectors(3).mT, ragged.StructureError, "4 columns on the left, but 3 rows"),
        (lambda x: x @ x[:2].mT, ragged.StructureError, "5 matrices in 1 axes, and 2 in 1"),
        (lambda x: x @ ragged.from_lengths(x, [5]).mT, ragged.StructureError, "axes above the matrices differ"),
        (
            lambda x: x.mT @ ragged.Array([[[1.0], [2.0, 3.0]]] * 5),
            ragged.StructureError,
            "list 0 has length 1, but list 1",
        ),
        (lambda x: x @ ragged.Array([[[1.0], None]] * 5), ragged.UnsupportedError, "fill_none"),
        (lambda x: ragged.Array([[1.0], []]).mT, ragged.StructureError, "at least three axes"),
        (lambda x: ragged.Array([[["a"]]]).mT, ragged.UnsupportedError, "text"),
        (lambda x: ragged.Array([[[{"a": 1}]]]).mT, ragged.UnsupportedError, "Record"),
    ],
)
def test_what_is_no_matrix(program, error, message):
    with pytest.raises(error, match=message):
        program(vectors(4))
