"""One call of a compiled function: where it runs, what of its arguments is data, and the key of what serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.array import Array
from ragged.autodiff.trees import backend_among, owner, tree_flatten
from ragged.compilation._forms import Former, sizes_of
from ragged.compilation._program import Fixed, Template
from ragged.errors import DTypeError
from ragged.operands import move
from ragged.registry import backend_of_dense

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend

__all__ = ["Call", "path_name", "refuse_unhashable"]


class Call:
    """The arguments of one call, apart: `template` (the program's part) and `leaves` (data, on `b`)."""

    __slots__ = ("b", "capacities", "compiles", "forms", "leaves", "static", "template", "tree")

    def __init__(self, tree: Any, jit_compile: bool = False) -> None:
        self.tree = tree
        leaves, treedef = tree_flatten(tree)
        sources = list(map(owner, leaves))
        self.b: Backend = backend_among(sources)
        padded = self.b.base.compiles_padded if jit_compile else None
        self.compiles, self.static = padded or self.b.base.compiles, padded is not None or self.b.base.static_sizes
        self.forms: tuple[Any, ...] = ()
        self.capacities: tuple[tuple[int, ...], ...] = ()
        self.template: Any = None
        data: list[Any] = []
        if self.b.compiles is not None:
            self.template, data = Template.sorted(leaves, treedef, sources, self.b.traces_floats)
        self.leaves = [placed(self.b, leaf) for leaf in data]

    def key(self, capacity: Callable[[int], int]) -> tuple[Any, ...]:
        """What two calls have in common that one compiled program serves."""
        former, static = Former(self.b), self.static
        self.forms = tuple(form_of(former, leaf, static) for leaf in self.leaves)
        if static:
            self.capacities = tuple(
                sizes_of(leaf.layout, capacity) if isinstance(leaf, Array) else () for leaf in self.leaves
            )
        return self.b.base, self.template.treedef, self.template.constants(), self.forms, self.capacities

    def paths(self) -> list[tuple[Any, ...]]:
        """Where in the arguments each leaf is, constants included."""
        import optree

        from ragged.autodiff.trees import is_leaf

        return list(optree.tree_paths(self.tree, is_leaf=is_leaf))


def placed(b: Backend, leaf: Any) -> Any:
    """Data on `b`, or where its compiler takes it from."""
    kind = type(leaf)
    if kind is float or kind is complex or b.takes(leaf):
        return leaf
    if isinstance(leaf, Array):
        if leaf._backend is b:
            return leaf
        return Array._of(move(b, leaf.layout, leaf._backend), b, leaf._attrs, leaf._behavior)
    return leaf if backend_of_dense(leaf) is b else b.asarray(leaf)


def form_of(former: Former, leaf: Any, static: bool) -> tuple[Any, ...]:
    """The form of one leaf; of dense values the shape, of which the first axis may be of any length (None) unless
    sizes are static; a single entry, which stretches along others, is something else."""
    kind = type(leaf)
    if kind is Array or isinstance(leaf, Array):
        labels = repr(sorted(leaf._attrs.items(), key=str)) if leaf._attrs else None
        single = static and leaf.layout.length == 1
        return "Array", former.form(leaf.layout), labels, id(leaf._behavior) if leaf._behavior else None, single
    if kind is float or kind is complex:
        return (kind.__name__,)
    shape = tuple(former.b.shape(leaf))
    if not static and shape and shape[0] != 1:
        shape = None, *shape[1:]
    return "dense", former.dtype(leaf), shape


def path_name(path: Sequence[Any], names: Sequence[str]) -> str:
    """How a caller would write the place of a leaf: `batch['x'][0]`; `names` are those of the positional arguments."""
    where, first, *rest = path
    name = str(first) if where else (names[first] if first < len(names) else f"argument {first}")
    return name + "".join(f"[{each!r}]" for each in rest)


def refuse_unhashable(call: Call, names: Sequence[str]) -> None:
    """Raise the error of a call whose constants cannot be hashed."""
    for i, kind, value in call.template.constants():
        try:
            hash(value)
        except TypeError:
            name = path_name(call.paths()[i], names)
            given = type(value.value) if kind is Fixed else kind
            raise DTypeError(
                f"{name} is a {given.__name__}, which has no hash: what is no array and no float is part of the "
                "compiled program, which is found again by its value; pass something hashable (a tuple for a list, a "
                "frozen dataclass), or an array"
            ) from None
