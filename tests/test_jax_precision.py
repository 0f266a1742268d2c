"""64 bits within ragged's own calls, one warning without them, and no setting of JAX changed."""

from __future__ import annotations

import gc
import subprocess
import sys
import warnings

import numpy as np
import pytest

import ragged
from ragged.registry import get_backend
from ragged.rows import Rows

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")


outside = pytest.mark.skipif(
    not hasattr(jax, "enable_x64"), reason="older releases narrow 64-bit arrays in their own transformations"
)


def wide():
    with ragged.use("jax", precision="float64"):
        return ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])


@pytest.fixture
def narrowing():
    """As in a fresh process: nobody has been warned."""
    from ragged_jax import _dtypes

    before = set(_dtypes._warned)
    _dtypes._warned.clear()
    yield _dtypes._warned
    _dtypes._warned.clear()
    _dtypes._warned.update(before)


def test_float64_is_narrowed_with_one_warning(narrowing):
    with ragged.use("jax"), pytest.warns(UserWarning, match='float64 as float32.*precision="float64"'):
        x = ragged.Array([[1.0, 2.0], []])
    with ragged.use("jax"), warnings.catch_warnings():
        warnings.simplefilter("error")
        ragged.Array([[1.0, 2.0], []])
    assert x.typestr == "2 * var * float32"


def test_int64_content_is_narrowed_and_structure_is_not(narrowing):
    with ragged.use("jax"), pytest.warns(UserWarning, match="int64 as int32"):
        x = ragged.Array([[1, 2], []])
    assert x.typestr == "2 * var * int32"
    assert x.layout.rows.offsets.dtype == np.int64


def test_float32_needs_no_warning(narrowing):
    with ragged.use("jax"), warnings.catch_warnings():
        warnings.simplefilter("error")
        x = ragged.Array(np.ones((2, 3), np.float32))
        assert (x * 2 + 1.5).typestr == "2 * 3 * float32"


def test_float64_keeps_64_bits_and_changes_no_setting():
    before = dict(jax.config.values)
    x = wide()
    with ragged.use("jax", precision="float64"):
        y = ragged.grad(lambda x: ragged.sum(ragged.exp(x) * x[:, ::-1]))(x)
        ragged.jvp(lambda x: x * 2, (x,), (x,))
    assert y.typestr == "3 * var * float64"
    assert dict(jax.config.values) == before
    assert jnp.ones(1).dtype == np.float32


def test_operations_outside_the_use_keep_64_bits():
    x = wide()
    for y in (x + 1, x[::-1], ragged.concatenate([x, x]), ragged.softmax(x, axis=1), x + jnp.float32(1), x[x > 1.5]):
        assert str(y.type).endswith("float64")
    assert ragged.sum(x).dtype == np.float64
    assert ragged.sin(x.layout.content.data).dtype == np.float64  # a dense value of 64 bits finds its way, too
    assert ragged.grad(lambda x: ragged.sum(x[:, 1:] ** 2))(x).to_list() == [[0, 4, 6], [], [0, 10]]


def test_two_configurations_combine_to_64_bits():
    with ragged.use("jax"):
        narrow = ragged.Array(np.ones(3, np.float32))
    for y in (narrow + wide(), wide() * narrow):
        assert y.typestr == "3 * var * float64"
        assert (y / 3).typestr == "3 * var * float64"


def test_the_program_of_a_transform_runs_with_64_bits():
    seen = []

    def program(x):
        seen.append(jnp.ones(1).dtype)
        return ragged.sum(x * jnp.full(3, 0.1))

    with ragged.use("jax", precision="float64"):
        value, slope = ragged.value_and_grad(program)(wide())
        _, pullback = ragged.vjp(program, wide())
    assert set(seen) == {np.dtype(np.float64)}
    assert value.dtype == np.float64
    assert float(value) == pytest.approx(1.5, rel=1e-14)
    assert pullback(1.0)[0].typestr == slope.typestr == "3 * var * float64"


@outside
@pytest.mark.parametrize("transform", ["grad", "value_and_grad", "jit", "jvp"])
def test_plain_transforms_of_64_bit_arrays_outside_the_scope(transform):
    x = wide()

    def program(x):
        return ragged.sum(ragged.sum(x[:, ::-1] * x, axis=1) ** 2 * ragged.num(x))

    found = jax.jvp(program, (x,), (x,)) if transform == "jvp" else getattr(jax, transform)(program)(x)
    with jax.experimental.enable_x64() if hasattr(jax.experimental, "enable_x64") else jax.enable_x64(True):
        wanted = jax.jvp(program, (x,), (x,)) if transform == "jvp" else getattr(jax, transform)(program)(x)
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert ours.dtype == theirs.dtype == np.float64
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)


