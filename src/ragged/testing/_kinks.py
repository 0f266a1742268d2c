"""The library's conventions where frameworks disagree: slopes and curvatures at kinks, as numbers."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

import ragged
from ragged.testing._expect import Checks, expect, same_values
from ragged.testing._operations import doubled
from ragged.testing._samples import INF, NAN, sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["kinks"]


def reducing(name: str, axis: int | None) -> Callable[[Any], Any]:
    """A reducer along an axis."""
    function = getattr(ragged, name)
    return lambda x: function(x, axis=axis)


def of_masked(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`f` where the values are above 0.1, missing elsewhere."""
    return lambda x: f(ragged.mask(x, x > 0.1))


CONVENTIONS: dict[str, tuple[Callable[[Any], Any], Any, Any, Any]] = {
    "max shares between ties": (reducing("max", 1), [[2.0, 2.0, 1.0], [], [5.0]], [[0.5, 0.5, 0.0], [], [1.0]], 0),
    "min shares between ties": (reducing("min", None), [[2.0], [], [2.0, 3.0]], [[0.5], [], [0.5, 0.0]], 0),
    "columns' max shares between ties": (reducing("max", 0), [[1.0, 2.0], [], [1.0]], [[0.5, 1.0], [], [0.5]], 0),
    "maximum shares between ties": (lambda x: ragged.maximum(x, 1.0), [[1.0, 2.0, 0.0]], [[0.5, 1.0, 0.0]], 0),
    "fmin shares between ties": (lambda x: ragged.fmin(x, 1.0), [[1.0, 2.0, 0.0]], [[0.5, 0.0, 1.0]], 0),
    "equal infinities share": (reducing("max", 1), [[INF, INF], [1.0]], [[0.5, 0.5], [1.0]], None),
    "abs has slope 0 at 0": (abs, [[0.0, -1.0, 2.0]], [[0.0, -1.0, 1.0]], 0),
    "clip has slope 1 at its bounds": (lambda x: ragged.clip(x, 1.0, 2.0), [[1.0, 2.0, 0.5]], [[1.0, 1.0, 0.0]], 0),
    "prod with one zero": (
        reducing("prod", 1),
        [[0.0, 2.0, -3.0], []],
        [[-6.0, 0.0, 0.0], []],
        [[-12.0, 0.0, 0.0], []],
    ),
    "prod with two zeros": (reducing("prod", 1), [[0.0, 0.0, 5.0]], [[0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]]),
    "prod of a column with a zero": (
        reducing("prod", 0),
        [[0.0, 2.0], [3.0], [4.0]],
        [[12.0, 1.0], [0.0], [0.0]],
        None,
    ),
    "std of equal values has slope 0": (reducing("std", 1), [[2.0, 2.0], [7.0]], [[0.0, 0.0], [0.0]], 0),
    "the mean of nothing has no slope": (reducing("mean", 1), [[], [2.0, 4.0]], [[], [0.5, 0.5]], 0),
    "softmax of nothing": (lambda x: ragged.softmax(x, axis=1), [[], [3.0]], [[], [0.0]], 0),
    "logsumexp of nothing": (reducing("logsumexp", 1), [[], [3.0]], [[], [1.0]], 0),
    "sort is stable": (lambda x: ragged.sort(x)[:, 0], [[1.0, 1.0], [3.0]], [[1.0, 0.0], [1.0]], 0),
    "argmax picks the first": (
        lambda x: x[ragged.argmax(x, axis=1, keepdims=True)],
        [[1.0, 1.0], [3.0]],
        [[1.0, 0.0], [1.0]],
        0,
    ),
    "x to the 0 at 0": (lambda x: x**0, [[0.0, 1.0]], [[0.0, 0.0]], 0),
    "x to the 1 at 0": (lambda x: x**1, [[0.0, 1.0]], [[1.0, 1.0]], 0),
    "x to the 2 at 0": (lambda x: x**2, [[0.0, 1.0]], [[0.0, 2.0]], [[0.0, 2.0]]),
    "hypot at the origin": (lambda x: ragged.hypot(x, x), [[0.0]], [[0.0]], 0),
    "a masked logarithm": (of_masked(ragged.log), [[0.0, -1.0, 2.0]], [[0.0, 0.0, 0.5]], [[0.0, 0.0, -0.5]]),
    "a masked square root": (of_masked(ragged.sqrt), [[0.0, NAN, 4.0]], [[0.0, 0.0, 0.25]], None),
    "where of a masked branch": (
        lambda x: ragged.where(x > 0, ragged.log(ragged.mask(x, x > 0)), 3 * x),
        [[0.0, -1.0, 2.0]],
        [[3.0, 3.0, 0.5]],
        None,
    ),
    "custom_vjp is what it says": (
        doubled,
        [[1.0, -2.0], [], [0.5]],
        [[5.0, -10.0], [], [2.5]],
        [[5.0, -10.0], [], [2.5]],
    ),
    "stop_gradient is a constant": (
        lambda x: ragged.stop_gradient(x) * x,
        [[1.0, -2.0], [3.0]],
        [[1.0, -2.0], [3.0]],
        0,
    ),
    "missing values": (lambda x: x * x, [[1.0, None], [], [3.0]], [[2.0, None], [], [6.0]], [[2.0, None], [], [6.0]]),
}
"""Program, point, gradient of its sum, and the Hessian times the point (0: none anywhere; None: not looked at)."""

