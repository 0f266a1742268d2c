"""What a compiled program checks while it runs, and the state of one compilation."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from ragged.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Compilation", "check", "compilation", "compiling", "gathered_checks", "overflow"]


class Compilation:
    """One compilation of a program: the checks made on the way, and what was asked for.

    `root` is the trace that the arguments belong to; `capacity` is what the caller gave for what grows; `plant` puts
    NaN in all slack that is not known to be zero, for the tests.
    """

    def __init__(self, check: bool = True, capacity: int | None = None, plant: bool = False) -> None:
        self.check, self.capacity, self.plant = check, capacity, plant
        self.checks: list[tuple[Any, str, Any]] = []


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
        state.checks.append((bad, what, jnp.zeros((), "int32")))


def overflow(needed: Any, capacity: int, what: str) -> None:
    """Have the program report that `needed` numbers do not fit."""
    compilation().checks.append((needed > capacity, what, needed))


@contextmanager
def gathered_checks() -> Iterator[list[tuple[Any, str, Any]]]:
    """The checks made in this scope, apart from those before: a transformation within has to hand them out."""
    state = compilation()
    before, state.checks = state.checks, []
    try:
        yield state.checks
    finally:
        state.checks = before
