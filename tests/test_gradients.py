"""Every differentiable operation: one gradient from every backend, equal to finite differences, to second order."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import ragged

OPERATIONS: dict[str, Any] = {
    # arithmetic and broadcasting
    "polynomial": lambda x: x * x * 3 - x / 2 + 1,
    "exp": lambda x: ragged.exp(x / 4),
    "row scalar": lambda x: x * ragged.sum(x, axis=-1),
    "divide by row": lambda x: x / (2 + ragged.sum(x * x, axis=-1)),
    "power": lambda x: (x * x + 0.5) ** x,
    "arctan2": lambda x: ragged.arctan2(x, x * x + 1),
    "where": lambda x: ragged.where(x > 1, x * x, ragged.sin(x)),
    "masked logarithm": lambda x: ragged.where(x > 0, ragged.log(ragged.mask(x, x > 0)), 3 * x),
    "broadcast_arrays": lambda x: ragged.broadcast_arrays(ragged.sum(x, axis=-1), x)[0] * x,
    "values_astype": lambda x: ragged.values_astype(x, "float64") ** 2,
    "nan_to_num": lambda x: ragged.nan_to_num(x) ** 2,
    "full_like": lambda x: ragged.full_like(x, 2.0) * x + ragged.zeros_like(x) + ragged.ones_like(x) * x,
    # slicing
    "reversed rows": lambda x: x[:, ::-1] * x,
    "outer range": lambda x: x[1:] ** 2,
    "outer step": lambda x: x[::-2] ** 3,
    "range": lambda x: x[:, 1:] ** 2,
    "ragged mask": lambda x: x[x > 0.5] ** 2,
    "flat mask": lambda x: x[ragged.num(x) > 1] ** 2,
    "permutation": lambda x: x[[2, 0, 1]] ** 2,
    "repeated index": lambda x: x[[0, 0, 2, 0]] ** 2,
    "new axis": lambda x: x[:, np.newaxis] ** 2,
    "best of the row": lambda x: x[ragged.argmax(x, axis=-1, keepdims=True)] ** 2,
    "index with missing": lambda x: x[[0, None, 2]] ** 2,
    # reducers
    **{
        f"{name} {axis}": lambda x, name=name, axis=axis: getattr(ragged, name)(x, axis=axis) ** 2
        for name in ("sum", "prod", "max", "min", "mean", "var", "std", "ptp", "logsumexp")
        for axis in (None, 0, -1)
    },
    "sum keepdims": lambda x: ragged.sum(x, axis=-1, keepdims=True) * x,
    "var ddof": lambda x: ragged.var(x[ragged.num(x) > 1], axis=-1, ddof=1),
    "weighted mean": lambda x: ragged.mean(x, weight=x * x + 1, axis=-1),
    "softmax": lambda x: ragged.softmax(x, axis=-1) ** 2,
    # structure
    "flatten": lambda x: ragged.flatten(x) ** 2,
    "flatten all": lambda x: ragged.flatten(x, axis=None) ** 2,
    "ravel": lambda x: ragged.ravel(x) ** 2,
    "unflatten": lambda x: ragged.sum(ragged.unflatten(ragged.flatten(x), ragged.num(x)), axis=-1) ** 2,
    "concatenate 0": lambda x: ragged.concatenate([x, x * 2]) ** 2,
    "concatenate 1": lambda x: ragged.concatenate([x, x[:, ::-1] * 2], axis=1) ** 2,
    "zip": lambda x: ragged.zip({"a": x, "b": x * x}).a * ragged.zip({"a": x, "b": x * x}).b,
    "with_field": lambda x: ragged.with_field(ragged.zip({"a": x}), x**3, "b").b,
    "pad and fill": lambda x: ragged.fill_none(ragged.pad_none(x, 4), 1.5) ** 2,
    "pad and clip": lambda x: ragged.pad_none(x, 2, clip=True) ** 2,
    "drop_none": lambda x: ragged.drop_none(ragged.mask(x, x > 0.5)) ** 2,
    "firsts": lambda x: ragged.firsts(x) ** 2,
    "singletons": lambda x: ragged.singletons(ragged.firsts(x)) ** 2,
    "sort": lambda x: ragged.sort(x) * ragged.local_index(x),
    "sort descending": lambda x: ragged.sort(x, ascending=False) * ragged.local_index(x),
    "argsort": lambda x: x[ragged.argsort(x)] * ragged.local_index(x),
    "cartesian": lambda x: _product(ragged.cartesian([x, x * 2])),
    "combinations": lambda x: _product(ragged.combinations(x, 2)),
    "combinations of three": lambda x: _product(ragged.combinations(x, 3, replacement=True)),
    "to_packed": lambda x: ragged.to_packed(x) ** 2,
    "padded": lambda x: ragged.to_padded(ragged.fill_none(x, 0.5) if _has_missing(x) else x)[0] ** 2,
}


def _product(pairs: Any) -> Any:
    first, *others = ragged.unzip(pairs)
    for other in others:
        first = first * other
    return first


def _has_missing(x: Any) -> bool:
    return "?" in str(x.type)


SMOOTH = {
    "rows": [[1.5, -2.0, 0.7], [], [0.31, 0.4], [-1.2]],
    "one row": [[0.9, 1.7, -0.4]],
    "missing": [[1.5, None, 0.7], [], [None, 0.4, -1.2], [2.5]],
}
KINKS = {
    "ties and zeros": [[1.0, 1.0, 0.0], [0.0, 0.0], [], [2.0, 2.0, 2.0], [-1.0]],
    "missing ties": [[0.0, None, 0.0, 1.0], [None], [], [1.0, 1.0]],
    "nothing": [[], [], []],
}
UNDEFINED: dict[tuple[str, str], str] = {
    **{("one row", name): "it needs three rows" for name in ("permutation", "repeated index", "index with missing")},
    **{
        ("nothing", f"{name} None"): "the extremum of nothing is missing: there is no number to differentiate"
        for name in ("max", "min", "ptp", "logsumexp", "mean", "var", "std")
    },
}


def weigh(value: Any) -> Any:
    """One number of any result, with a different weight for each entry."""
    flat = ragged.flatten(value, axis=None) if isinstance(value, ragged.Array) else ragged.ravel(value)
    weights = np.cos(np.arange(len(flat)) + 1.0) + 1.5
    return ragged.sum(flat * weights)


def loss_of(name: str) -> Any:
    def loss(x: Any) -> Any:
        value = OPERATIONS[name](x)
        return weigh(value) if isinstance(value, ragged.Array) or value.ndim else value * 1.5

    return loss


def build(rows: list[list[float | None]]) -> ragged.Array:
    """The rows as float64, where there are none too."""
    return ragged.Array(rows) if any(rows) else ragged.from_lengths(np.zeros(0), [0] * len(rows))


def cases(inputs: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(name, rows, id=f"{name}-{key}")
        for name in OPERATIONS
        for key, rows in inputs.items()
        if (key, name) not in UNDEFINED
    ]


def gradient_on(backend: str, name: str, rows: Any) -> Any:
    with ragged.use(backend, precision="float64"):
        return ragged.value_and_grad(loss_of(name))(build(rows))


@pytest.mark.parametrize(("name", "rows"), cases(SMOOTH))
def test_gradient_equals_finite_differences_to_second_order(backend, name, rows):
    x = build(rows)
    ragged.check_grads(loss_of(name), x, order=2 if backend == "numpy" else 1)


@pytest.mark.parametrize(("name", "rows"), [*cases(SMOOTH), *cases(KINKS)])
def test_backends_agree_and_nothing_is_nan(name, rows):
    others = [each for each in ragged.available() if each != "numpy"]
    value, gradient = gradient_on("numpy", name, rows)
    flat = ragged.to_numpy(ragged.flatten(gradient, axis=None))
    assert np.isfinite(flat).all() or not np.isfinite(value), (value, gradient.to_list())
    assert str(gradient.type) == str(build(rows).type)
    for other in others:
        its_value, its_gradient = gradient_on(other, name, rows)
        np.testing.assert_allclose(its_value, value, rtol=1e-10, atol=1e-12)
        its_flat = ragged.to_numpy(ragged.flatten(its_gradient, axis=None))
        np.testing.assert_allclose(its_flat, flat, rtol=1e-10, atol=1e-12)
        assert str(its_gradient.type) == str(gradient.type)


def test_a_constant_has_no_slope(backend):
    gradient = ragged.grad(lambda x: ragged.sum(ragged.stop_gradient(x) * x))(build(SMOOTH["rows"]))
    assert gradient.to_list() == SMOOTH["rows"]


lengths = st.lists(st.integers(0, 4), min_size=3, max_size=5)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(lengths, st.sampled_from(sorted(OPERATIONS)), st.integers(0, 2**31), st.booleans())
def test_random_rows(counts, name, seed, missing):
    rng = np.random.default_rng(seed)
    values = iter(rng.permutation(20) * 0.37 - 1.03)  # all differ: at a tie central differences mean nothing
    rows: list[list[float | None]] = [[float(next(values)) for _ in range(n)] for n in counts]
    if missing:
        rows = [[None if rng.random() < 0.3 else value for value in row] for row in rows]
    if not any(value is not None for row in rows for value in row):
        return
    x = ragged.Array(rows)
    if "float64" not in str(x.type):
        return
    ragged.check_grads(loss_of(name), x, order=2)
