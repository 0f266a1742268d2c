"""Where tf.ragged refuses or is wrong and ragged is right: each test also records what TensorFlow does, so that we
notice when that changes."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import ragged

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)
tf = pytest.importorskip("tensorflow")

ROWS = [[3.0, 1.0, 2.0], [4.0], [6.0, 5.0]]


@pytest.fixture
def native():
    return tf.ragged.constant(ROWS, dtype=tf.float64)


@pytest.fixture
def x(native):
    return ragged.from_native(native)


def test_argmax(native, x):
    with pytest.raises(ValueError, match="has no len"):
        tf.argmax(native, axis=1)
    assert ragged.argmax(x, axis=1).to_list() == [0, 0, 0]
    assert ragged.argmin(x, axis=1).to_list() == [1, 0, 1]


def test_sort_and_argsort(native, x):
    with pytest.raises(ValueError, match="has no len"):
        tf.sort(native, axis=1)
    with pytest.raises(ValueError, match="has no len"):
        tf.argsort(native, axis=1)
    assert ragged.sort(x, axis=1).to_list() == [[1.0, 2.0, 3.0], [4.0], [5.0, 6.0]]
    assert ragged.argsort(x, axis=1).to_list() == [[1, 2, 0], [0], [1, 0]]


def test_one_element_of_each_row(native, x):
    with pytest.raises(ValueError, match="Cannot index into an inner ragged dimension"):
        native[:, 0]
    assert x[:, 0].to_list() == [3.0, 4.0, 6.0]
    assert ragged.firsts(x[:, 1:]).to_list() == [1.0, None, 5.0]


def test_rows_by_number(native, x):
    with pytest.raises(TypeError, match="are valid indices"):
        native[tf.constant([2, 0])]
    assert x[tf.constant([2, 0])].to_list() == [[6.0, 5.0], [3.0, 1.0, 2.0]]


def test_a_ragged_mask(native, x):
    with pytest.raises(TypeError, match="are valid indices"):
        native[native > 2]
    assert x[x > 2].to_list() == [[3.0], [4.0], [6.0, 5.0]]
    assert x[native > 2].to_list() == [[3.0], [4.0], [6.0, 5.0]]


def test_a_ragged_index(native, x):
    with pytest.raises((TypeError, ValueError)):
        native[tf.ragged.constant([[0], [], [1]])]
    assert x[tf.ragged.constant([[0], [], [1]])].to_list() == [[3.0], [], [5.0]]


def test_len(native, x):
    with pytest.raises(TypeError, match="has no len"):
        len(native)
    assert len(x) == 3


def test_the_spread_of_one_value_has_slope_0(native):
    with tf.GradientTape() as tape:
        tape.watch(native.values)
        spread = tf.reduce_sum(tf.math.reduce_std(native, axis=1))
    theirs = tape.gradient(spread, native.values).numpy()
    assert np.isnan(theirs).tolist() == [False, False, False, True, False, False]
    with tf.GradientTape() as tape:
        tape.watch(native.values)
        spread = ragged.sum(ragged.std(ragged.from_native(native), axis=1))
    ours = tape.gradient(spread, native.values).numpy()
    assert ours[3] == 0
    np.testing.assert_allclose(np.delete(ours, 3), np.delete(theirs, 3), rtol=1e-12)


def test_the_curvature_of_a_product_with_zeros():
    native = tf.ragged.constant([[0.0, 0.0, 3.0]], dtype=tf.float64)

    def hessian(product):
        with tf.GradientTape(persistent=True) as outer:
            outer.watch(native.values)
            with tf.GradientTape() as inner:
                inner.watch(native.values)
                total = product(native)
            gradient = inner.gradient(total, native.values)
        return outer.jacobian(gradient, native.values, experimental_use_pfor=False).numpy()

    assert np.isnan(hessian(lambda rows: tf.reduce_sum(tf.reduce_prod(rows, axis=1)))).any()
    ours = hessian(lambda rows: ragged.sum(ragged.prod(ragged.from_native(rows), axis=1)))
    assert ours.tolist() == [[0, 3, 0], [3, 0, 0], [0, 0, 0]]


def test_nothing_is_largest_in_an_empty_row():
    native = tf.ragged.constant([[3.0], []])
    assert tf.reduce_max(native, axis=1).numpy()[1] == np.finfo(np.float32).min
    assert ragged.max(ragged.from_native(native), axis=1).to_list() == [3.0, None]
    assert ragged.max(ragged.from_native(native), axis=1, mask_identity=False).to_list() == [3.0, -np.inf]
