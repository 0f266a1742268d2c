"""Every differentiable operation: right to second order on NumPy's tape, the same on all backends, also at kinks."""

from __future__ import annotations

import numpy as np
import pytest

import ragged
from agreement import OURS

SMOOTH = ragged.Array([[1.3, -0.4, 2.2], [], [0.7, 1.9], [-1.1]])
"""No ties, no zeros: differences of the program are what they should be."""
KINKED = ragged.Array([[2.0, 2.0, 0.0], [], [-1.0, 0.0, 0.0, 3.0], [0.5, 0.5]])
"""Ties, zeros in products, equal values in a row: here all backends follow the library's convention."""
MISSING = ragged.Array([[1.3, None, 2.2], None, [], [None], [0.7, 1.9]])
"""Missing values and lists."""
DEEP = ragged.Array([[[1.3, -0.4], []], [], [[0.7, 1.9, 0.2]]])


def reducing(name, axis):
    f = getattr(ragged, name)
    return lambda x: f(x, axis=axis)


ONES = {name: reducing(name, 1) for name in ("sum", "prod", "max", "min", "mean", "ptp")}

OPERATIONS = {
    **ONES,
    **{f"{name} of columns": reducing(name, 0) for name in ("sum", "prod", "max", "mean")},
    **{f"{name} of all": reducing(name, None) for name in ("sum", "prod", "min", "mean")},
    "sum, kept": lambda x: ragged.sum(x, axis=-1, keepdims=True) * x,
    "var": lambda x: ragged.var(x, axis=1),
    "std": lambda x: ragged.std(x, axis=1),
    "std of all": lambda x: ragged.std(x, axis=None),
    "var with ddof": lambda x: ragged.var(x[ragged.num(x) > 1], axis=1, ddof=1),
    "weighted mean": lambda x: ragged.mean(x, weight=x * x + 1, axis=1),
    "softmax": lambda x: ragged.softmax(x, axis=1),
    "logsumexp": lambda x: ragged.logsumexp(x, axis=1),
    "sort": lambda x: ragged.sort(x, axis=1) * ragged.local_index(x),
    "sort descending": lambda x: ragged.sort(x, axis=1, ascending=False) * ragged.local_index(x),
    "argmax as an index": lambda x: x[ragged.argmax(x, axis=1, keepdims=True)],
    "argsort as an index": lambda x: x[ragged.argsort(x, axis=1)] * ragged.local_index(x),
    "flatten": lambda x: ragged.flatten(x) * 2,
    "ravel": lambda x: ragged.ravel(x) ** 2,
    "unflatten": lambda x: ragged.unflatten(ragged.flatten(x), ragged.num(x)) * x,
    "concatenate rows": lambda x: ragged.concatenate([x, x * x], axis=0),
    "concatenate in rows": lambda x: ragged.concatenate([x, x * x], axis=1),
    "pad_none": lambda x: ragged.fill_none(ragged.pad_none(x, 4, axis=1), 2.5),
    "pad_none, clipped": lambda x: ragged.pad_none(x, 2, axis=1, clip=True),
    "fill_none": lambda x: ragged.fill_none(ragged.mask(x, x > 1), 3.0),
    "drop_none": lambda x: ragged.drop_none(ragged.mask(x, x > 1)),
    "firsts": lambda x: ragged.firsts(x),
    "singletons": lambda x: ragged.singletons(ragged.firsts(x) * 2),
    "mask": lambda x: ragged.sqrt(ragged.mask(x, x > 0)),
    "where": lambda x: ragged.where(x > 0.6, x * x, 3 * x),
    "broadcast_arrays": lambda x: ragged.broadcast_arrays(x, ragged.sum(x, axis=1))[1] * x,
    "zip": lambda x: ragged.zip({"a": x, "b": x * x})["b"],
    "with_field": lambda x: ragged.with_field(ragged.zip({"a": x}), x * x, "b")["b"],
    "combinations": lambda x: pairs(ragged.combinations(x, 2)),
    "cartesian": lambda x: pairs(ragged.cartesian([x, x * x])),
    "to_padded": lambda x: ragged.to_padded(x)[0] * 2,
    "slices": lambda x: x[:, 1:] * x[:, :-1],
    "negative step": lambda x: x[::-1, ::-2],
    "mask as an index": lambda x: x[x > 0.6],
    "rows by numbers": lambda x: x[[2, 0, 0, 3]],
    "new axis": lambda x: x[:, np.newaxis] * 2,
    "one entry": lambda x: x[0, 1] * x[2],
    "clip": lambda x: ragged.clip(x, 0.0, 2.0),
    "abs": lambda x: abs(x) * x,
    "maximum": lambda x: ragged.maximum(x, 0.5) * ragged.minimum(x, 1.0),
    "powers": lambda x: x**2 + x**0 + x**3,
    "hypot": lambda x: ragged.hypot(x, 2 * x),
    "nan_to_num": lambda x: ragged.nan_to_num(x) * x,
    "values_astype": lambda x: ragged.values_astype(x, "float64") * x,
    "lasts": lambda x: x * ragged.firsts(x[:, ::-1]),
}


