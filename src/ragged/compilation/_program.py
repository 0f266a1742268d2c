"""A user's function of trees as a function of a flat list of leaves: what a backend compiles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ragged.array import Array, Record
from ragged.autodiff.trees import owner, tree_flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend

__all__ = ["Fixed", "Leaf", "Options", "Plan", "Program", "Template"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller of `ragged.jit` asked for, for the backend."""

    capacity: int | None = None
    donate: tuple[int, ...] = ()
    check: bool = True
    jit_compile: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """One compilation: the function's name, the options, and what the leaves of the arguments are.

    `capacities` has an entry for each leaf: for an Array the capacity of its rows, then of the elements of each ragged
    axis, in the order of `sizes_of`; () for others. It is () as a whole where sizes are not static.
    `donated` are the numbers of the leaves that the caller gives away.
    """

    name: str
    options: Options
    capacities: tuple[tuple[int, ...], ...] = ()
    donated: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """The place of an array or number; `is_record`: it is a `Record`, which travels as an Array of one row."""

    index: int
    is_record: bool = False


leaf_at = cache(Leaf)  # few differ, and each call of a compiled function asks for all of its own


@dataclass(frozen=True, slots=True)
class Constant:
    """A leaf that is part of the program."""

    value: Any


class Fixed:
    """A static argument, with everything in it; equal to another by its value's own equality and type."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fixed) and type(self.value) is type(other.value) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return repr(self.value)


def is_data(leaf: Any, source: Backend | None, floats: bool) -> bool:
    """Whether a leaf (which lives on `source`) is an array, a dense value or (if they are data) a float, and not part
    of the program."""
    kind = type(leaf)
    if kind is Array or kind is Record:
        return True
    if kind is float or kind is complex:
        return floats
    return source is not None and (isinstance(leaf, Array | Record) or source.dtype(leaf).kind in "biufcmM")


class Template:
    """A tree without its data: what stays of arguments or results."""

    __slots__ = ("places", "treedef")

    def __init__(self, treedef: Any, places: Sequence[Leaf | Constant]) -> None:
        self.treedef = treedef
        self.places = tuple(places)

    @classmethod
    def of(cls, tree: Any, floats: bool = False) -> tuple[Template, list[Any]]:
        """The template of a tree, and its data."""
        leaves, treedef = tree_flatten(tree)
        return cls.sorted(leaves, treedef, list(map(owner, leaves)), floats)

    @classmethod
    def sorted(
        cls, leaves: Sequence[Any], treedef: Any, sources: Sequence[Backend | None], floats: bool
    ) -> tuple[Template, list[Any]]:
        """The same, given the leaves and where they live."""
        places: list[Leaf | Constant] = []
        data: list[Any] = []
        for leaf, source in zip(leaves, sources, strict=True):
            if not is_data(leaf, source, floats):
                places.append(Constant(leaf))
                continue
            is_record = isinstance(leaf, Record)
            places.append(leaf_at(len(data), is_record))
            data.append(leaf._array if is_record else leaf)
        return cls(treedef, places), data

    def constants(self) -> tuple[Any, ...]:
        """The leaves that are part of the program, each with its type (1, 1.0 and True are three)."""
        return tuple((i, type(p.value), p.value) for i, p in enumerate(self.places) if isinstance(p, Constant))

    def fill(self, data: Sequence[Any]) -> Any:
        """The tree with data in its places."""
        return self.treedef.unflatten([self.leaf(place, data) for place in self.places])

    @staticmethod
    def leaf(place: Leaf | Constant, data: Sequence[Any]) -> Any:
        """What stands in one place."""
        if isinstance(place, Constant):
            return place.value.value if type(place.value) is Fixed else place.value
        value = data[place.index]
        return record_of(value) if place.is_record else value


def record_of(array: Array) -> Record:
    """The one record of an array, whose length nobody asks for while a compiler is at work."""
    record = object.__new__(Record)
    record._array = array
    return record


class Program:
    """`f` as a function of a list of leaves that gives a list of leaves: arrays, dense values, floats; no trees.

    A backend calls it while it compiles (with its tracers in the leaves), never afterwards. What remains of the results
    is kept from the latest call, `runs` counts the calls.
    """

    __slots__ = ("arguments", "f", "results", "runs")

    def __init__(self, f: Callable[..., Any], arguments: Template) -> None:
        self.f = f
        self.arguments = arguments
        self.results: Template | None = None
        self.runs = 0

    def __call__(self, leaves: Sequence[Any]) -> list[Any]:
        self.results, found = Template.of(self.eagerly(leaves))
        self.runs += 1
        return found

    def eagerly(self, leaves: Sequence[Any]) -> Any:
        """What the function gives for these leaves as it is, its results in their tree."""
        args, kwargs = self.arguments.fill(leaves)
        return self.f(*args, **kwargs)

    def finish(self, found: Sequence[Any]) -> Any:
        """The results as the function gives them."""
        assert self.results is not None, "a compiled function was called before its program was"
        return self.results.fill(found)
