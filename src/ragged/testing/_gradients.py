"""Derivatives of every operation to second order: against differences of the program on NumPy, and NumPy's tape."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

import ragged
from ragged.context import use
from ragged.testing._expect import Checks, expect, expect_same
from ragged.testing._operations import OPERATIONS
from ragged.testing._samples import KINKS, SMOOTH, sample
from ragged.testing._values import title_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend
    from ragged.testing._operations import Operation

__all__ = ["groups"]

STEP = 1e-5
CHECKED = (
    *("add polynomial", "sum axis=-1", "prod axis=-1", "std axis=-1", "sort", "getitem ragged mask"),
    *("where of a masked logarithm", "matmul"),
)
"""Operations that `ragged.check_grads` is run on, in both modes, on the backend itself."""


GATHERS = {
    *("getitem", "concatenate", "flatten", "ravel", "unflatten", "zip", "with_field", "to_packed", "to_padded", "sort"),
    *("cartesian", "combinations", "broadcast_arrays", "checkpoint", "custom_vjp", "matmul", "concat", "stack"),
    *("from_lengths", "from_offsets", "from_row_ids", "from_padded", "from_regular", "to_regular", "nan_to_none"),
    *("unzip", "without_field", "with_name", "with_parameter"),
}
"""Functions that move values: where some are missing their first derivative tells (a compiler takes its time)."""


OWN = {"stop_gradient", "custom_vjp"}
"""Functions whose derivative is not that of the program: differences tell nothing, the conventions have it."""


def weigh(value: Any) -> Any:
    """One number of any result, with a different weight for each entry."""
    if isinstance(value, tuple):
        return sum(weigh(part) for part in value)
    if not isinstance(value, ragged.Array) and not len(value.shape):
        return value * 1.5
    flat = ragged.flatten(value, axis=None) if isinstance(value, ragged.Array) else ragged.ravel(value)
    return ragged.sum(ragged.multiply(flat, np.cos(np.arange(len(flat)) + 1.0) + 1.5))


def weighed(program: Callable[[Any], Any], x: Any) -> float:
    """The same of what a program gives on NumPy, but for what is NaN, as the mean of nothing is."""
    result = program(x)
    parts = [numbers(part) for part in (result if isinstance(result, tuple) else (result,))]
    weights = [np.cos(np.arange(part.size) + 1.0) + 1.5 if part.ndim else 1.5 for part in parts]
    return float(sum(np.nansum(part.ravel() * weight) for part, weight in zip(parts, weights, strict=True)))


def loss_of(program: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A program of one number."""
    return lambda x: weigh(program(x))


def numbers(x: Any) -> Any:
    """All numbers of a value as NumPy's; missing ones are left out."""
    return np.asarray(ragged.to_numpy(ragged.flatten(x, axis=None) if isinstance(x, ragged.Array) else x))


def along(name: str) -> Any:
    """A direction for a sample, of its own structure."""
    return ragged.cos(3 * sample(name)) + 0.3


@functools.cache
def reference(operation: Operation, name: str) -> tuple[Any, ...]:
    """Value, gradient, and the Hessian's product with the direction, by NumPy's tape."""
    with use("numpy"), np.errstate(all="ignore"):
        return derivatives(operation, name)


def derivatives(operation: Operation, name: str) -> tuple[Any, ...]:
    """The same on the backend in use."""
    loss = loss_of(operation.program)
    x, v = sample(name), along(name)
    value, gradient = ragged.value_and_grad(loss)(x)
    if operation.function == "custom_vjp":  # frameworks differ in what a rule that is none means in its own derivative
        return value, gradient
    if "missing" in name and operation.function in GATHERS:
        return value, gradient
    return value, gradient, ragged.hvp(loss, (x,), (v,))


@functools.cache
def differences(operation: Operation, name: str) -> tuple[Any, Any]:
    """Central differences, on NumPy, of the value and of the gradient along the direction."""
    with use("numpy"), np.errstate(all="ignore"):
        loss = loss_of(operation.program)
        x, v = sample(name), along(name)
        ahead, behind = x + STEP * v, x - STEP * v
        slope = (weighed(operation.program, ahead) - weighed(operation.program, behind)) / (2 * STEP)
        curvature = (numbers(ragged.grad(loss)(ahead)) - numbers(ragged.grad(loss)(behind))) / (2 * STEP)
        return slope, curvature


def near(x: Any, y: Any, rtol: float) -> bool:
    """Equal to `rtol` of the largest number; where one is not finite (as slopes at infinity), neither is the other."""
    x, y = np.asarray(x), np.asarray(y)
    finite = np.isfinite(y)
    if x.shape != y.shape or (np.isfinite(x) != finite).any():
        return False
    scale = max(1.0, float(np.abs(y[finite]).max(initial=0.0)))
    return bool((np.abs(x[finite] - y[finite]) <= rtol * scale).all())