def pairs(x):
    first, second = ragged.unzip(x)
    return first * second


def outcome(program, x, name):
    """Gradient and the Hessian's product with x, of the program's sum of squares, as lists."""
    with ragged.use(name, precision="float64"):

        def loss(x):
            y = program(x)
            return ragged.sum(y * y, axis=None) if isinstance(y, ragged.Array) or y.ndim else y * y

        return ragged.grad(loss)(x).to_list(), ragged.hvp(loss, (x,), (x,)).to_list()


@pytest.mark.parametrize("name", OPERATIONS)
def test_derivatives_are_right(name):
    ragged.check_grads(OPERATIONS[name], SMOOTH, rtol=1e-6)


@pytest.mark.parametrize("name", OPERATIONS)
def test_missing_values_have_no_part_in_it(name):
    if name in {"one entry", "to_padded", "rows by numbers"}:
        pytest.skip("has no meaning where lists are missing")
    ragged.check_grads(OPERATIONS[name], ragged.drop_none(MISSING[[0, 2, 3, 4]], axis=0), rtol=1e-6)


@pytest.mark.parametrize("name", [*ONES, "sort", "where", "flatten", "negative step"])
def test_deeper_lists(name):
    ragged.check_grads(OPERATIONS[name], DEEP[..., :], rtol=1e-6)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("x", [KINKED, MISSING[[0, 2, 3, 4]]], ids=["kinked", "missing"])
def test_backends_agree(name, x):
    if name == "one entry" and x is not KINKED:
        pytest.skip("picks rows by their lengths")
    results = {backend: outcome(OPERATIONS[name], x, backend) for backend in OURS}
    reference = results.pop("numpy")
    assert "nan" not in str(reference), reference
    for backend, found in results.items():
        assert same(found, reference), f"{backend}: {found}\nnumpy: {reference}"


CONVENTIONS = {
    "ties of max": (ONES["max"], [[2.0, 2.0, 1.0], []], [[0.5, 0.5, 0.0], []], [[0.0] * 3, []]),
    "ties of min": (reducing("min", None), [[2.0], [], [2.0]], [[0.5], [], [0.5]], [[0.0], [], [0.0]]),
    "one zero in a product": (
        ONES["prod"],
        [[0.0, 2.0, -3.0]],
        [[-6.0, 0.0, 0.0]],
        [[-12.0, 0.0, 0.0]],
    ),
    "two zeros in a product": (ONES["prod"], [[0.0, 0.0, 5.0]], [[0.0, 0.0, 0.0]], None),
    "std of equal values": (reducing("std", 1), [[2.0, 2.0], [7.0]], [[0.0, 0.0], [0.0]], [[0.0, 0.0], [0.0]]),
    "abs of zero": (abs, [[0.0, -1.0]], [[0.0, -1.0]], [[0.0, 0.0]]),
    "clip at its bounds": (lambda x: ragged.clip(x, 1.0, 2.0), [[1.0, 2.0, 0.5]], [[1.0, 1.0, 0.0]], [[0.0] * 3]),
    "zeroth power of zero": (lambda x: x**0, [[0.0, 1.0]], [[0.0, 0.0]], [[0.0, 0.0]]),
    "second power of zero": (lambda x: x**2, [[0.0, 1.0]], [[0.0, 2.0]], [[0.0, 2.0]]),
    "distance zero": (lambda x: ragged.hypot(x, x), [[0.0]], [[0.0]], [[0.0]]),
    "stable sort": (
        lambda x: ragged.sort(x, axis=1)[:, 0],
        [[1.0, 1.0], [3.0]],
        [[1.0, 0.0], [1.0]],
        [[0.0] * 2, [0.0]],
    ),
    "empty lists": (ONES["mean"], [[], [2.0, 4.0]], [[], [0.5, 0.5]], [[], [0.0, 0.0]]),
    "empty lists in softmax": (lambda x: ragged.softmax(x, axis=1), [[], [3.0]], [[], [0.0]], [[], [0.0]]),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_conventions_at_kinks(name, backend):
    f, x, slopes, curvature = CONVENTIONS[name]
    x = ragged.Array(x)

    def loss(x):
        y = f(x)
        return ragged.sum(y, axis=None) if isinstance(y, ragged.Array) else y

    assert same(ragged.grad(loss)(x).to_list(), slopes)
    if curvature is not None:  # the Hessian times x
        assert same(ragged.hvp(loss, (x,), (x,)).to_list(), curvature)


def same(x, y):
    if isinstance(x, list | tuple):
        return len(x) == len(y) and all(map(same, x, y))
    return x is y or abs(x - y) <= 1e-10 * max(1.0, abs(x), abs(y))
