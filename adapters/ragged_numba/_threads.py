"""Work shared by threads: compiled kernels and NumPy's loops both let other threads run.

Numba's own parallel loops end the process when two threads of Python enter them at once (its layer for that is not
always there), so the pieces of a pass go to a few threads of our own. What the pieces are follows from the arrays
alone, never from the number of threads: so results are the same bit for bit.
"""

from __future__ import annotations

import contextvars
import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from threading import Lock, local
from typing import TYPE_CHECKING, Any

from numba import config

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["share", "threads"]

FEWEST = 4
"""Pieces from which on threads share: to wake one takes 50 µs, a piece of a kernel's takes 50 to 100."""
EAGER = 4
"""Turns for each thread: who is slowed down by other programs takes fewer."""


class Team:
    """The threads that help the calling one."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.pool: ThreadPoolExecutor | None = None
        self.state = local()

    def submit(self, work: Callable[[], None]) -> Future[None]:
        """The work to be begun on another thread, unless it is cancelled before."""
        ticket: Future[None] = Future()

        def begin() -> None:
            if ticket.set_running_or_notify_cancel():
                try:
                    work()
                except BaseException as error:  # it is the caller's
                    ticket.set_exception(error)
                else:
                    ticket.set_result(None)

        with self.lock:
            if self.pool is None:
                self.pool = ThreadPoolExecutor(threads() - 1, thread_name_prefix="ragged")
            with suppress(RuntimeError):  # no thread can be started: one that is there may still take it up
                self.pool.submit(contextvars.copy_context().run, begin)
        return ticket

    def forget(self) -> None:
        """In a new process, where the threads are not."""
        self.lock, self.pool = Lock(), None


TEAM = Team()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=TEAM.forget)


def threads() -> int:
    """How many threads compute: as many as Numba would use (its variable NUMBA_NUM_THREADS)."""
    return int(config.NUMBA_NUM_THREADS)


def share(work: Callable[..., object], pieces: int, *args: Any) -> None:
    """`work(first, last, *args)` over all pieces, by several threads where there are enough of them."""
    helpers = min(threads(), pieces) - 1
    if pieces < FEWEST or helpers < 1 or getattr(TEAM.state, "busy", False):
        work(0, pieces, *args)
        return
    turns = min(pieces, EAGER * (helpers + 1))
    taken = count()

    def some() -> None:
        TEAM.state.busy = True
        try:
            while (turn := next(taken)) < turns:
                work(turn * pieces // turns, (turn + 1) * pieces // turns, *args)
        finally:
            TEAM.state.busy = False

    begun = [TEAM.submit(some) for _ in range(helpers)]
    try:
        some()
    finally:
        failed = [each.exception() for each in begun if not each.cancel()]
    for error in failed:
        if error is not None:
            raise error
