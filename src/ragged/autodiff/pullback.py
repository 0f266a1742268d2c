"""The walk back: cotangents of what a program returned to cotangents of what it was given."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.autodiff.box import Box
from ragged.autodiff.derivatives import uses
from ragged.autodiff.reuse import combined, is_exclusive
from ragged.autodiff.rules import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.autodiff.tape import Tape
    from ragged.backend import Backend

__all__ = ["Pullback", "Step", "by_apply", "custom_pulls", "deepest", "pulling", "sum_with_row"]


class Step:
    """One recorded value: its place in the order of the program, and how its cotangent flows to what it was made of."""

    __slots__ = ("dtype", "edges", "serial", "shape")

    def __init__(
        self, serial: int, shape: Any, dtype: np.dtype[Any], edges: tuple[tuple[Step, Callable[..., Any]], ...]
    ) -> None:
        self.serial = serial
        self.edges = edges
        self.shape = shape
        self.dtype = dtype


class Pullback:
    """Cotangents of a program's outputs to cotangents of its inputs; `once` frees the steps as it walks them."""

    def __init__(self, inner: Backend, outputs: list[Any], leaves: list[Step]) -> None:
        self.inner = inner
        self.outputs = outputs
        self.leaves = leaves

    def __call__(self, cotangents: Sequence[Any]) -> list[Any]:
        """The inputs' cotangents, for one cotangent an output."""
        return self._walk(cotangents, free=False)

    def once(self, cotangents: Sequence[Any]) -> list[Any]:
        """The same for a pullback that is not called again."""
        return self._walk(cotangents, free=True)

    def _walk(self, cotangents: Sequence[Any], free: bool) -> list[Any]:
        b = deepest(self.inner, cotangents)
        steps: dict[int, Step] = {}
        totals: dict[int, list[Any]] = {}
        queue: list[int] = []

        def add(step: Step, given: list[Any]) -> None:
            given[0] = fit(b, given[0], step.shape, step.dtype)
            serial = step.serial
            if serial in totals:
                totals[serial] = [combined(b, "add", totals[serial], given)]
                return
            steps[serial], totals[serial] = step, given
            heapq.heappush(queue, -serial)

        with np.errstate(
            all="ignore"
        ):  # slopes at the edge of a domain are inf or NaN without a warning, as in frameworks
            for step, g in zip(self.outputs, cotangents, strict=True):
                if step is not None:
                    add(step, [g])
            inputs = {step.serial for step in self.leaves}
            while queue:
                serial = -heapq.heappop(queue)
                if serial in inputs:
                    continue
                step, (g,) = steps.pop(serial), totals.pop(serial)
                for source, pull in step.edges:
                    add(source, [pull(b, g)])
                if free:
                    step.edges = ()
        if free:
            self.outputs = []
        found = [totals.get(s.serial) or [b.full(s.shape, 0, s.dtype)] for s in self.leaves]
        return own([cell[0] for cell in found], cotangents)


def by_apply(rule: Callable[..., Any], tape: Any, *values: Any) -> Any:
    """A rule of arrays whose own operators do not promote: those of values on a tape go by `apply`."""

    def on_tape(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple(map(on_tape, x))
        return tape.leaf(x) if hasattr(x, "shape") and tape.owns(x) else x

    return tape.value(rule(tape, *map(on_tape, values)))


def pulling(
    rule: Callable[..., Any], ans: Any, values: tuple[Any, ...], run: Callable[..., Any] | None
) -> Callable[..., Any]:
    """The pull of an elementwise function's argument, which keeps only what its rule looks at.

    `run(rule, b, g, ans, *values)` runs the rule where that is not simply a call of it.
    """
    looks_at_ans, *looks_at = uses(rule)
    answer = ans if looks_at_ans else None
    kept = tuple([x if used else None for x, used in zip(values, looks_at, strict=True)])
    if run is not None:
        return lambda b, g: run(rule, b, g, answer, *kept)
    return lambda b, g: rule(b, g, answer, *kept)


def deepest(b: Backend, values: Sequence[Any]) -> Backend:
    """`b`, or the deepest tape that any of the values is on."""
    for x in values:
        if type(x) is Box and x.tape.level > b.level:
            b = x.tape
    return b


def own(results: list[Any], given: Sequence[Any]) -> list[Any]:
    """The results with NumPy views, read-only ones and repeated ones copied: they are the caller's to write to.

    No view is an array over `exclusive` memory, which is only given to one array at a time.
    """
    seen = {id(x) for x in given}
    for i, x in enumerate(results):
        if isinstance(x, np.ndarray) and (not is_exclusive(x) or not x.flags.writeable or id(x) in seen):
            results[i] = x = x.copy()
        seen.add(id(x))
    return results


def custom_pulls(outputs: Sequence[Any], n: int, backward: Callable[..., Any]) -> list[list[Callable[..., Any]]]:
    """For each output and each of `n` operands the pull of a rule that takes the cotangents of all outputs at once."""
    latest: list[Any] = [None, None, None]  # the walk asks for one operand after the other, with the same cotangent

    def pull(i: int, j: int) -> Callable[..., Any]:
        def one(b: Backend, g: Any) -> Any:
            if latest[0] is not g or latest[1] != i:
                cotangents = [b.full(x.shape, 0, b.dtype(x)) for x in outputs]
                cotangents[i] = g
                latest[:] = g, i, backward(cotangents)
            return latest[2][j]

        return one

    return [[pull(i, j) for j in range(n)] for i in range(len(outputs))]


def sum_with_row(tape: Tape, f: Any, x: Any, rows: Any, options: tuple[Any, ...], signs: tuple[int, int]) -> Any:
    """A fused sum of numbers and their rows' entries, each by its sign, recorded as one step."""
    entries, *others = options
    value = tape.inner.fused(f, tape.value(x), rows, tape.value(entries), *others)
    return tape.record(
        value,
        (x, lambda b, g: signed(b, g, signs[0])),
        (entries, lambda b, g: signed(b, b.segment_sum(g, rows), signs[1])),
    )


def signed(b: Backend, g: Any, sign: int) -> Any:
    """A cotangent, or its negative."""
    return g if sign > 0 else b.apply("negative", g)
