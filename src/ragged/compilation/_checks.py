"""What a program of static shapes checks while it runs, and the state of its compilation."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from ragged.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ragged.backend import Backend

__all__ = ["Check", "Checking", "Scope"]


class Check(NamedTuple):
    """What the program reports: whether something is wrong, what that is, how many numbers did not fit, and where (the
    number of the place that has to grow; None: no place would help)."""

    bad: Any
    what: str
    needed: Any
    place: int | None


class Checking:
    """One compilation of a program on `b`: the checks made on the way, and what was asked for.

    `capacity` is what the caller gave for what grows, `grown` what was found to be needed, by place. Tests set `plant`,
    which puts NaN (or a senseless number) in all slack that is not known to be zero.
    """

    plant = False

    def __init__(self, b: Backend, check: bool, capacity: int | None, grown: Mapping[int, int]) -> None:
        self.b, self.check, self.capacity, self.grown = b, check, capacity, grown
        self.checks: list[Check] = []
        self.places = 0
        self.equal: set[Any] = set()  # pairs of sizes of which it is checked that they are equal

    def add(self, check: Check) -> bool:
        """Enter a check; of errors unless the caller turned that off, of room in any case. Whether each call makes it:
        what is within a loop or a branch may not run at all."""
        if not self.check and check.place is None:
            return True
        if not self.is_reached(check):
            return self.add_within(check)
        self.checks.append(check)
        return True

    def is_reached(self, check: Check) -> bool:
        """Whether the program can hand the check out, as it is not made within a loop or a branch."""
        raise NotImplementedError

    def add_within(self, check: Check) -> bool:
        """Enter a check that is made within a loop or a branch."""
        raise NotImplementedError


State = TypeVar("State", bound=Checking)


class Scope(Generic[State]):
    """The compilation at work, of one framework."""

    def __init__(self, name: str) -> None:
        self.current: ContextVar[State | None] = ContextVar(name, default=None)

    @contextmanager
    def compiling(self, state: State) -> Iterator[State]:
        """The scope of one compilation."""
        token = self.current.set(state)
        try:
            yield state
        finally:
            self.current.reset(token)

    def at_work(self) -> State | None:
        """The compilation at work, if one is."""
        return self.current.get()

    def compilation(self) -> State:
        """The compilation at work.

        Raises:
            UnsupportedError: there is none: an array of a compiled program has left it.
        """
        state = self.current.get()
        if state is None:
            raise UnsupportedError(
                "an array of a function under ragged.jit is used after the function has returned; return it instead"
            )
        return state

    def check(self, bad: Any, what: str) -> bool:
        """Have the program report a 0-d boolean that is true; `what` says what is wrong. Whether each call does it."""
        return self.compilation().add(Check(bad, what, 0, None))

    def room(self, needed: Any, estimate: int, bounded: bool, said: int | None = None) -> int:
        """The capacity for a number of elements: what the caller said of this operation, or of the whole program
        (unless something else bounds it), or else an estimate, until the program reports that more are needed."""
        state = self.compilation()
        place, state.places = state.places, state.places + 1
        said = state.capacity if said is None and not bounded else said
        capacity = state.grown.get(place, estimate) if said is None else said
        state.add(Check(needed > capacity, "elements", needed, place if said is None else None))
        return capacity
