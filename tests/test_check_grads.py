"""`check_grads` finds wrong derivatives, and only those."""

from __future__ import annotations

import numpy as np
import pytest

import ragged
from ragged.errors import RaggedError, UnsupportedError

X = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])

RIGHT = {
    "cubes": (lambda x: ragged.sum(x**3, axis=1), True),
    "products": (lambda x: ragged.sin(x) * x[:, ::-1] / (1 + x * x), True),
    "roots": (lambda x: ragged.sqrt(x) + ragged.log(x) * ragged.exp(-x), True),
    "means": (lambda x: ragged.mean(x, axis=1), True),
    "maxima": (lambda x: ragged.max(x, axis=1), False),
    "deviations": (lambda x: ragged.std(x, axis=1), False),
    "softmax": (lambda x: ragged.softmax(x, axis=1), False),
    "masked": (lambda x: ragged.sqrt(ragged.mask(x, x > 2.5) - 2.5), False),
    "absolute": (lambda x: abs(x - 2.2), False),
    "negative powers": (lambda x: (x - 2.5) ** 3, False),
    "trees": (lambda x: {"a": x * x, "b": (ragged.sum(x), 3)}, True),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_derivatives_pass(name, backend):
    f, analytic = RIGHT[name]
    ragged.check_grads(f, X)
    if analytic:
        ragged.check_grads(f, X, method="complex", rtol=1e-12)
    else:
        with pytest.raises(UnsupportedError, match="complex step is not possible"):
            ragged.check_grads(f, X, method="complex")


def wrong_first(x):
    return x * ragged.stop_gradient(x)


def wrong_second():
    """x³ with its right derivative, whose own derivative is wrong."""
    f = ragged.custom_vjp(lambda x: x**3)
    f.defvjp(lambda x: (x**3, x), lambda x, g: (3 * x * ragged.stop_gradient(x) * g,))
    return f


def test_a_wrong_derivative_is_named(backend):
    message = (
        r"argument 1, order 1, random direction 0: reverse mode gives \S+, central difference gives \S+ \(they differ"
    )
    with pytest.raises(AssertionError, match=message):
        ragged.check_grads(lambda x, y: x * wrong_first(y), X, X)
    ragged.check_grads(lambda x, y: x * wrong_first(y), X, ragged.values_astype(X, "int64"))  # now it is a constant


def test_a_wrong_second_derivative_is_named():
    f = wrong_second()
    ragged.check_grads(f, X, order=1)
    with pytest.raises(AssertionError, match="argument 0, order 2"):
        ragged.check_grads(f, X)


def test_a_wrong_derivative_is_found_by_the_complex_step_alone():
    f = ragged.custom_vjp(lambda x: x * x)
    f.defvjp(lambda x: (x * x, x), lambda x, g: (2 * x * g * (1 + 1e-9),))
    ragged.check_grads(f, X)  # too little for a difference
    with pytest.raises(UnsupportedError, match="custom_vjp"):
        ragged.check_grads(f, X, method="complex")


def by_numpy(factor):
    """x², whose backward pass is no ragged program."""
    f = ragged.custom_vjp(lambda x: x * x)
    plain = lambda x, g: np.asarray(ragged.flatten(x)) * np.asarray(ragged.flatten(g)) * factor  # noqa: E731
    f.defvjp(lambda x: (x * x, x), lambda x, g: (ragged.from_lengths(plain(x, g), ragged.num(x)),))
    return f


def test_reverse_mode_alone():
    with pytest.raises(ragged.DTypeError, match="being differentiated"):
        ragged.check_grads(by_numpy(2.0), X, order=1)
    ragged.check_grads(by_numpy(2.0), X, order=1, modes=("reverse",))
    with pytest.raises(AssertionError, match="reverse mode"):
        ragged.check_grads(by_numpy(2.1), X, order=1, modes=("reverse",))
    ragged.check_grads(lambda x: x**3, X, modes=("reverse",))
    with pytest.raises(AssertionError, match="reverse over reverse"):
        ragged.check_grads(wrong_second(), X, modes=("reverse",))


@pytest.mark.parametrize("modes", [(), ("forward",), ("reverse", "backward")])
def test_unknown_modes(modes):
    with pytest.raises(ragged.RaggedError, match="modes"):
        ragged.check_grads(lambda x: x, X, modes=modes)


def test_tolerances():
    with pytest.raises(AssertionError):
        ragged.check_grads(wrong_first, X, rtol=0.1)
    ragged.check_grads(wrong_first, X, rtol=0.9, order=1)
    ragged.check_grads(wrong_first, X, atol=1e3, order=1)


def test_kinds_of_arguments(backend):
    ragged.check_grads(lambda t: ragged.sum(t["x"] * t["w"][0]) + t["n"], {"x": X, "w": np.array([1.0, 2.0]), "n": 3})
    ragged.check_grads(lambda s: s**3, 2.0)
    ragged.check_grads(lambda x, n: x[:, :n] * 2, X, 2)
    ragged.check_grads(lambda z: z * z * ragged.conj(z), ragged.Array([[1.0 + 2.0j], [], [0.5 - 1.0j]]))
    ragged.check_grads(lambda x: ragged.abs(ragged.exp(1j * x) + x), X)
    ragged.check_grads(lambda x: x * x, ragged.Array([[1.0, None], None, [2.0]]))
    ragged.check_grads(lambda x: ragged.sum(x * x, axis=1), ragged.values_astype(X, "float32"))


def test_nan_and_infinity_do_not_count():
    ragged.check_grads(lambda x: x * x, ragged.Array([[1.0, np.nan], [np.inf]]))


def test_what_it_is_given():
    with pytest.raises(RaggedError, match="methods are auto"):
        ragged.check_grads(wrong_first, X, method="forward")
    with pytest.raises(RaggedError, match="orders 1, 2"):
        ragged.check_grads(wrong_first, X, order=3)
    with pytest.raises(TypeError, match="no floating-point numbers"):
        ragged.check_grads(wrong_first, ragged.Array([[1, 2]]))


def test_the_seed_decides():
    messages = set()
    for seed in (0, 0, 1):
        with pytest.raises(AssertionError) as info:
            ragged.check_grads(wrong_first, X, seed=seed)
        messages.add(str(info.value))
    assert len(messages) == 2
