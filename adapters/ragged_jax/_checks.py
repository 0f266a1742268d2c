"""What a compiled program checks while it runs, and the state of one compilation."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ragged.compilation._checks import Check, Checking, Scope
from ragged_jax._compat import Tracer, trace_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ragged.backend import Backend

__all__ = [
    "Check",
    "Compilation",
    "check",
    "compilation",
    "compiling",
    "expect",
    "gathered_checks",
    "program_of",
    "room",
]


class Compilation(Checking):
    """One compilation. A check within a transformation that hands nothing out (a scan, a branch) is `late`: the running
    program reports it by itself."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.late: list[Check] = []
        self.reported: dict[int, int] = {}
        self.traces: tuple[Any, ...] = ()
        self.given: Mapping[int, int] = {}  # the number of each size of the arguments, by its root's id
        self.early: list[tuple[tuple[int, int], tuple[int, int], Check]] = []  # sizes that the host compares
        self.final: tuple[Any, ...] | None = None  # the traces of values that nobody will differentiate

    def place_of(self, size: Any) -> tuple[int, int] | None:
        """A size that the host knows before each call, as (its number, a shift); of a number (-1, the number)."""
        if isinstance(size, int | np.integer):
            return -1, int(size)
        number = self.given.get(id(getattr(size, "root", None)))
        return None if number is None else (number, size.shift)

    def is_constant(self, x: Any) -> bool:
        """Whether no derivative is taken of a value: neither here nor of the program as a whole."""
        return self.final is not None and trace_of(x) in self.final

    def is_reached(self, check: Check) -> bool:
        return all(trace in (None, *self.traces) for trace in map(trace_of, (check.bad, check.needed)))

    def add_within(self, check: Check) -> bool:
        """Have the running program report the check by itself, if it comes to it."""
        self.late.append(check._replace(bad=None, needed=None))
        number = len(self.late) - 1

        def report(bad: Any, needed: Any) -> None:
            if bad:
                self.reported[number] = max(int(needed), self.reported.get(number, 0))

        jax.debug.callback(report, check.bad, check.needed)
        return False


scope: Scope[Compilation] = Scope("ragged_jax_compilation")
check, compilation, compiling, room = scope.check, scope.compilation, scope.compiling, scope.room


def program_of(x: Any) -> Backend | None:
    """The backend of the program that is being compiled, if there is one and `x` belongs to it."""
    state = scope.at_work() if isinstance(x, Tracer) else None
    return None if state is None else state.b


def expect(size: Any, other: Any, what: str) -> bool:
    """Have it checked that two sizes are equal: on the host where both follow from the arguments' own, so that no call
    waits for it."""
    state = compilation()
    mine, others = state.place_of(size), state.place_of(other)
    if mine is None or others is None:
        return check(getattr(size, "value", size) != getattr(other, "value", other), what)
    if state.check:
        state.early.append((mine, others, Check(None, what, None, None)))
    return True


@contextmanager
def gathered_checks(datas: Sequence[Any]) -> Iterator[list[Check]]:
    """The checks made in this scope, apart from those before: a transformation of `datas`, which hands them out."""
    state = compilation()
    before = state.checks, state.traces
    state.checks, state.traces = [], (*state.traces, *map(trace_of, datas))
    try:
        yield state.checks
    finally:
        state.checks, state.traces = before
