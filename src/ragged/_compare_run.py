"""Running one program on one backend: value, gradient, time, memory; and its slope by finite differences."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree

from ragged._compare_numbers import bits, is_array, measure
from ragged.array import Array
from ragged.context import use
from ragged.errors import MissingBackendError, UnsupportedError
from ragged.interchange import on_numpy
from ragged.nodes import Flat
from ragged.operands import map_flats
from ragged.registry import backend_of_dense, get_backend

CHILD = "RAGGED_COMPARE_CHILD"
STEPS = (1e-4, 1e-5, 1e-3, 1e-6)

# What a user's program may raise: everything built in that is not about ending the process.
PROGRAM_ERRORS = (
    ArithmeticError, AssertionError, AttributeError, BufferError, ImportError, LookupError, MemoryError, NameError,
    OSError, RuntimeError, SyntaxError, TypeError, ValueError, Warning,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """A program's result on one backend, or why there is none."""

    backend: str
    value: Any = None
    gradient: Any = None
    seconds_first: float = 0.0
    seconds: float = 0.0
    failure: str | None = None
    status: str = "agrees"
    traceback: str | None = None


def first_line(error: BaseException) -> str:
    """An error in one line, with the last place in the user's own files that led to it."""
    message = str(error).strip().partition("\n")[0]
    ours = os.path.dirname(__file__)
    places = [
        f" ({os.path.basename(frame.filename)}:{frame.lineno})"
        for frame in traceback.extract_tb(error.__traceback__)
        if not os.path.dirname(frame.filename).startswith(ours) and "site-packages" not in frame.filename
    ]
    kind = type(error).__name__
    return (f"{kind}: {message}" if message else kind) + "".join(places[-1:])


