"""`check_grads`: derivatives against differences of the program itself."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.autodiff.box import Box
from ragged.autodiff.derivatives import holomorphic
from ragged.autodiff.pullback import deepest
from ragged.autodiff.rules import primitives
from ragged.autodiff.tape import Tape
from ragged.autodiff.transforms import by_arguments
from ragged.autodiff.trees import backend_for, split
from ragged.context import _context
from ragged.errors import RaggedError, UnsupportedError
from ragged.registry import get_backend
from ragged.ufuncs import table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend
    from ragged.rows import Segments

__all__ = ["check_grads"]

DIRECTIONS = 2
STEP = 1e-20
"""The complex step: no difference is taken, so it may be as small as it likes."""
RTOL = {"d": 1e-6, "f": 5e-3, "e": 1e-1, "D": 1e-6, "F": 5e-3, "g": 1e-6, "G": 1e-6}
MODES = ("reverse", "forward")
ANALYTIC = holomorphic | (primitives.keys() - {"astype"}) | {"where", "concat", "matmul"}


def check_grads(
    f: Callable[..., Any],
    *args: Any,
    order: int = 2,
    rtol: float | None = None,
    atol: float | None = None,
    method: str = "auto",
    seed: int = 0,
    modes: Sequence[str] = MODES,
) -> None:
    """Nothing, if the derivatives of `f` at `args` are right, in reverse and forward mode.

    The output is contracted with random weights, and its derivative along random directions in each argument compared
    with central differences, and with the complex step (Squire & Trapp 1998) where every operation of the program
    continues analytically.

    Args:
        f: a program with any tree of ragged arrays, dense arrays and numbers as its output.
        *args: its arguments; those without floats are constants.
        order: 1, or 2 for the derivatives of the derivatives as well.
        rtol: relative tolerance; by default by the dtype (1e-6 for float64).
        atol: absolute tolerance on top of it; by default the rounding error of the difference.
        method: "central", "complex", or "auto": central differences, and the complex step where it is possible.
        seed: of the random directions and weights.
        modes: ("reverse",) for a `custom_vjp` whose backward pass is no ragged program (forward mode transposes it).

    Raises:
        AssertionError: a derivative is wrong; the message names argument, direction and both numbers.
        UnsupportedError: method="complex", but an operation has no analytic continuation.

    >>> import ragged
    >>> ragged.check_grads(lambda x: ragged.sum(x**3, axis=1), ragged.Array([[1.0, 2.0], []]))
    """
    if method not in ("auto", "central", "complex") or order not in (1, 2):
        raise RaggedError(
            f"method={method!r}, order={order!r}: the methods are auto, central, complex; the orders 1, 2"
        )
    if not {*modes} <= {*MODES} or "reverse" not in modes:
        raise RaggedError(f"modes={modes!r}: they are ('reverse',) or ('reverse', 'forward')")
    b = backend_for(args)
    places = tuple(i for i, arg in enumerate(args) if split(b, arg)[1])
    check = Check(by_arguments(f, args, {}, places or (0,), False), places, rtol, atol, seed, "forward" in modes)
    obstacle = complex_obstacle(f, args, places, check) if method != "central" else None
    if method == "complex" and obstacle:
        raise UnsupportedError(f"the complex step is not possible here: {obstacle}; use method='central'")
    ways = (["central"] if method != "complex" else []) + (["complex"] if method != "central" and not obstacle else [])
    for n in range(1, order + 1):
        for place in range(len(places)):
            for direction in range(DIRECTIONS):
                with np.errstate(all="ignore"):  # steps may leave a domain; NaN is compared, not warned of
                    check.along(n, place, direction, ways)


class Check:
    """One program at one point."""

    def __init__(
        self,
        program: Any,
        places: Sequence[int],
        rtol: float | None,
        atol: float | None,
        seed: int,
        forward: bool = True,
    ) -> None:
        self.program = program
        self.forward = forward
        self.b: Backend = program.b
        self.places = places
        self.rtol = rtol
        self.atol = atol or 0.0
        self.point = [np.asarray(self.b.to_numpy(x)) for x in program.values]
        self.random = np.random.default_rng(seed)
        outputs = self.b.vjp(program, program.values)[0]
        self.seen = [
            shown(self.b, mask, x) for mask, x in zip(program.primals.visible(self.b), self.point, strict=True)
        ]
        values = [np.asarray(self.b.to_numpy(x)) for x in outputs]
        seen = [shown(self.b, mask, x) for mask, x in zip(program.out.visible(self.b), values, strict=True)]
        self.weights = [self.noise(x, mask) for x, mask in zip(values, seen, strict=True)]
        self.cotangents = self.on_backend(self.weights)
        self.size = inner(self.weights, [np.where(mask, x, 0) for x, mask in zip(values, seen, strict=True)])[1]
        codes = [x.dtype.char for x in [*self.point, *self.weights]]
        self.epsilon = max(float(np.finfo(code).eps) for code in codes)
        self.default = max(RTOL[code] for code in codes)
        counts = [len(split(self.b, leaf)[1]) for leaf in self.arguments()]
        self.ranges = [range(sum(counts[:i]), sum(counts[: i + 1])) for i in range(len(counts))]

    def arguments(self) -> Any:
        """The differentiated arguments."""
        return self.program.primals.fill(self.b, self.program.values, self.program.rest)

    def noise(self, x: Any, scale: Any = 1.0) -> Any:
        """Random numbers like `x`."""
        values = self.random.normal(size=x.shape)
        if x.dtype.kind == "c":
            values = values + 1j * self.random.normal(size=x.shape)
        return np.asarray(values * scale, x.dtype)

    def on_backend(self, values: Sequence[Any]) -> list[Any]:
        """NumPy arrays on the program's backend."""
        return [self.b.asarray(x) for x in values]

    def outputs(self, values: Sequence[Any]) -> list[Any]:
        """The program's dense outputs at another point."""
        found = self.b.vjp(self.program, self.on_backend(values))[0]  # in the backend's own scope
        return [np.asarray(self.b.to_numpy(x)) for x in found]

    def gradient(self, *values: Any) -> list[Any]:
        """The derivative of the contracted output, by reverse mode, on the backend."""
        run = deepest(self.b, values)
        return list(run.vjp(self.program, values)[2](self.cotangents))

    def gradients(self, values: Sequence[Any]) -> list[Any]:
        """The same at another point, as NumPy arrays."""
        return [np.asarray(self.b.to_numpy(x)) for x in self.gradient(*self.on_backend(values))]

    def along(self, order: int, place: int, direction: int, ways: Sequence[str]) -> None:
        """Compare the derivatives of one order by one argument along one random direction."""
        tangents = [np.zeros_like(x) for x in self.point]
        for i in self.ranges[place]:  # relative to the values: domains are not left
            x = np.where(self.seen[i], self.point[i], 0)
            tangents[i] = self.noise(x, np.where(x == 0, 1, np.abs(x)) * self.seen[i])
        weights = self.weights if order == 1 else [self.noise(x, m) for x, m in zip(self.point, self.seen, strict=True)]
        values = self.outputs if order == 1 else self.gradients
        found = self.first(tangents) if order == 1 else self.second(tangents, weights)
        for way in ways:
            expected, error = getattr(self, way)(values, weights, tangents, order)
            for mode, (number, size) in found.items():
                rtol = self.rtol if self.rtol is not None else self.default
                tolerance = rtol * max(size, abs(expected)) + error + self.atol
                if not (abs(number - expected) <= tolerance or (np.isnan(number) and np.isnan(expected))):
                    raise AssertionError(
                        f"argument {self.places[place]}, order {order}, random direction {direction}: {mode} mode "
                        f"gives {number!r}, {way} {'difference' if way == 'central' else 'step'} gives {expected!r} "
                        f"(they differ by {abs(number - expected):.3g}, allowed is {tolerance:.3g})"
                    )

    def first(self, tangents: Sequence[Any]) -> dict[str, tuple[float, float]]:
        """The slope along the tangents in both modes, and the size of the terms it is the sum of."""
        found = {"reverse": inner(self.gradients(self.point), tangents)}
        if self.forward:
            pushed = self.b.jvp(self.program, self.program.values, self.on_backend(tangents))[1]
            found["forward"] = inner(self.weights, [np.asarray(self.b.to_numpy(x)) for x in pushed])
        return found

    def second(self, tangents: Sequence[Any], weights: Sequence[Any]) -> dict[str, tuple[float, float]]:
        """The curvature along tangents and weights: reverse over reverse and forward over reverse."""

        def gradient(*values: Any) -> tuple[list[Any], list[Any]]:
            return self.gradient(*values), []

        values = self.program.values
        to_numpy = self.b.to_numpy
        twice = self.b.vjp(gradient, values)[2](self.on_backend(weights))
        found = {"reverse over reverse": inner([np.asarray(to_numpy(x)) for x in twice], tangents)}
        if self.forward:
            pushed = self.b.jvp(gradient, values, self.on_backend(tangents))[1]
            found["forward over reverse"] = inner(weights, [np.asarray(to_numpy(x)) for x in pushed])
        return found

    def central(self, f: Any, weights: Any, tangents: Any, order: int) -> tuple[float, float]:
        """The central difference along the tangents, and its rounding error."""
        h = self.epsilon ** (1 / 3)
        ahead, behind = (
            f([np.asarray(x + s * v, x.dtype) for x, v in zip(self.point, tangents, strict=True)]) for s in (h, -h)
        )
        (above, size), (below, _) = inner(weights, ahead), inner(weights, behind)
        # a gradient whose terms cancel is rounded like the terms, which are about as large as the outputs'
        return (above - below) / (2 * h), 20 * self.epsilon * max(size, self.size) / h

    def complex(self, f: Any, weights: Any, tangents: Any, order: int) -> tuple[float, float]:
        """The imaginary part after an imaginary step; a gradient's is conjugated."""
        moved = f([x + 1j * STEP * v for x, v in zip(self.point, tangents, strict=True)])
        sign = 1 if order == 1 else -1
        return sign * inner(weights, [y.imag for y in moved])[0] / STEP, 0.0