@outside
def test_numbers_and_numpy_arrays_that_jax_differentiates_meet_64_bits():
    x = wide()
    slope = jax.grad(lambda t: ragged.sum(x * t))
    assert float(slope(2.0)) == float(slope(np.float64(2.0))) == 15.0
    assert jax.grad(lambda t: ragged.sum(x * t))(np.ones(3)).tolist() == [6.0, 0.0, 9.0]


def test_one_program_at_both_precisions():
    """JAX keeps the narrow copy of an index array that it traced; at 64 bits it must not be met again."""

    def program(x):
        return ragged.sum(x[:, ::-1] * x) + ragged.sum(ragged.max(x, axis=1))

    with ragged.use("jax"):
        narrow = ragged.Array(np.arange(6, dtype=np.float32).reshape(2, 3))
    for _ in range(2):
        jax.jit(program)(narrow)
        with ragged.use("jax", precision="float64"):
            ragged.sort(ragged.Array(narrow), axis=1)
            ragged.grad(program)(ragged.Array(np.arange(6.0).reshape(2, 3)))


def test_positions_beyond_32_bits_are_refused():
    from ragged_jax._index import as_index

    with pytest.raises(ragged.OutOfRangeError, match="overflow JAX's 32-bit indices"):
        as_index(np.arange(3), 2**31, None)
    with jax.experimental.enable_x64() if hasattr(jax.experimental, "enable_x64") else jax.enable_x64(True):
        assert as_index(np.arange(3), 2**31, None).dtype == np.int64


def test_row_ids_are_kept_on_the_device_while_their_rows_live():
    from ragged_jax._index import _kept, ids_of

    def program(x):
        return ragged.sum(ragged.sum(x * ragged.sum(x, axis=1), axis=1))

    data = ragged.unflatten(np.arange(6000.0), 3)
    with ragged.use("jax", precision="float64"):
        x = ragged.from_regular(ragged.Array(np.asarray(data, np.float32)))
    before = len(_kept)
    expected = ragged.sum(x * ragged.sum(x, axis=1))
    assert len(_kept) == before + 1
    assert float(jax.jit(program)(x)) == pytest.approx(float(expected))
    assert ragged.grad(program)(x)[:2].to_list() == [[6, 6, 6], [24, 24, 24]]
    assert len(_kept) == before + 1
    rows = Rows(get_backend("numpy"), np.arange(0, 12000, 2))
    ids_of(rows, None)
    assert len(_kept) == before + 2
    del rows
    gc.collect()
    assert len(_kept) == before + 1


def test_devices():
    with ragged.use("jax", device="cpu"):
        x = ragged.Array(np.ones(3, np.float32))
    assert x.layout.data.devices() == {jax.devices("cpu")[0]}
    assert (x + 1)._backend is x._backend
    with pytest.raises(ragged.UnsupportedError, match="JAX finds no device 'abacus' here; it has cpu:0"):
        ragged.use("jax", device="abacus")
    with pytest.raises(ragged.UnsupportedError, match="precision='float128' is not known"):
        ragged.use("jax", precision="float128")


def test_importing_and_using_changes_no_setting():
    program = """
import jax
before = dict(jax.config.values)
import ragged
with ragged.use("jax", precision="float64"):
    x = ragged.Array([[1.0], []])
    ragged.grad(lambda x: ragged.sum(x * x))(x)
assert dict(jax.config.values) == before
assert jax.numpy.ones(1).dtype == "float32"
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@outside
def test_only_plain_jax_warns_about_its_identity_matrix():
    def cubes(x):
        return ragged.sum(x * x * x)

    with ragged.use("jax", precision="float64"):
        x = ragged.Array([[1.0, 2.0], []])
        ours = ragged.hessian(cubes)(x)
    with pytest.warns(UserWarning, match="requested in eye"):
        plain = jax.hessian(cubes)(x)
    assert ours.typestr == plain.typestr == "2 * var * 2 * var * float64"
    assert ours.to_list() == plain.to_list() == [[[[6, 0], []], [[0, 12], []]], []]


def test_naming_the_backend_in_use_keeps_its_precision():
    x = ragged.Array([[1.0, 2.0], []], backend="numpy")
    with ragged.use("jax", precision="float64"):
        assert str(x.to_backend("jax").type) == "2 * var * float64"
        assert str(ragged.Array([[1.0], []], backend="jax").type) == "2 * var * float64"


def test_small_arrays_are_our_own_however_often_they_come():
    b = get_backend("jax")
    for k in range(210):  # from some time on by a kernel
        given = np.arange(5, dtype=np.float32) + k
        placed = b.asarray(given)
        given[:] = -1
        assert placed.tolist() == [k, k + 1, k + 2, k + 3, k + 4]
