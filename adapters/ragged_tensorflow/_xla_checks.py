"""What a program of XLA reports beside its results, as it drops assertions; and the state of one compilation."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

import tensorflow as tf

from ragged.errors import UnsupportedError
from ragged_tensorflow._compat import is_symbolic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ragged.backend import Backend

__all__ = ["WAY_OUT", "Check", "Compilation", "at_work", "check", "compilation", "compiling", "room"]

WAY_OUT = "leave jit_compile=True out"


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
        self.equal: set[Any] = set()  # pairs of sizes of which it is checked that they are equal
        self.graph = tf.compat.v1.get_default_graph()

    def add(self, check: Check) -> None:
        """Enter a check; of errors unless the caller turned that off, of room in any case.

        Raises:
            UnsupportedError: a check of what is computed in a branch or a loop, which hands nothing out.
        """
        if not self.check and check.place is None:
            return
        if any(is_symbolic(x) and x.graph is not self.graph for x in (check.bad, check.needed)):
            what = "how many elements there are" if check.place is not None else check.what
            raise UnsupportedError(
                f"within tf.cond, tf.while_loop or tf.map_fn a program of XLA cannot report an error ({what}); take "
                f"this step before it, or {WAY_OUT}"
            )
        self.checks.append(check)


_current: ContextVar[Compilation | None] = ContextVar("ragged_tensorflow_compilation", default=None)


@contextmanager
def compiling(state: Compilation) -> Iterator[Compilation]:
    """The scope of one compilation."""
    token = _current.set(state)
    try:
        yield state
    finally:
        _current.reset(token)


def at_work() -> Compilation | None:
    """The compilation at work, if one is."""
    return _current.get()


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
    compilation().add(Check(bad, what, 0, None))


def room(needed: Any, estimate: int, bounded: bool, said: int | None = None) -> int:
    """The capacity for a number of elements: what the caller said of this operation, or of the whole program (unless
    something else bounds it), or else an estimate, until the program reports that more are needed."""
    state = compilation()
    place, state.places = state.places, state.places + 1
    said = state.capacity if said is None and not bounded else said
    capacity = state.grown.get(place, estimate) if said is None else said
    state.add(Check(needed > capacity, "elements", needed, place if said is None else None))
    return capacity
