"""Where the gradients of two backends differ: which of them the numeric derivatives of the program confirm."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ragged._compare_numbers import measure
from ragged._compare_run import (
    PROGRAM_ERRORS,
    STEPS,
    Run,
    direction_of,
    first_line,
    map_numbers,
    promoted,
    shifted,
    slope_by_gradient,
)
from ragged.context import use

COMPLEX_STEP = 1e-20


@dataclass(frozen=True, slots=True)
class Evidence:
    """One numeric derivative of a program along the direction in which two gradients differ most.

    `method` says how it was made; `slopes` are those that the two gradients tell, by backend; `confirms` names the
    backends whose gradient it is the slope of: one, none, or (too close to tell) nobody, and then `reason` says why.
    """

    method: str
    slopes: dict[str, float]
    slope: float | None = None
    confirms: tuple[str, ...] = ()
    reason: str | None = None

    def __str__(self) -> str:
        if self.slope is None:
            return f"{self.method}: {self.reason}"
        said = f"confirms {' and '.join(self.confirms)}" if self.confirms else self.reason
        by = ", ".join(f"{name} {slope:.12g}" for name, slope in self.slopes.items())
        return f"{self.method}: slope {self.slope:.12g} {said} (gradients: {by})"


def evidence(
    program: Callable[..., Any], args: Sequence[Any], argnums: int | tuple[int, ...], first: Run, other: Run
) -> tuple[Evidence, ...]:
    """The numeric derivatives of the program where the gradients of two backends differ."""
    positions = (argnums,) if isinstance(argnums, int) else argnums
    try:
        fixed = list(promoted(tuple(args)))
        point = tuple(fixed[i] for i in positions)
        direction = apart(first.gradient, other.gradient, point)
        slopes = {each.backend: slope_by_gradient(each.gradient, point, direction) for each in (first, other)}
    except PROGRAM_ERRORS:  # gradients of another structure have no slope along one direction
        return ()
    shift = Shift(program, fixed, positions, point, direction)
    found = [judged("complex step on numpy", slopes, shift.complex_slope())]
    for each in (first, other):
        method = f"central differences of {each.backend}'s values"
        found.append(judged(method, slopes, shift.central_slope(each.backend, argnums)))
    return tuple(found)


def apart(first: Any, other: Any, point: Any) -> list[np.ndarray[Any, Any]]:
    """The direction from one gradient to the other, of the size of the numbers; a random one where it is unknown."""
    drawn = direction_of(point)
    one, two = arrays_of(first), arrays_of(other)
    shapes = [[x.shape for x in arrays] for arrays in (drawn, one, two)]
    if not shapes[0] == shapes[1] == shapes[2]:
        return drawn
    with np.errstate(invalid="ignore"):
        ways = [np.asarray(x - y, v.dtype) for x, y, v in zip(one, two, drawn, strict=True)]
    odd = [~np.isfinite(way) for way in ways]
    largest = max((float(np.abs(way[~bad]).max(initial=0.0)) for way, bad in zip(ways, odd, strict=True)), default=0.0)
    if not largest and not any(bad.any() for bad in odd):
        return drawn
    return [
        np.where(bad, v, np.where(bad, 0, way) / (largest or 1.0) * np.abs(v).max(initial=0.0))
        for way, bad, v in zip(ways, odd, drawn, strict=True)
    ]


def arrays_of(tree: Any) -> list[np.ndarray[Any, Any]]:
    """All arrays of floats in a gradient, with what is hidden behind missing values."""
    found: list[np.ndarray[Any, Any]] = []

    def note(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if x.dtype.kind in "fc":
            found.append(x)
        return x

    map_numbers(tree, note)
    return found


@dataclass(frozen=True, slots=True)
class Shift:
    """A program along a line through its arguments."""

    program: Callable[..., Any]
    fixed: Sequence[Any]
    positions: tuple[int, ...]
    point: Any
    direction: list[np.ndarray[Any, Any]]

    def at(self, step: Any) -> list[Any]:
        """The arguments, moved by `step`."""
        moved = list(self.fixed)
        for i, x in zip(self.positions, shifted(self.point, self.direction, step), strict=True):
            moved[i] = x
        return moved

    def central_slope(self, backend: str, argnums: int | tuple[int, ...]) -> tuple[float, float] | str:
        """The slope by central differences of what a backend computes, and how far two step sizes are apart."""
        from ragged.autodiff.transforms import value_and_grad

        def value(step: float) -> float:
            moved = self.at(step)
            result = self.program(*moved) if backend == "numpy" else value_and_grad(self.program, argnums)(*moved)[0]
            return float(measure(result)[0].data.reshape(()))

        try:
            with use(backend, precision="float64"):
                slopes = [
                    (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h) for h in sorted(STEPS)
                ]
        except PROGRAM_ERRORS as error:
            return first_line(error)
        doubt, slope = min((abs(x - y), y) for x, y in itertools.pairwise(slopes))
        return slope, doubt

    def complex_slope(self) -> tuple[float, float] | str:
        """The slope by a complex step on NumPy, which is exact; or why the program has none."""
        from ragged.autodiff.check import Check, complex_obstacle
        from ragged.autodiff.transforms import by_arguments

        try:
            with use("numpy"):
                args = tuple(self.fixed)
                check = Check(
                    by_arguments(self.program, args, {}, self.positions, False), self.positions, None, None, 0
                )
                obstacle = complex_obstacle(self.program, args, self.positions, check)
                if obstacle is not None:
                    return f"not possible ({obstacle})"
                result = self.program(*self.at(1j * COMPLEX_STEP))
                return float(np.imag(measure(result)[0].data.reshape(()))) / COMPLEX_STEP, 0.0
        except PROGRAM_ERRORS as error:
            return first_line(error)


def judged(method: str, slopes: dict[str, float], found: tuple[float, float] | str) -> Evidence:
    """Whose slope a numeric one is: within a quarter of the distance between the two."""
    if isinstance(found, str):
        return Evidence(method, slopes, reason=found)
    slope, error = found
    one, two = slopes.values()
    known = [abs(x) for x in (slope, one, two) if np.isfinite(x)]
    gap = abs(one - two) if np.isfinite(one) and np.isfinite(two) else 1e-3 * max(known, default=0.0)
    if not np.isfinite(slope) or not error <= gap / 4 or not gap:
        return Evidence(method, slopes, slope, reason="cannot tell them apart")
    confirmed = tuple(name for name, x in slopes.items() if abs(x - slope) <= gap / 4)
    return Evidence(method, slopes, slope, confirmed, None if confirmed else "confirms neither")


def conclusion(found: Sequence[Evidence]) -> str:
    """What all numeric derivatives together say, in one sentence."""
    names = tuple(found[0].slopes)
    told = [each for each in found if each.confirms]
    confirmed = {name for each in told for name in each.confirms}
    if not told:
        return f"The numeric derivatives confirm neither {' nor '.join(names)}."
    if len(confirmed) == 1:
        (right,) = confirmed
        wrong = next(name for name in names if name != right)
        return f"The numeric derivatives confirm {right}: the gradient of {wrong} is wrong."
    both = " and ".join(names)
    return f"Each gradient is the slope of its own backend's values: {both} do not compute the same function."