def compare(operation: Operation, name: str, found: Sequence[Any]) -> None:
    """Value, gradient and curvature are NumPy's, in the type of the argument, without a NaN."""
    of = f"of {sample(name).to_list()}"
    named = zip(("value", "gradient", "curvature"), found, reference(operation, name), strict=False)
    for what, mine, wanted in named:  # the curvature is not always looked at
        if isinstance(wanted, ragged.Array):
            expect(str(mine.type) == str(wanted.type), f"the {what} {of} to have type {wanted.type}, not {mine.type}")
            mine, wanted = numbers(mine), numbers(wanted)
            expect(np.isfinite(mine).all() or not np.isfinite(wanted).all(), f"no NaN in the {what} {of}, not {mine}")
        else:
            mine, wanted = numbers(mine), numbers(wanted)
        expect(near(mine, wanted, 1e-10), f"the {what} {of} to be {wanted}, not {mine}")


def is_smooth(operation: Operation, b: Backend, name: str) -> None:
    """The gradient is the slope of the program; the Hessian's product is the slope of the gradient."""
    found = derivatives(operation, name)
    if operation.function in OWN:
        return compare(operation, name, found)
    slope, curvature = differences(operation, name)
    with use("numpy"):
        direction = numbers(along(name))
    mine = float((numbers(found[1]) * direction).sum())
    of = f"of {sample(name).to_list()}"
    expect(near(mine, slope, 1e-6), f"the slope {of} along {direction} to be {slope} (central difference), not {mine}")
    for second in map(numbers, found[2:]):
        expect(near(second, curvature, 1e-5), f"the curvature {of} along {direction} to be {curvature}, not {second}")
    compare(operation, name, found)


def points(operation: Operation, names: tuple[str, ...]) -> tuple[str, ...]:
    """Where derivatives are looked at; what elementwise functions do where values are missing the protocol tells."""
    return names[:1] if operation.title == "elementwise" else names


def smooth(operation: Operation, b: Backend) -> None:
    """At points where the operation is smooth."""
    for name in points(operation, SMOOTH):
        is_smooth(operation, b, name)


def kinked(operation: Operation, b: Backend) -> None:
    """At ties, zeros and equal values, where every backend follows one convention."""
    for name in points(operation, KINKS):
        compare(operation, name, derivatives(operation, name))


def by_check_grads(operation: Operation, b: Backend) -> None:
    """Both modes of differentiation on the backend itself."""
    ragged.check_grads(loss_of(operation.program), sample("rows"), order=2)


def of_records(b: Backend) -> None:
    """A gradient has the argument's own shape: fields by name, None for what has no derivative."""
    x = ragged.zip({"a": sample("rows"), "n": sample("ints")})
    gradient = ragged.grad(lambda x: ragged.sum(x.a * x.a * x.n))(x)
    with use("numpy"):
        wanted = 2 * sample("rows") * sample("ints")
    expect_same(gradient["a"], wanted)
    kind = str(gradient["n"].type)
    expect(kind == "4 * var * ?unknown", f"nothing (?unknown) in the field of integers, not {kind}")


def of_complex_numbers(b: Backend) -> None:
    """The gradient of a real function of complex numbers points along steepest ascent."""
    if "complex128" in b.unsupported:
        return
    z = [[1 + 2j, -1j], [], [0.5]]
    found = ragged.grad(lambda z: ragged.sum(ragged.real(z * z)))(ragged.Array(z))
    expect_same(found, ragged.Array([[2 - 4j, 2j], [], [1.0 + 0j]]))


def matrices(b: Backend) -> None:
    """`jacobian`, `hessian` and `vjp` are NumPy's; a pullback may be called again."""

    def program(x: Any) -> Any:
        return ragged.sum(x * x * x, axis=1)

    def everything() -> tuple[Any, ...]:
        x = sample("rows")
        value, pull = ragged.vjp(program, x)
        seed = [1.0, 2.0, 0.0, -1.0]
        tangent = ragged.jvp(program, (x,), (x,))[1]
        hessian = ragged.hessian(lambda x: ragged.sum(program(x)))(x)
        return value, pull(seed)[0], pull(seed)[0], tangent, ragged.jacobian(program)(x), hessian

    with use("numpy"):
        wanted = everything()
    for mine, theirs in zip(everything(), wanted, strict=True):
        expect_same(mine, theirs)


def groups(b: Backend) -> dict[str, Checks]:
    """The checks of derivatives, for all operations that have one and that the backend has."""
    chosen = {title_of(op): op for op in OPERATIONS if op.smooth and op.function not in b.unsupported}
    others: Checks = {
        "records": of_records,
        "complex numbers": of_complex_numbers,
        "jacobian, hessian, vjp and jvp": matrices,
    }
    return {
        "gradients": {**{title: functools.partial(smooth, op) for title, op in chosen.items()}, **others},
        "kinks": {title: functools.partial(kinked, op) for title, op in chosen.items()},
        "check_grads": {title: functools.partial(by_check_grads, chosen[title]) for title in CHECKED},
    }