REDUCERS = ("sum", "prod", "max", "min", "mean", "var", "std", "ptp", "logsumexp", "softmax")


def total(f: Callable[[Any], Any], x: Any) -> Any:
    """The sum of what `f` gives, NaN (the mean of nothing) and -inf (the logarithm of nothing) left out."""
    y = f(x)
    if not isinstance(y, ragged.Array):
        return y
    return ragged.sum(ragged.mask(y, ragged.greater(y, -INF)), axis=None)


def convention(title: str, b: Backend) -> None:
    """Slope and curvature are the library's."""
    f, point, slopes, curvature = CONVENTIONS[title]
    if title.partition(" ")[0] in b.unsupported:
        return
    x = ragged.Array(point)
    loss = functools.partial(total, f)
    found = ragged.grad(loss)(x).to_list()
    expect(same_values(found, slopes, 1e-12), f"the slopes at {point} to be {slopes}, not {found}")
    if curvature is None:
        return
    wanted = [[0.0] * len(row) for row in point] if curvature == 0 else curvature
    found = ragged.hvp(loss, (x,), (x,)).to_list()
    expect(same_values(found, wanted, 1e-12), f"the Hessian at {point} times it to be {wanted}, not {found}")


def hidden(b: Backend) -> None:
    """What is masked has slope 0 exactly, whatever it is, in every reducer."""
    x = ragged.Array([[1.0, NAN], [INF, 2.0], [-INF, -1.0]])
    keep = ragged.Array([[True, False], [False, True], [False, True]])
    for name in REDUCERS:
        gradient = ragged.grad(lambda x, name=name: ragged.sum(getattr(ragged, name)(ragged.mask(x, keep), axis=1)))(x)
        found = np.asarray(ragged.to_numpy(ragged.flatten(gradient)))
        hides = found[[1, 2, 4]]
        expect(
            np.isfinite(found).all() and not hides.any(), f"slopes of 0 in {name} where values are masked, not {found}"
        )


def nothing(b: Backend) -> None:
    """Programs of empty arrays have empty gradients."""
    x = sample("nothing")
    for name in ("sum", "prod", "mean", "var", "std", "logsumexp", "softmax"):
        gradient = ragged.grad(lambda x, name=name: ragged.sum(getattr(ragged, name)(x, axis=1) ** 2))(x)
        expect(gradient.to_list() == [[], []], f"an empty gradient of {name}, not {gradient.to_list()}")
        expect(str(gradient.type) == "2 * var * float64", f"the type of the argument, not {gradient.type}")


kinks: Checks = {
    **{title: functools.partial(convention, title) for title in CONVENTIONS},
    "hidden values": hidden,
    "empty lists": nothing,
}
"""Conventions by name."""
