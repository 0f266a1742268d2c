"""A user's function of trees as a function of a flat list of leaves: what a backend compiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragged.array import Array, Record
from ragged.autodiff.trees import tree_flatten
from ragged.registry import backend_of_dense

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Leaf", "Options", "Plan", "Program", "Template", "is_dynamic"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller of `ragged.jit` asked for, for the backend."""

    capacity: int | None = None
    donate: tuple[int, ...] = ()
    check: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """One compilation: the function's name, the options, and what the leaves of the arguments are.

    `capacities` has an entry for each leaf: for an Array the capacity of its rows, then of the elements of each ragged
    axis, in the order of `sizes_of`; () for others. It is () as a whole where the backend has no `static_sizes`.
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


@dataclass(frozen=True, slots=True)
class Constant:
    """A leaf that is part of the program."""

    value: Any


def is_dynamic(leaf: Any) -> bool:
    """Whether a leaf is data (an array, a dense value, a float), not part of the program (an int, a flag, text)."""
    if isinstance(leaf, Array | Record | float | complex):
        return True
    owner = backend_of_dense(leaf)
    return owner is not None and owner.dtype(leaf).kind in "biufcmM"


class Template:
    """A tree without its data: what stays of arguments or results."""

    __slots__ = ("places", "treedef")

    def __init__(self, treedef: Any, places: Sequence[Leaf | Constant]) -> None:
        self.treedef = treedef
        self.places = tuple(places)

    @classmethod
    def of(cls, tree: Any) -> tuple[Template, list[Any]]:
        """The template of a tree, and its data."""
        leaves, treedef = tree_flatten(tree)
        places: list[Leaf | Constant] = []
        data: list[Any] = []
        for leaf in leaves:
            if not is_dynamic(leaf):
                places.append(Constant(leaf))
                continue
            is_record = isinstance(leaf, Record)
            places.append(Leaf(len(data), is_record))
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
            return place.value
        value = data[place.index]
        return Record(value) if place.is_record else value


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
        args, kwargs = self.arguments.fill(leaves)
        self.results, found = Template.of(self.f(*args, **kwargs))
        self.runs += 1
        return found

    def finish(self, found: Sequence[Any]) -> Any:
        """The results as the function gives them."""
        assert self.results is not None, "a compiled function was called before its program was"
        return self.results.fill(found)
