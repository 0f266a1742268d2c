"""`ragged.jit` under Numba: a program is recorded at each call, and computed in loops that store no intermediates.

Differentiated from outside, it is one step of the tape, whose pull records the program with its adjoint and computes
both together. A program that cannot be recorded, or fails, is run as it is: with the results and errors of eager code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ragged.array import Array
from ragged.autodiff.pullback import deepest
from ragged.autodiff.tape import Tape
from ragged.autodiff.transforms import Program as Dense
from ragged.autodiff.trees import owner
from ragged.compilation._program import Program
from ragged.context import _context
from ragged.errors import RaggedError
from ragged.nodes import Flat
from ragged.operands import map_flats
from ragged_numba._lazy import Lazy, Unrecordable
from ragged_numba._recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend
    from ragged_numba._waiting import Loop

__all__ = ["Fused"]

REASONS = (RaggedError, ValueError, TypeError, AttributeError, ArithmeticError, LookupError)
"""Errors after which a program is run again as it is: they are its own, or come of values that are not there yet."""


class Fused:
    """A program of leaves (see `Backend.compile`), recorded whenever it is called."""

    def __init__(self, b: Backend, program: Program) -> None:
        self.b = b
        self.program = program

    def __call__(self, leaves: Sequence[Any]) -> list[Any]:
        program = Program(self.program.f, self.program.arguments)
        tape = tape_of(leaves)
        if tape is not None:
            found = differentiated(tape, program, leaves)
        else:
            try:
                found = recorded(Recorder(self.b), program, leaves)
            except REASONS:
                found = program(leaves)
        self.program.results = program.results
        return found

    def explain(self, leaves: Sequence[Any]) -> list[str]:
        """What a call with these leaves does, which is done for it: its loops, and what runs between them, and why."""
        if tape_of(leaves) is not None:
            return ["is one step of the tape; its adjoint is recorded together with it"]
        recorder = Recorder(self.b)
        try:
            recorded(recorder, Program(self.program.f, self.program.arguments), leaves)
        except REASONS as error:
            return [f"cannot be recorded, and runs as it is: {error}"]
        return told(recorder.loops)


def tape_of(leaves: Sequence[Any]) -> Backend | None:
    """The deepest tape that a leaf is on."""
    tapes = [each for each in map(owner, leaves) if each is not None and each.level]
    return max(tapes, key=lambda each: each.level, default=None)


def told(loops: Sequence[Loop]) -> list[str]:
    """Lines on what was computed, in order."""
    lines = []
    for i, loop in enumerate(loops, 1):
        sizes = " and ".join(f"{n:,}" for n in loop.sizes)
        lines.append(f"loop {i}, along {sizes} entries, for {loop.why}: {', '.join(loop.names)}")
    return lines or ["nothing is large enough to wait: it runs as it is"]


def recorded(recorder: Recorder, program: Program, leaves: Sequence[Any]) -> list[Any]:
    """The results of a program that is recorded and then computed at once."""
    token = _context.set(recorder)
    try:
        found = program([labelled(recorder, leaf) for leaf in leaves])
        return computed(recorder, found)
    finally:
        _context.reset(token)


def labelled(recorder: Recorder, leaf: Any) -> Any:
    """An argument's array on the recorder; dense values and numbers as they are."""
    return Array._of(leaf.layout, recorder, leaf._attrs, leaf._behavior) if isinstance(leaf, Array) else leaf


def computed(recorder: Recorder, results: Sequence[Any]) -> list[Any]:
    """Results with their values, on the backend beneath."""
    lazy: list[Lazy] = []

    def note(flat: Flat) -> Flat:
        if type(flat.data) is Lazy:
            lazy.append(flat.data)
        return flat

    def known(flat: Flat) -> Flat:
        return Flat(recorder.settled(flat.data), flat.length, flat.parameters)

    for x in results:
        if isinstance(x, Array):
            map_flats(x.layout, note)
        elif type(x) is Lazy:
            lazy.append(x)
    recorder.compute(lazy, "the results")
    return [
        Array._of(map_flats(x.layout, known), recorder.inner, x._attrs, x._behavior)
        if isinstance(x, Array) and x._backend is recorder
        else recorder.settled(x)
        for x in results
    ]


# ---------------------------------------------------------------------- on a tape

Step: TypeAlias = "Callable[[Backend, Sequence[Any]], tuple[list[Any], list[Any]]]"
"""`step(b, values)` runs a program of dense values on `b`, or on the deepest tape over it that a value is on."""


def differentiated(tape: Backend, program: Program, leaves: Sequence[Any]) -> list[Any]:
    """The results of a program of values on a tape."""
    numbers = [leaf if type(leaf) in (float, complex) else None for leaf in leaves]

    def run(f: Any, values: Sequence[Any]) -> Any:
        rest = iter(values)
        return f([next(rest) if number is None else number for number in numbers])

    dense = Dense(program, tape, [leaf for leaf, n in zip(leaves, numbers, strict=True) if n is None], run, False)

    def step(b: Backend, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        dense.under = b
        return dense(*values)

    try:
        outputs, others = evaluated(tape, step, dense.values)
    except Unrecordable:  # it closes over a value on a tape
        return program(leaves)
    results: list[Any] = dense.results(outputs, others)[0]
    return results


def evaluated(b: Backend, step: Step, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Outputs and other results of a step, recorded beneath all tapes."""
    if not isinstance(b, Tape):
        recorder = Recorder(b)
        try:
            outputs, others = step(recorder, values)
            found = computed(recorder, [*outputs, *others])
        except Unrecordable:
            raise
        except REASONS:
            return step(b, values)
        return found[: len(outputs)], found[len(outputs) :]
    inner = [b.value(x) for x in values]
    outputs, others = evaluated(b.inner, step, inner)
    if not b.holds(values):
        return outputs, others
    pull = adjoint(step, len(inner))
    return b.ruled(values, outputs, lambda g: evaluated(deepest(b.inner, [*inner, *g]), pull, [*inner, *g])[0]), others


def adjoint(step: Step, n: int) -> Step:
    """The step from `n` values and the cotangents of what a step makes of them to the cotangents of the values."""

    def pulled(b: Backend, given: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        b = deepest(b, given)
        pullback = b.vjp(lambda *values: step(b, values), given[:n])[2]
        return getattr(pullback, "once", pullback)(given[n:]), []

    return pulled
