"""What a compiled program checks while it runs, and the state of one compilation."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from ragged.errors import UnsupportedError
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


class Check(NamedTuple):
    """What the program reports: whether something is wrong, what that is, how many numbers did not fit, and where (the
    number of the place that has to grow; None: no place would help)."""

    bad: Any
    what: str
    needed: Any
    place: int | None


class Compilation:
    """One compilation of a program on `b`: the checks made on the way, and what was asked for.

    A check within a transformation that hands nothing out (a scan, a branch) is `late`: the running program reports it
    by itself. `capacity` is what the caller gave for what grows, `grown` what was found to be needed, by place. Tests
    set `plant`, which puts NaN (or a senseless number) in all slack that is not known to be zero.
    """

    plant = False

    def __init__(self, b: Backend, check: bool, capacity: int | None, grown: Mapping[int, int]) -> None:
        self.b, self.check, self.capacity, self.grown = b, check, capacity, grown
        self.checks: list[Check] = []
        self.late: list[Check] = []
        self.reported: dict[int, int] = {}
        self.places = 0
        self.equal: set[Any] = set()  # pairs of sizes of which it is checked that they are equal
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

    def add(self, check: Check) -> bool:
        """Enter a check; of errors unless the caller turned that off, of room in any case. Whether each call makes it:
        what is within a loop or a branch may not run at all."""
        if not self.check and check.place is None:
            return True
        if all(trace in (None, *self.traces) for trace in map(trace_of, (check.bad, check.needed))):
            self.checks.append(check)
            return True
        self.late.append(check._replace(bad=None, needed=None))
        number = len(self.late) - 1

        def report(bad: Any, needed: Any) -> None:
            if bad:
                self.reported[number] = max(int(needed), self.reported.get(number, 0))

        jax.debug.callback(report, check.bad, check.needed)
        return False


_current: ContextVar[Compilation | None] = ContextVar("ragged_jax_compilation", default=None)


@contextmanager
def compiling(state: Compilation) -> Iterator[Compilation]:
    """The scope of one compilation."""
    token = _current.set(state)
    try:
        yield state
    finally:
        _current.reset(token)


def program_of(x: Any) -> Backend | None:
    """The backend of the program that is being compiled, if there is one and `x` belongs to it."""
    state = _current.get() if isinstance(x, Tracer) else None
    return None if state is None else state.b


def compilation() -> Compilation:
    """The compilation at work.

    Raises:
        UnsupportedError: there is none: an array of a compiled program has left it.
    """
    state = _current.get()
    if state is None:
        raise UnsupportedError(
            "an array of a function under ragged.jit is used after the function has returned; return it instead"
        )
    return state


def check(bad: Any, what: str) -> bool:
    """Have the program report a 0-d boolean that is true; `what` says what is wrong. Whether each call checks it."""
    return compilation().add(Check(bad, what, 0, None))


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


def room(needed: Any, estimate: int, bounded: bool, said: int | None = None) -> int:
    """The capacity for a number of elements: what the caller said of this operation, or of the whole program (unless
    something else bounds it), or else an estimate, until the program reports that more are needed."""
    state = compilation()
    place, state.places = state.places, state.places + 1
    said = state.capacity if said is None and not bounded else said
    capacity = state.grown.get(place, estimate) if said is None else said
    state.add(Check(needed > capacity, "elements", needed, place if said is None else None))
    return capacity


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
