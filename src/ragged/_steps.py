"""The steps of a broadcasting plan, and the operands whose entries are gathered only when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ragged.nodes import Flat, Lists, Option, Record, Regular, Union, Unknown, is_text

if TYPE_CHECKING:
    from ragged.rows import Rows

__all__ = [
    "NODES",
    "Late",
    "Leaf",
    "ListStep",
    "OptionStep",
    "RecordStep",
    "RegularStep",
    "Step",
    "absent",
    "is_list",
    "parameters_at",
    "peel",
    "pure_depth",
    "repeated",
]

NODES = (Flat, Lists, Regular, Record, Option, Union, Unknown)
absent: Any = object()
"""In a list of parameters: this operand has no node here, so it has no say."""


@dataclass(frozen=True, slots=True, eq=False)
class Late:
    """A node whose entries are gathered when the plan runs: repeated along `rows`, or the `size` ones at `at`."""

    node: Any
    rows: Rows | None = None
    at: Any = None
    size: Any = None

    @property
    def index(self) -> Any:
        """For each entry its place in `node`."""
        return self.at if self.rows is None else self.rows.ids

    @property
    def length(self) -> Any:
        """Number of entries."""
        return self.rows.total if self.rows is not None else self.size

    def of(self, node: Any) -> Late:
        """The same gather of another node of the same length."""
        return Late(node, self.rows, self.at, self.size)


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """Operands that the action takes as they are; `ndim` is what dense ones are lifted to (0: leave them)."""

    inputs: tuple[Any, ...]
    valid: Any
    ndim: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class ListStep:
    """Lists of the given rows around what is below."""

    rows: Rows
    below: Step
    parameters: tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RegularStep:
    """Lists of one size around what is below."""

    size: Any
    length: Any
    below: Step
    parameters: tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class OptionStep:
    """Missing where `valid` is false."""

    valid: Any
    below: Step
    parameters: tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RecordStep:
    """One branch a field."""

    fields: tuple[str, ...] | None
    length: Any
    branches: tuple[Step, ...]
    parameters: tuple[Any, ...]


Step: TypeAlias = Leaf | ListStep | RegularStep | OptionStep | RecordStep


def peel(x: Any) -> Any:
    """The node itself, where its entries are still to be gathered."""
    return x.node if type(x) is Late else x


def repeated(x: Any, rows: Rows) -> Late:
    """Each entry once for every element of its row."""
    if type(x) is not Late:
        return Late(x, rows)
    if x.rows is not None:
        return Late(x.node, x.rows.flatten(rows))
    return Late(x.node, None, rows.ops.take(x.at, rows.ids), rows.total)


def is_list(node: Any) -> bool:
    """Whether entries of the node are lists (text is a value)."""
    kind = type(node)
    if kind is Flat:
        return len(node.data.shape) > 1
    return (kind is Lists or kind is Regular) and not is_text(node)


def pure_depth(node: Any) -> tuple[int, bool]:
    """Number of axes down to numbers, text or records, and whether all of them are regular."""
    match node:
        case Flat(data):
            return len(data.shape), True
        case Lists(_, content) | Regular(content):
            if is_text(node):
                return 1, type(node) is Regular
            depth, is_regular = pure_depth(content)
            return depth + 1, is_regular and type(node) is Regular
        case Option(_, content):
            return pure_depth(content)
        case _:
            return 1, True


def parameters_at(node: Any, counts: bool) -> Any:
    """The parameters of an operand's node where it takes part in a step, else `absent`."""
    return node.parameters if counts and isinstance(node, NODES) else absent
