"""Values that wait: what a recorder knows of them, and how one more is made of some that may line up."""

from __future__ import annotations

import math
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ragged.errors import RaggedError
from ragged_numba._domains import Domain, unite
from ragged_numba._fused_run import compute
from ragged_numba._lazy import Lazy, Unrecordable
from ragged_numba._ops import Late, Map, Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.rows import Rows

__all__ = ["LEAST", "REASONS", "Loop", "Waiting"]

LEAST = 1 << 18
"""Below this many elements intermediates stay in a cache by themselves."""


REASONS = (RaggedError, ValueError, TypeError, AttributeError, ArithmeticError, LookupError)
"""Errors after which a program is run again as it is: they are its own, or come of values that are not there yet."""


class Loop(NamedTuple):
    """What one loop did: for what, along how many entries of each kind, and which functions."""

    why: str
    sizes: tuple[int, ...]
    names: tuple[str, ...]


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an array; none of a number."""
    return x.shape if isinstance(x, Lazy | np.ndarray) else ()


class Waiting:
    """The values of one recorder; `loops` tells what has been computed so far."""

    def __init__(self) -> None:
        self.next_number = count().__next__
        self.lined_up: dict[int, tuple[Domain, Domain, Rows]] = {}
        self.loops: list[Loop] = []
        self.is_over = False

    # ------------------------------------------------------------------ known or not

    def compute(self, targets: Sequence[Lazy], why: str) -> None:
        """Give the targets their values."""
        for nodes in compute(targets):
            sizes = sorted({node.shape[0] for node in nodes if node.domain is not None})
            self.loops.append(Loop(why, tuple(sizes), tuple(node.op.name for node in nodes)))

    def settled(self, x: Any) -> Any:
        """`x`, or its value where that is there already (or is another recorder's).

        Raises:
            Unrecordable: it is being differentiated around this recorder.
        """
        if type(x) is Lazy:
            if x.recorder is not self or self.is_over:
                return x.known()
            return x if x.value is None else x.value
        if hasattr(type(x), "_ragged_tape"):
            raise Unrecordable("a value that is being differentiated around the program takes part")
        return x

    def plain(self, x: Any, why: str) -> Any:
        """The value of what waits, computed now; other values as they are."""
        return self.values([x], why)[0]

    def values(self, xs: Sequence[Any], why: str) -> list[Any]:
        """The values of all of them, computed together."""
        xs = [self.settled(x) for x in xs]
        waiting = [x for x in xs if type(x) is Lazy]
        if waiting:
            self.compute(waiting, why)
        return [self.settled(x) for x in xs]

    def waits(self, *xs: Any) -> bool:
        """Whether a function of these is recorded: one of them has no value yet, or is large."""
        given = [self.settled(x) for x in xs]
        return not self.is_over and any(type(x) is Lazy or (type(x) is np.ndarray and x.size >= LEAST) for x in given)

    # ------------------------------------------------------------------ lined up

    def along(
        self,
        op: Map,
        dtype: np.dtype[Any],
        args: tuple[Any, ...],
        shape: Any = None,
        alone: Callable[..., Any] | None = None,
    ) -> Any:
        """A function of entries that broadcast, in a loop over those of its result; late, if that is small."""
        shape = np.broadcast_shapes(*map(shape_of, args)) if shape is None else shape
        args = tuple(self.settled(x) for x in args)
        domains = [x.domain for x in args if type(x) is Lazy and x.domain is not None]
        if not domains and (not shape or math.prod(shape) < LEAST):
            return Lazy(self, Late(op.name, partial(made, op.run, shape, dtype)), args, dtype, shape)
        domain: Domain | None = None
        placed: list[Any] = []
        for x in args:
            own = shape_of(x)
            fits = bool(own) and len(own) == len(shape) and own[0] == shape[0]
            if type(x) is Lazy and x.domain is not None:
                domain = x.domain if fits and domain is None else domain
                if not fits or not unite(domain, x.domain):  # type: ignore[arg-type]
                    x = self.plain(x, f"{op.name}, which needs it along other rows")
            placed.append(Whole(x) if isinstance(x, np.ndarray) and not fits else x)
        return Lazy(self, op, tuple(placed), dtype, shape, domain or Domain(shape[0]), None, alone)

    def pair(self, rows: Rows) -> tuple[Domain, Domain]:
        """The domains of the rows and of their elements; those of a single row are not bound to stay together."""
        if id(rows) not in self.lined_up:
            above = Domain(rows.nrows)
            below = Domain(rows.total) if rows.nrows == 1 else Domain(rows.total, above, rows)
            self.lined_up[id(rows)] = above, below, rows
        return self.lined_up[id(rows)][:2]

    def brought(self, x: Any, domain: Domain, why: str) -> Any:
        """`x` in a loop along the domain: as it is, or its value where it runs along another."""
        x = self.settled(x)
        return x if type(x) is not Lazy or unite(domain, x.domain) else self.plain(x, why)  # type: ignore[arg-type]


def made(run: Callable[..., Any], shape: tuple[int, ...], dtype: np.dtype[Any], *values: Any) -> Any:
    """The function of small values; a number where there are no axes."""
    out = np.empty(shape, dtype)
    run(*values, out=out)
    return out[()]