def shown(b: Backend, mask: Any, x: Any) -> Any:
    """Where numbers count: they are finite, and behind no missing value."""
    finite = np.isfinite(x)
    if mask is None:
        return finite
    return finite & b.home(mask).to_numpy(mask).reshape(mask.shape + (1,) * (x.ndim - 1))


def inner(x: Sequence[Any], y: Sequence[Any]) -> tuple[float, float]:
    """The real inner product of two lists of arrays, and the sum of its terms' absolute values."""
    terms = [np.where((u == 0) | (v == 0), 0, (u.conj() * v).real) for u, v in zip(x, y, strict=True)]
    return float(sum(t.sum() for t in terms)), float(sum(np.abs(t).sum() for t in terms))


def complex_obstacle(f: Callable[..., Any], args: tuple[Any, ...], places: tuple[int, ...], check: Check) -> str | None:
    """Why the complex step is not possible, if it is not: found by watching the program run on complex NumPy arrays."""
    if any(x.dtype.kind == "c" for x in [*check.point, *check.weights]):
        return "there are complex numbers already"
    numpy = get_backend("numpy")
    watch = Watch(numpy)
    token = _context.set(numpy)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = by_arguments(f, args, {}, places, False)
            program(*(watch.leaf(np.asarray(x, np.result_type(x.dtype, np.complex64))) for x in check.point))
    except (RaggedError, TypeError, ValueError) as error:
        return f"on complex numbers the program raises {type(error).__name__}: {error}"
    finally:
        _context.reset(token)
    others = sorted(watch.used - ANALYTIC)
    return f"{', '.join(others)} has no analytic continuation" if others else None