def whole_traceback(error: BaseException) -> str:
    """What Python would print of an error, without the steps of this module that led to the program."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def argument_names(program: Callable[..., Any], argnums: int | tuple[int, ...]) -> tuple[str, ...]:
    """What the program calls the arguments that it is differentiated by."""
    positions = (argnums,) if isinstance(argnums, int) else argnums
    try:
        parameters = list(inspect.signature(program).parameters.values())
    except (TypeError, ValueError):  # built-in functions without a signature
        parameters = []
    plain = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return tuple(plain[i] if -len(plain) <= i < len(plain) else f"argument {i}" for i in positions)


def run(
    program: Callable[..., Any],
    args: Sequence[Any],
    argnums: int | tuple[int, ...],
    backend: str,
    check: Callable[..., Any] | None = None,
) -> Run:
    """Value and gradient on one backend, with 64 bits; the times of the first and of later calls."""
    from ragged.autodiff.transforms import value_and_grad

    try:
        with use(backend, precision="float64"):
            transformed = value_and_grad(program, argnums=argnums)
            first, (value, gradient) = timed(transformed, args)
            again = [timed(transformed, args)[0]]  # frameworks compile in the first call
            while sum(again) < 1.0 and len(again) < 6:
                again.append(timed(transformed, args)[0])
            if check is not None:
                check(*args)
    except (MissingBackendError, UnsupportedError) as error:
        return Run(backend, failure=first_line(error), status="unavailable", traceback=whole_traceback(error))
    except PROGRAM_ERRORS as error:
        return Run(backend, failure=first_line(error), status="failed", traceback=whole_traceback(error))
    return Run(backend, value, gradient, first, min(again))


def timed(f: Callable[..., Any], args: Sequence[Any]) -> tuple[float, Any]:
    """Seconds that a call took, until its numbers were there, and its result."""
    begin = time.perf_counter()
    result = f(*args)
    measure(result)  # frameworks return before they have computed
    return time.perf_counter() - begin, result


# ---------------------------------------------------------------------- finite differences


def promoted(tree: Any) -> Any:
    """The tree on NumPy, its narrow floats widened."""

    def widen(x: Any) -> Any:
        wide = {"f": np.float64, "c": np.complex128}.get(x.dtype.kind)
        return x if wide is None or x.dtype.itemsize >= np.dtype(wide).itemsize else x.astype(wide)

    return map_numbers(tree, widen)


def map_numbers(tree: Any, f: Callable[[Any], Any]) -> Any:
    """The tree on NumPy with `f` of every array of numbers in it, those inside ragged arrays included."""
    numpy = get_backend("numpy")

    def of_leaf(leaf: Any) -> Any:
        if isinstance(leaf, Array):
            layout = on_numpy(leaf._backend, leaf.layout)
            return Array._of(map_flats(layout, lambda x: Flat(f(x.data), x.length, x.parameters)), numpy)
        owner = backend_of_dense(leaf)
        if owner is not None or isinstance(leaf, float | complex):
            return f(np.asarray(leaf) if owner is None else owner.to_numpy(leaf))[()]
        return leaf

    return optree.tree_map(of_leaf, tree, is_leaf=is_array, none_is_leaf=True)


def direction_of(tree: Any, seed: int = 0) -> list[np.ndarray[Any, Any]]:
    """For every array of floats in the tree a random direction, of the size of its numbers."""
    rng = np.random.default_rng(seed)
    found: list[np.ndarray[Any, Any]] = []

    def draw(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if x.dtype.kind in "fc":
            sizes = np.abs(x)[np.isfinite(x)]
            typical = float(np.sqrt(np.mean(sizes**2))) if sizes.size and sizes.any() else 1.0
            v = rng.standard_normal(x.shape) * typical
            found.append(v + 1j * rng.standard_normal(x.shape) * typical if x.dtype.kind == "c" else v)
        return x

    map_numbers(tree, draw)
    return found


def shifted(tree: Any, direction: list[np.ndarray[Any, Any]], step: float) -> Any:
    """The tree moved by `step` along the direction."""
    along: Iterator[np.ndarray[Any, Any]] = iter(direction)
    return map_numbers(tree, lambda x: x + step * next(along) if x.dtype.kind in "fc" else x)


def slope_by_gradient(gradient: Any, tree: Any, direction: list[np.ndarray[Any, Any]]) -> float:
    """The derivative along the direction that the gradient tells."""
    along = iter(direction)
    moving = map_numbers(tree, lambda x: next(along) if x.dtype.kind in "fc" else x)
    total = 0.0
    for g, v in zip(floats_of(gradient), floats_of(moving), strict=True):
        total += float(np.sum(np.conj(g.astype(v.dtype)) * v).real)
    return total


def floats_of(tree: Any) -> list[np.ndarray[Any, Any]]:
    """The arrays of floats in a tree; a gradient has the same ones as its argument."""
    return [leaf.data for leaf in measure(tree) if leaf.kind == "numbers" and leaf.data.dtype.kind in "fc"]


def finite_differences(
    program: Callable[..., Any], args: Sequence[Any], argnums: int | tuple[int, ...], done: Run
) -> tuple[float, float, float, bool] | str:
    """The slope by differences, the slope by the gradient, their relative distance, and whether it is small
    enough; or why there is none. Of several steps the best counts: a step too long crosses kinks, one too short
    drowns in rounding."""
    from ragged.autodiff.transforms import value_and_grad

    positions = (argnums,) if isinstance(argnums, int) else argnums
    fixed = list(promoted(tuple(args)))
    point = tuple(fixed[i] for i in positions)
    direction = direction_of(point)

    def value_at(step: float) -> float:
        moved = list(fixed)
        for i, x in zip(positions, shifted(point, direction, step), strict=True):
            moved[i] = x
        result = program(*moved) if done.backend == "numpy" else value_and_grad(program, argnums)(*moved)[0]
        return float(measure(result)[0].data.reshape(()))

    try:
        expected = slope_by_gradient(done.gradient, point, direction)
        narrow = any(bits(leaf) < 64 for leaf in floats_of(done.gradient))
        best: tuple[float, float] | None = None
        with use(done.backend, precision="float64"):
            size = abs(value_at(0.0))
            for h in STEPS:
                near, far = value_at(h) - value_at(-h), value_at(2 * h) - value_at(-2 * h)
                slope = (8 * near - far) / (12 * h)
                apart = abs(slope - expected)
                tolerance = (1e-3 if narrow else 1e-6) * max(abs(slope), abs(expected)) + 1e-14 * size / h
                relative = apart / max(abs(slope), abs(expected), 1e-300)
                if apart <= tolerance:
                    return slope, expected, relative, True
                best = (slope, relative) if best is None or relative < best[1] else best
    except PROGRAM_ERRORS as error:
        return first_line(error)
    assert best is not None
    return best[0], expected, best[1], False


# ---------------------------------------------------------------------- memory of a child process


def source_of(program: Any) -> tuple[str, str] | None:
    """The file that defines a program at its top level, and the program's name there."""
    name = getattr(program, "__qualname__", "")
    if not name.isidentifier():
        return None
    try:
        path = inspect.getsourcefile(program)
    except TypeError:
        return None
    return None if path is None or not os.path.isfile(path) else (os.path.abspath(path), name)


def peak_memory(program: Any, args: Sequence[Any], argnums: int | tuple[int, ...], backend: str) -> int | None:
    """Peak memory in bytes of a process that computes value and gradient once; None where it cannot be told."""
    source = source_of(program)
    if source is None or CHILD in os.environ:
        return None
    try:
        job = pickle.dumps((*source, backend, argnums, tuple(args)))
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
    # -P: files beside the program (a `dis.py`) must not take the place of the standard library's
    command = [sys.executable, "-P", "-m", "ragged._compare_worker"]
    try:
        done = subprocess.run(
            command, input=job, capture_output=True, timeout=600, check=False, env={**os.environ, CHILD: "1"}
        )
        return None if done.returncode else int(json.loads(done.stdout.splitlines()[-1])["peak"])
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError, TypeError):
        return None
