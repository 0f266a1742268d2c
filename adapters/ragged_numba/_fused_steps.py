"""The steps of a loop, made ready for a thread: one call each for a block, with as little of Python as can be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

__all__ = ["Buffer", "Step", "doing", "loading"]


class Buffer(NamedTuple):
    """A numbered piece of a worker's memory, seen as values of a dtype and with trailing axes."""

    number: int
    dtype: np.dtype[Any]
    trailing: tuple[int, ...]


class Step(NamedTuple):
    """One value of each block: `run` of the registers `sources`, into a result or a buffer (neither: a total)."""

    run: Callable[..., Any]
    sources: tuple[int, ...]
    register: int
    bounds: list[int]
    place: Any
    offsets: Any = None
    rows: Any = None
    begins: Any = None


def loading(register: int, array: Any, bounds: Sequence[int], registers: list[Any]) -> Callable[[int], None]:
    """Puts a block of an array into a register."""

    def load(turn: int) -> None:
        registers[register] = array[bounds[turn] : bounds[turn + 1]]

    return load


def doing(step: Step, registers: list[Any], memory: Sequence[Any]) -> Callable[[int], None]:
    """Puts the value of a step in a block into its register."""
    if type(step.place) is list:
        return totalling(step, registers)
    own = opened(step.place, memory) if type(step.place) is Buffer else None
    return along_rows(step, registers, own) if step.rows is not None else mapping(step, registers, own)


def totalling(step: Step, registers: list[Any]) -> Callable[[int], None]:
    """A block's part of a total."""
    run, (source,), parts = step.run, step.sources, step.place

    def total(turn: int) -> None:
        parts[turn] = run(registers[source])

    return total


def mapping(step: Step, registers: list[Any], own: Any) -> Callable[[int], None]:
    """An entry for each entry, into memory of its own or the whole result."""
    run, sources, register, bounds, place = step.run, step.sources, step.register, step.bounds, step.place
    source, other = sources[0], sources[-1]

    def out_of(turn: int) -> Any:
        low, high = bounds[turn], bounds[turn + 1]
        return place[low:high] if own is None else own[: high - low]

    def one(turn: int) -> None:
        registers[register] = out = out_of(turn)
        run(registers[source], out=out)

    def two(turn: int) -> None:
        x, y = registers[source], registers[other]
        registers[register] = out = out_of(turn)
        run(x, y, out=out)

    def more(turn: int) -> None:
        registers[register] = out = out_of(turn)
        run(*[registers[each] for each in sources], out=out)

    return {1: one, 2: two}.get(len(sources), more)


def along_rows(step: Step, registers: list[Any], own: Any) -> Callable[[int], None]:
    """From elements to rows, or from rows to elements."""
    run, (source,), register, bounds, place, offsets, rows, begins = step

    def go(turn: int) -> None:
        low, high = bounds[turn], bounds[turn + 1]
        out = place[low:high] if own is None else own[: high - low]
        run(registers[source], offsets[rows[turn] : rows[turn + 1] + 1], begins[turn], out)
        registers[register] = out

    return go


def opened(place: Buffer, memory: Sequence[Any]) -> Any:
    """An array over a buffer's memory."""
    entry = math.prod(place.trailing) * place.dtype.itemsize
    raw = memory[place.number]
    n = raw.size // entry if entry else 0
    return raw[: n * entry].view(place.dtype).reshape((n, *place.trailing))