class Watch(Tape):
    """A tape that remembers what the program did with the values on it."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.used: set[str] = set()

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        return f(self, x, rows, *options)  # step by step: what a kernel is made of is seen

    def tied_extremum(self, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
        self.used.add("max" if largest else "min")
        return super().tied_extremum(x, rows, identity, largest)


def _watched(name: str) -> Callable[..., Any]:
    method = getattr(Tape, name)

    @functools.wraps(method)
    def call(self: Watch, *args: Any, **kwargs: Any) -> Any:
        if name == "custom_vjp":  # whose function may be any code
            raise UnsupportedError("a custom_vjp has no analytic continuation")
        operands = args[0] if name == "concat" else args
        same = name == "astype" and self.dtype(args[0]) == args[1]
        if not same and any(type(x) is Box for x in operands):
            did = args[0] if name == "apply" else name
            if did in ("power", "float_power") and (np.real(self.constant(args[1])) <= 0).any():
                did = f"{did} of numbers that are not positive"
            self.used.add(table[did].name if did in table else did)
        return method(self, *args, **kwargs)

    return call


WATCHED = """apply concat where matmul segment_max segment_min segment_argsort segment_argmax searchsorted flatnonzero
    as_structure stop_gradient custom_vjp"""
for _name in [*primitives, *WATCHED.split()]:
    setattr(Watch, _name, _watched(_name))
