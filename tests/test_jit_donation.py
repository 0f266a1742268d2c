"""`donate_argnums` under JAX: results take the memory of what is given away."""

from __future__ import annotations

import numpy as np
import pytest

import ragged

jax = pytest.importorskip("jax", reason="JAX is not installed")
import jax.numpy as jnp  # noqa: E402


@pytest.fixture(autouse=True)
def _jax():
    with ragged.use("jax", precision="float64"):
        yield


def weights():
    return {"scale": jnp.asarray(np.arange(4.0, dtype="float32")), "shift": jnp.asarray(np.float32(2.0))}


def step(weights, x):
    loss, slope = ragged.value_and_grad(lambda w: ragged.mean(ragged.sum(x * w["shift"], axis=1)) + w["scale"][0])(
        weights
    )
    return {name: w - 0.5 * slope[name] for name, w in weights.items()}, loss


def rows(n):
    return ragged.from_lengths(np.arange(float(n)), [n - 1, 0, 1])


def test_what_is_donated_is_deleted_and_the_rest_is_not():
    compiled = ragged.jit(step, donate_argnums=0)
    for n in (5, 7, 8):  # one size class
        given = weights()
        expected = jax.tree.map(np.asarray, step(given, rows(n)))
        found = compiled(given, rows(n))
        jax.tree.map(np.testing.assert_allclose, found, expected)
        assert given["scale"].is_deleted() and given["shift"].is_deleted()
    assert len(compiled.traces) == 1
    assert "donated: results take the memory of 2 arrays" in compiled.explain(weights(), rows(5))
    kept = weights()
    ragged.jit(step)(kept, rows(5))
    assert not kept["scale"].is_deleted()


def test_memory_is_that_of_the_argument():
    x = jnp.asarray(np.arange(1024, dtype="float32"))
    place = x.unsafe_buffer_pointer()
    assert ragged.jit(lambda x: x * 2, donate_argnums=0)(x).unsafe_buffer_pointer() == place


def test_content_of_arrays_is_donated_where_no_padding_is_made():
    twice = ragged.jit(lambda x: x * 2.0, donate_argnums=0)
    x = ragged.to_backend(rows(8), "jax")
    data = x.layout.content.data
    assert twice(x).to_list() == (rows(8) * 2.0).to_list()
    assert data.is_deleted()
    padded = ragged.to_backend(rows(5), "jax")
    assert twice(padded).to_list() == (rows(5) * 2.0).to_list()
    assert not padded.layout.content.data.is_deleted()
    host = np.arange(8.0)
    assert twice(ragged.from_lengths(host, [7, 0, 1])).to_list() == (rows(8) * 2.0).to_list()
    assert host.tolist() == list(range(8))


def test_what_no_result_can_use_is_kept_without_a_warning():
    x, y = jnp.arange(3.0), jnp.arange(5.0)
    total = ragged.jit(lambda x, y: ragged.sum(x) + y, donate_argnums=(0, 1))
    assert total(x, y).tolist() == [3.0, 4.0, 5.0, 6.0, 7.0]
    assert y.is_deleted() and not x.is_deleted()


def test_what_the_program_checks_is_kept_for_the_error():
    w = jnp.asarray(np.arange(3.0, dtype="float32"))

    def pick(w, x, i):
        return w * 2, x[ragged.Array([[0], [], [0]])] * 1.0

    compiled = ragged.jit(pick, donate_argnums=0)
    compiled(w, rows(5), 0)
    with pytest.raises(ragged.OutOfRangeError):
        compiled(w, ragged.Array([[1.0], [2.0], []]), 0)
    assert not w.is_deleted()
    assert "donated: results take the memory of 0 arrays" in compiled.explain(w, rows(5), 0)


def test_an_array_that_is_given_twice_is_kept():
    x = jnp.asarray(np.arange(3.0, dtype="float32"))
    found = ragged.jit(lambda x, y: x + y, donate_argnums=0)(x, x)
    assert found.tolist() == [0.0, 2.0, 4.0] and not x.is_deleted()


def test_a_derivative_of_the_compiled_function_keeps_its_arguments():
    x = jnp.asarray(np.arange(3.0, dtype="float32"))
    slope = ragged.grad(ragged.jit(lambda x: ragged.sum(x * x), donate_argnums=0))(x)
    assert slope.tolist() == [0.0, 2.0, 4.0] and not x.is_deleted()


def test_content_that_is_given_away_again_and_again():
    twice = ragged.jit(lambda x: x * 2.0, donate_argnums=0)
    kept = ragged.jit(lambda x: x * 2.0)
    n = 40_001  # large enough for its padded copy to be kept, where it is not given away
    x = ragged.to_backend(ragged.from_lengths(np.arange(float(n)), [n - 1, 1]), "jax")
    for call in (twice, kept, kept, twice, kept, twice):
        assert float(ragged.sum(call(x))) == n * (n - 1)


def test_what_the_host_checks_before_the_call_keeps_nothing_from_being_given_away():
    def program(w, x, y):
        return w * 2, ragged.sum(x, axis=1) * ragged.sum(y, axis=1)

    compiled = ragged.jit(program, donate_argnums=0)
    w = jnp.asarray(np.arange(3.0, dtype="float32"))
    for _ in range(2):
        with pytest.raises(ragged.StructureError, match="do not broadcast"):
            compiled(w, rows(5), ragged.Array([[1.0], [2.0]]))
    assert not w.is_deleted()
    assert compiled(w, rows(5), rows(5))[1].tolist() == [36.0, 0.0, 16.0]
    assert w.is_deleted()
    assert "checked before each call" in compiled.explain(w, rows(5), rows(5))
