"""A recorded program that is differentiated from outside: one step of the tape, computed in loops both ways.

What the adjoint needs of the program is recorded and computed again within its loops, so that nothing is kept for it.
Only of a single number, as a loss is, the gradient is computed along with it, for it is what will be asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ragged.array import Array
from ragged.autodiff.pullback import deepest
from ragged.autodiff.tape import Tape
from ragged.autodiff.transforms import Program as Dense
from ragged.nodes import Flat
from ragged.operands import map_flats
from ragged_numba import _waiting
from ragged_numba._lazy import Lazy, Unrecordable
from ragged_numba._recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend
    from ragged.compilation._program import Program

__all__ = ["computed", "differentiated"]

Step: TypeAlias = "Callable[[Backend, Sequence[Any]], tuple[list[Any], list[Any]]]"
"""`step(b, values)` runs a program of dense values on `b`, or on the deepest tape over it that a value is on: its
outputs, and the rest of what it gives."""


def differentiated(tape: Backend, program: Program, leaves: Sequence[Any]) -> list[Any]:
    """The results of a program of values on a tape."""
    numbers = [leaf if type(leaf) in (float, complex) else None for leaf in leaves]

    def run(f: Any, values: Sequence[Any]) -> Any:
        rest = iter(values)
        return f([next(rest) if number is None else number for number in numbers])

    dense = Dense(program, tape, [leaf for leaf, n in zip(leaves, numbers, strict=True) if n is None], run, False)

    def step(b: Backend, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        dense.under = b
        return dense(*values)

    try:
        outputs, others = evaluated(tape, step, dense.values)
    except Unrecordable:  # it closes over a value on a tape
        return program(leaves)
    results: list[Any] = dense.results(outputs, others)[0]
    return results


def evaluated(b: Backend, step: Step, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Outputs and other results of a step, recorded beneath all tapes."""
    if not isinstance(b, Tape):
        return recorded(b, step, values)
    inner = [b.value(x) for x in values]
    places = [i for i, x in enumerate(values) if b.holds([x])]
    if not places:
        return evaluated(b.inner, step, inner)
    later = adjoint(step, len(inner), places)
    kept: list[list[Any]] = []
    if isinstance(b.inner, Tape):
        outputs, others = evaluated(b.inner, step, inner)
    else:
        outputs, others = recorded(b.inner, ahead(step, places), inner)
        if is_number(b, outputs):
            kept.append(others[-len(places) :])
            others = others[: -len(places)]

    def pull(cotangents: Sequence[Any]) -> list[Any]:
        on = deepest(b.inner, [*inner, *cotangents])
        if kept and on is b.inner:
            found = kept.pop()  # handed out once: it is the caller's to write to
            return found if cotangents[0] == 1 else [on.apply("multiply", x, cotangents[0]) for x in found]
        return evaluated(on, later, [*inner, *cotangents])[0]

    return b.ruled([values[i] for i in places], outputs, pull), others


def recorded(b: Backend, step: Step, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The same where there is no tape."""
    recorder = Recorder(b)
    try:
        outputs, others = step(recorder, values)
        found = computed(recorder, [*outputs, *others])
    except Unrecordable:
        raise
    except _waiting.REASONS:
        return step(b, values)
    finally:
        recorder.end()
    return found[: len(outputs)], found[len(outputs) :]


def is_number(b: Backend, outputs: Sequence[Any]) -> bool:
    """Whether a single real number comes out."""
    return len(outputs) == 1 and outputs[0].shape == () and b.dtype(outputs[0]).kind == "f"


def of_some(b: Backend, step: Step, values: Sequence[Any], places: Sequence[int]) -> Callable[..., Any]:
    """The step as a function of the values at `places`, for `Backend.vjp`, to be pulled back at once."""

    def f(*chosen: Any) -> tuple[list[Any], list[Any]]:
        given = list(values)
        for i, x in zip(places, chosen, strict=True):
            given[i] = x
        return step(b, given)

    f.__dict__["at_once"] = True
    return f


def ahead(step: Step, places: Sequence[int]) -> Step:
    """The step with, if a number comes out, its gradient by the values at `places` behind the rest."""

    def both(b: Backend, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        outputs, others, pullback = b.vjp(of_some(b, step, values, places), [values[i] for i in places])
        if is_number(b, outputs):
            return outputs, [*others, *pullback.once([b.full((), 1, b.dtype(outputs[0]))])]  # type: ignore[attr-defined]
        return outputs, others

    return both


def adjoint(step: Step, n: int, places: Sequence[int]) -> Step:
    """The step from `n` values and the cotangents of what a step makes of them to those of the values at `places`."""

    def pulled(b: Backend, given: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        b = deepest(b, given)
        pullback = b.vjp(of_some(b, step, given[:n], places), [given[i] for i in places])[2]
        return pullback.once(given[n:]), []  # type: ignore[attr-defined]

    return pulled


def computed(recorder: Recorder, results: Sequence[Any]) -> list[Any]:
    """Results with their values, on the backend beneath."""
    lazy: list[Lazy] = []

    def note(flat: Flat) -> Flat:
        if type(flat.data) is Lazy:
            lazy.append(flat.data)
        return flat

    def known(flat: Flat) -> Flat:
        return Flat(recorder.settled(flat.data), flat.length, flat.parameters)

    for x in results:
        if isinstance(x, Array):
            map_flats(x.layout, note)
        elif type(x) is Lazy:
            lazy.append(x)
    recorder.compute(lazy, "the results")
    return [
        Array._of(map_flats(x.layout, known), recorder.inner, x._attrs, x._behavior)
        if isinstance(x, Array) and x._backend is recorder
        else recorder.settled(x)
        for x in results
    ]
