"""`ragged.jit` under Numba: a program is recorded at each call, and computed in loops that store no intermediates.

Differentiated from outside, it is one step of the tape, whose pull records the program with its adjoint and computes
both together. A program that cannot be recorded, or fails, is run as it is: with the results and errors of eager code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.array import Array
from ragged.autodiff.trees import owner
from ragged.compilation._program import Program
from ragged.context import _context
from ragged_numba import _waiting
from ragged_numba._fused_tape import computed, differentiated
from ragged_numba._recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.backend import Backend
    from ragged_numba._waiting import Loop

__all__ = ["Fused"]


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
            except _waiting.REASONS:
                found = program(leaves)
        self.program.results = program.results
        return found

    def explain(self, leaves: Sequence[Any]) -> list[str]:
        """What a call with these leaves does, which is done for it: its loops, and what runs between them, and why."""
        if tape_of(leaves) is not None:
            return ["is one step of the tape; its adjoint is recorded and computed like it"]
        recorder = Recorder(self.b)
        try:
            recorded(recorder, Program(self.program.f, self.program.arguments), leaves)
        except _waiting.REASONS as error:
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
        recorder.end()


def labelled(recorder: Recorder, leaf: Any) -> Any:
    """An argument's array on the recorder; dense values and numbers as they are."""
    return Array._of(leaf.layout, recorder, leaf._attrs, leaf._behavior) if isinstance(leaf, Array) else leaf
