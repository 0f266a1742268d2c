"""Selections whose positions JAX makes inside of a kernel: values and gradients as on NumPy, no array of positions."""

from __future__ import annotations

import numpy as np
import pytest

import ragged
from ragged.registry import get_backend
from ragged.rows import Ranges, Rows

jax = pytest.importorskip("jax")
_ranges = pytest.importorskip("ragged_jax._ranges")

RANDOM = np.random.default_rng(7)
LENGTHS = RANDOM.poisson(5, 1000)
VALUES = RANDOM.normal(size=int(LENGTHS.sum()))
ORDER = RANDOM.permutation(LENGTHS.size)
NUMPY = get_backend("numpy")

SELECTIONS = {
    "the first left out": lambda x: x[:, 1:],
    "the last left out": lambda x: x[:, :-1],
    "backwards": lambda x: x[:, ::-1],
    "every other one from the end": lambda x: x[:, -1::-2],
    "rows in another order": lambda x: x[ORDER],
    "rows from the end": lambda x: x[::-1],
    "rows in another order, cut": lambda x: x[ORDER, 1:],
    "padded and cut": lambda x: ragged.fill_none(ragged.pad_none(x, 8, clip=True), 0.5),
    "padded": lambda x: ragged.fill_none(ragged.pad_none(x, 6), 0.5),
    "joined": lambda x: ragged.concatenate([x, x * 2], axis=1),
    "pairs": lambda x: ragged.combinations(x, 2)["1"],
    "triples": lambda x: ragged.combinations(x, 3)["2"],
}


@pytest.fixture(autouse=True)
def _always_by_kernel(monkeypatch):
    monkeypatch.setattr(_ranges, "WORTH_A_KERNEL", 1)


def array(backend, dtype="float64"):
    with ragged.use(backend, precision="float64"):
        return ragged.unflatten(ragged.Array(VALUES.astype(dtype)), LENGTHS)


def weighed(select):
    """A number that tells which value stands where."""

    def f(x):
        y = ragged.flatten(select(x), axis=None)
        return ragged.sum(y * y * np.cos(np.arange(len(y))).astype("float32"))

    return f


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", SELECTIONS)
def test_values_and_gradients_are_numpys(name, dtype):
    select, tolerance = SELECTIONS[name], 1e-12 if dtype == "float64" else 1e-4
    ours, plain = select(array("jax", dtype)), select(array("numpy", dtype))
    assert ours.typestr == plain.typestr
    assert ours.to_list() == plain.to_list()
    found, expected = (ragged.grad(weighed(select))(array(each, dtype)) for each in ("jax", "numpy"))
    np.testing.assert_allclose(
        ragged.flatten(found).to_numpy(), ragged.flatten(expected).to_numpy(), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("name", ["the first left out", "rows in another order", "padded and cut"])
def test_jaxs_own_transformations_see_through(name):
    f, x = weighed(SELECTIONS[name]), array("jax")
    expected = ragged.flatten(ragged.grad(f)(x)).to_numpy()
    for found in (jax.grad(f)(x), jax.jit(jax.grad(f))(x)):
        np.testing.assert_allclose(ragged.flatten(found).to_numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(("lengths", "starts", "step", "last"), [
    ([2, 0, 3, 1], [4, 0, 1, 9], 1, None),
    ([2, 0, 3, 1], [4, 0, 9, 0], -2, None),
    ([3, 3], [0, 7], 1, 8),
    ([4, 1], [0, 7], 3, 6),
    ([0, 0], [0, 0], 1, None),
])  # fmt: skip
@pytest.mark.parametrize("trailing", [(), (2,)])
def test_every_kind_of_range(lengths, starts, step, last, trailing):
    rows = Rows.from_lengths(NUMPY, np.array(lengths))
    values = RANDOM.normal(size=(10, *trailing))
    ranges = Ranges(np.array(starts), rows, step, last)
    positions = np.concatenate([start + step * np.arange(n) for start, n in zip(starts, lengths, strict=True)])
    positions = positions.astype(int) if last is None else np.minimum(positions, last)
    jax_backend = get_backend("jax").configured(None, "float64")
    for known in (None, rows.longest):  # without and with a look at whether all rows are of one length
        rows._longest = known
        np.testing.assert_array_equal(jax_backend.take_ranges(jax_backend.asarray(values), ranges), values[positions])
        np.testing.assert_array_equal(
            NUMPY.take_ranges(values, Ranges(ranges.starts, rows, step, last)), values[positions]
        )


def test_no_positions_are_made_on_the_host(monkeypatch):
    x = array("jax")
    monkeypatch.setattr(Ranges, "index", property(lambda self: pytest.fail("an array of positions was made")))
    for name in ("the first left out", "backwards", "rows in another order", "padded and cut", "pairs"):
        SELECTIONS[name](x)


def test_a_large_array_in_another_shape_shares_its_memory():
    b, values = get_backend("jax"), np.arange(1 << 18, dtype=np.float32)
    x = b.asarray(values)
    y = b.reshape(x, (1 << 9, 1 << 9))
    assert y.unsafe_buffer_pointer() == x.unsafe_buffer_pointer()
    assert (y.dtype, y.committed) == (x.dtype, x.committed)
    jax.jit(lambda x: x + 1, donate_argnums=0)(x)  # what a program gives away stays ours as long as we look at it
    np.testing.assert_array_equal(y, values.reshape(1 << 9, 1 << 9))
    slope = jax.grad(lambda y: (b.reshape(y, (1 << 18,)) ** 2).sum())(y)
    np.testing.assert_array_equal(slope, 2 * values.reshape(1 << 9, 1 << 9))


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8", "bool"])
def test_the_first_extremum_of_many(largest, dtype):
    lengths = np.concatenate([RANDOM.poisson(5, 14_000), [0, 3, 0, 1]])
    values = (RANDOM.integers(0, 5, lengths.sum()) % (2 if dtype == "bool" else 5)).astype(dtype)
    if dtype.startswith("float"):
        values[-2] = np.nan
    b = get_backend("jax").configured(None, "float64")
    rows = Rows.from_lengths(NUMPY, lengths)
    found, expected = (each.segment_argmax(each.asarray(values), rows, largest) for each in (b, NUMPY))
    assert type(found) is np.ndarray
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found[lengths > 0], expected[lengths > 0])


def test_memory_of_positions_is_not_used_again_too_early():
    """The host's positions are JAX's memory until its kernels, which nobody waits for here, have run."""
    lengths = RANDOM.poisson(5, 40_000)
    values = RANDOM.normal(size=lengths.sum()).astype(np.float32)
    ours, plain = (ragged.unflatten(ragged.Array(values).to_backend(each), lengths) for each in ("jax", "numpy"))
    orders = [RANDOM.permutation(lengths.size) for _ in range(8)]
    limits = RANDOM.normal(size=8).astype(np.float32)
    found = [(ours[order], ours[ours > limit]) for order, limit in zip(orders, limits, strict=True)]
    for (turned, larger), order, limit in zip(found, orders, limits, strict=True):
        np.testing.assert_array_equal(ragged.flatten(turned), ragged.flatten(plain[order]))
        np.testing.assert_array_equal(ragged.flatten(larger), ragged.flatten(plain[plain > limit]))
