"""What a compiled program checks while it runs, and the state of one compilation."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp

from ragged.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ragged.backend import Backend

__all__ = ["Check", "Compilation", "check", "compilation", "compiling", "gathered_checks", "room"]


class Check(NamedTuple):
    """What the program reports: whether something is wrong, what that is, how many numbers did not fit, and where (the
    number of the place that has to grow; None: no place would help)."""

    bad: Any
    what: str
    needed: Any
    place: int | None


class Compilation:
    """One compilation of a program on `b`: the checks made on the way, and what was asked for.

    `capacity` is what the caller gave for what grows, `grown` what was found to be needed, by place. Tests set `plant`,
    which puts NaN (or a senseless number) in all slack that is not known to be zero.
    """

    plant = False

    def __init__(self, b: Backend, check: bool, capacity: int | None, grown: Mapping[int, int]) -> None:
        self.b, self.check, self.capacity, self.grown = b, check, capacity, grown
        self.checks: list[Check] = []
        self.places = 0


_current: ContextVar[Compilation | None] = ContextVar("ragged_jax_compilation", default=None)


@contextmanager
def compiling(state: Compilation) -> Iterator[Compilation]:
    """The scope of one compilation."""
    token = _current.set(state)
    try:
        yield state
    finally:
        _current.reset(token)


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


def check(bad: Any, what: str) -> None:
    """Have the program report a 0-d boolean that is true; `what` says what is wrong."""
    state = compilation()
    if state.check:
        state.checks.append(Check(bad, what, jnp.zeros((), "int32"), None))


def room(needed: Any, estimate: int, bounded: bool) -> int:
    """The capacity for a number of elements: an estimate, until the program reports that more are needed; what the
    caller said, unless something else bounds it."""
    state = compilation()
    place, state.places = state.places, state.places + 1
    said = None if bounded else state.capacity
    capacity = state.grown.get(place, estimate) if said is None else said
    state.checks.append(Check(needed > capacity, "elements", needed, place if said is None else None))
    return capacity


@contextmanager
def gathered_checks() -> Iterator[list[Check]]:
    """The checks made in this scope, apart from those before: a transformation within has to hand them out."""
    state = compilation()
    before, state.checks = state.checks, []
    try:
        yield state.checks
    finally:
        state.checks = before
