"""How operands line up: a plan made from structure alone, before any content is touched."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from ragged.errors import DTypeError, StructureError
from ragged.nodes import Flat, Lists, Option, Record, Regular, Union, Unknown, is_text, no_unions, to_regular_node
from ragged.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend
    from ragged.nodes import Node

__all__ = ["Late", "Leaf", "ListStep", "OptionStep", "Planner", "RecordStep", "RegularStep", "Step", "absent"]

absent: Any = object()
"""In a list of parameters: this operand has no node here, so it has no say."""


@dataclass(frozen=True, slots=True, eq=False)
class Late:
    """A node whose entries are gathered when the plan runs: repeated along `rows`, or at `at`."""

    node: Any
    rows: Rows | None = None
    at: Any = None

    @property
    def index(self) -> Any:
        """For each entry its place in `node`."""
        return self.at if self.rows is None else self.rows.ids

    @property
    def length(self) -> Any:
        """Number of entries."""
        return self.rows.total if self.rows is not None else self.at.shape[0]

    def of(self, node: Any) -> Late:
        """The same gather of another node of the same length."""
        return Late(node, self.rows, self.at)


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
    return Late(x.node, None, rows.ops.take(x.at, rows.ids))


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


def parameters_at(x: Any, kinds: tuple[type, ...]) -> Any:
    """The parameters of an operand that is one of the kinds, else `absent`."""
    node = peel(x)
    return node.parameters if isinstance(node, kinds) else absent


class Planner:
    """Makes the plan of one broadcast; see `ragged.broadcasting.broadcast` for the options."""

    def __init__(
        self,
        b: Backend,
        name: str,
        stop: Callable[[Sequence[Any], int], bool] | None,
        *,
        left: bool,
        right: bool,
        records: bool,
        dense_leaves: bool,
        push: int | None,
    ) -> None:
        self.b, self.name, self.stop = b, name, stop
        self.left, self.right, self.records, self.dense_leaves, self.push = left, right, records, dense_leaves, push
        self.taken: dict[tuple[int, int], tuple[Any, ...]] = {}

    def plan(self, nodes: Sequence[Any]) -> Step:
        """The plan for operands of any depth: their outermost axes are made to agree first."""
        arrays = [x for x in nodes if isinstance(x, NODES)]
        if self.dense_leaves and self.right and all(type(x) is Flat for x in arrays):
            self.check_shapes([x.data.shape for x in arrays])
            return Leaf(tuple(nodes), None)
        if self.right:
            kinds = [pure_depth(x) for x in arrays]
            deepest = max(depth for depth, _ in kinds)
            if all(is_regular for _, is_regular in kinds) and any(depth != deepest for depth, _ in kinds):
                nodes = [self.lifted(x, deepest) if isinstance(x, NODES) else x for x in nodes]
        return self.walk(*self.common_length(nodes), 1, None)

    def lifted(self, x: Any, depth: int) -> Any:
        """`x` with outer axes of length 1 up to the given depth."""
        for _ in range(pure_depth(x)[0], depth):
            x = Flat(self.b.reshape(x.data, (1, *x.data.shape)), 1) if type(x) is Flat else Regular(x, x.length, 1)
        return x

    def common_length(self, nodes: Sequence[Any]) -> tuple[Sequence[Any], Any]:
        """The operands stretched to one length, and that length."""
        lengths = [x.length for x in nodes if isinstance(x, NODES)]
        n = lengths[0]
        if all(length is n for length in lengths):
            return nodes, n
        n = next((length for length in lengths if length != 1), 1)
        if any(length not in (n, 1) for length in lengths):
            raise StructureError(
                f"{self.name}: arrays of lengths {' and '.join(map(str, dict.fromkeys(lengths)))} do not line up; "
                "they need one length, or length 1"
            )
        stretch = Rows.regular(self.b.home(), 1, n)
        return [Late(x, stretch) if isinstance(x, NODES) and x.length == 1 and n != 1 else x for x in nodes], n

    def check_shapes(self, shapes: Sequence[tuple[Any, ...]]) -> None:
        """Raise unless dense shapes broadcast, aligned at the right."""
        first = shapes[0]
        if all(shape == first for shape in shapes):
            return
        for axis in range(1, max(map(len, shapes)) + 1):
            sizes = {shape[-axis] for shape in shapes if len(shape) >= axis and shape[-axis] != 1}
            if len(sizes) > 1:
                raise StructureError(
                    f"{self.name}: shapes {' and '.join(map(str, shapes))} do not broadcast: at axis {-axis} they have "
                    f"sizes {' and '.join(map(str, sorted(sizes)))}; regular axes line up from the right"
                )

    def walk(self, nodes: Sequence[Any], n: Any, depth: int, valid: Any) -> Step:
        """The plan for operands of one length."""
        if self.stop is not None and self.stop([peel(x) for x in nodes], depth):
            return Leaf(tuple(nodes), valid)
        peeled = [peel(x) for x in nodes]
        arrays = [x for x in peeled if isinstance(x, NODES)]
        kinds = {type(x) for x in arrays}
        if kinds == {Flat} and self.dense_leaves:
            return self.dense_leaf(nodes, arrays, valid)
        if self.right and any(map(is_list, arrays)):
            nodes, peeled = self.right_aligned(nodes, peeled, n)
            arrays = [x for x in peeled if isinstance(x, NODES)]
        if Unknown in kinds:
            nodes = [self.known(x, n) for x in nodes]
            return self.walk(nodes, n, depth, valid)
        if Union in kinds:
            raise no_unions(next(x for x in arrays if type(x) is Union), self.name)
        if any(type(x) is Option for x in arrays):
            return self.option_step(nodes, peeled, n, depth, valid)
        if any(map(is_list, arrays)):
            if any(type(x) is Lists and not is_text(x) for x in arrays):
                return self.list_step(nodes, peeled, n, depth, valid)
            return self.regular_step(nodes, peeled, n, depth, valid)
        if any(type(x) is Record for x in arrays):
            return self.record_step(nodes, peeled, n, depth, valid)
        return Leaf(tuple(nodes), valid)

    def dense_leaf(self, nodes: Sequence[Any], arrays: Sequence[Any], valid: Any) -> Leaf:
        """Dense operands of one length: the framework's own broadcasting does the rest."""
        shapes = [x.data.shape[1:] for x in arrays]
        if all(shape == shapes[0] for shape in shapes):
            return Leaf(tuple(nodes), valid)
        if not self.right and any(len(shape) != len(shapes[0]) for shape in shapes):
            raise StructureError(f"{self.name}: arrays of different depths, and right_broadcast is off")
        self.check_shapes(shapes)
        return Leaf(tuple(nodes), valid, 1 + max(map(len, shapes)))

    def right_aligned(self, nodes: Sequence[Any], peeled: list[Any], n: Any) -> tuple[Sequence[Any], list[Any]]:
        """The operands with axes of length 1 inserted, if all axes below are regular (NumPy's rule)."""
        kinds = [pure_depth(x) if isinstance(x, NODES) else None for x in peeled]
        if not all(kind is None or kind[1] for kind in kinds):
            return nodes, peeled
        deepest = max(kind[0] for kind in kinds if kind is not None)
        aligned = []
        for x, kind in zip(nodes, kinds, strict=True):
            if kind is not None:
                for _ in range(kind[0], deepest):
                    x = Regular(x, 1, n)
            aligned.append(x)
        return aligned, [peel(x) for x in aligned]

    def known(self, x: Any, n: Any) -> Any:
        """`x`, with the unknown type made float64, as Awkward does."""
        return Flat(self.b.full((n,), 0, "float64"), n) if type(peel(x)) is Unknown else x

    def option_step(self, nodes: Sequence[Any], peeled: list[Any], n: Any, depth: int, valid: Any) -> Step:
        """Missing where any operand is."""
        masks, below = [], []
        for x, node in zip(nodes, peeled, strict=True):
            if type(node) is not Option:
                below.append(x)
            elif type(x) is Late:
                masks.append(self.b.home(node.valid).take(node.valid, x.index))
                below.append(x.of(node.content))
            else:
                masks.append(node.valid)
                below.append(node.content)
        mask = reduce(and_, masks)
        inner = self.walk(below, n, depth, mask if valid is None else valid & mask)
        return OptionStep(mask, inner, tuple(parameters_at(x, NODES) for x in nodes))

    def record_step(self, nodes: Sequence[Any], peeled: list[Any], n: Any, depth: int, valid: Any) -> Step:
        """Field by field; operands that are no records go into every field."""
        if not self.records:
            raise StructureError(f"{self.name} has no meaning for records; take their fields: x['name']")
        records = [x for x in peeled if type(x) is Record]
        first = records[0]
        for other in records[1:]:
            if (other.fields is None) != (first.fields is None):
                raise DTypeError(f"{self.name}: a tuple does not line up with a record of fields")
            if set(other.names) != set(first.names):
                raise StructureError(
                    f"{self.name}: records of fields {list(first.names)} and {list(other.names)} do not line up"
                )
        branches = []
        for name in first.names:
            fields = []
            for x, node in zip(nodes, peeled, strict=True):
                field = node.content(name) if type(node) is Record else x
                fields.append(x.of(field) if type(x) is Late and type(node) is Record else field)
            branches.append(self.walk(fields, n, depth, valid))
        return RecordStep(first.fields, n, tuple(branches), tuple(parameters_at(x, (Record,)) for x in nodes))

    def regular_step(self, nodes: Sequence[Any], peeled: list[Any], n: Any, depth: int, valid: Any) -> Step:
        """All lists are of fixed sizes: equal ones, or 1, which stretches."""
        opened = [to_regular_node(self.b, x) if type(x) is Flat and is_list(x) else x for x in peeled]
        sizes = {x.size for x in opened if type(x) is Regular and not is_text(x)}
        if len(sizes - {1}) > 1:
            self.refuse(f"lists of sizes {' and '.join(map(str, sorted(sizes)))}")
        size = next(iter(sizes - {1}), 1)
        rows = Rows.regular(self.b.home(), n, size)
        below = []
        for x, node in zip(nodes, opened, strict=True):
            if not is_list(node):
                if isinstance(node, NODES) and size != 1 and n != 0:
                    self.refuse(f"lists of size {size} and {type(node).__name__}: ragged axes line up from the left")
                below.append(x)
            elif node.size != size:
                below.append(repeated(x.of(node.content) if type(x) is Late else node.content, rows))
            else:
                below.append(self.contents(x.of(node), rows)[1] if type(x) is Late else node.content)
        inner = self.walk(below, n * size, depth + 1, self.inside(valid, rows))
        return RegularStep(
            size,
            n,
            inner,
            tuple(parameters_at(x, (Regular,)) if is_list(p) else absent for x, p in zip(nodes, peeled, strict=True)),
        )

    def inside(self, valid: Any, rows: Rows) -> Any:
        """For each element, whether its list counts."""
        return None if valid is None else rows.ops.take(valid, rows.ids)

    def contents(self, x: Any, regular_rows: Rows | None = None) -> tuple[Rows, Any]:
        """The rows of a list operand, and its content (gathered later, if the lists are)."""
        node = peel(x)
        if type(node) is Lists:
            rows, content = node.rows, node.content
        else:
            rows, content = Rows.regular(self.b.home(), node.length, node.size), node.content
        if type(x) is not Late:
            return rows, content
        index = x.index
        key = (id(rows), id(index))
        if type(node) is not Lists or key not in self.taken:
            taken = (*rows.take(index), rows, index)  # keeps both alive, so that their ids stay theirs
            if type(node) is not Lists:
                return taken[0], Late(content, None, taken[1])
            self.taken[key] = taken
        new_rows, at, *_ = self.taken[key]
        return new_rows, Late(content, None, at)

    def list_step(self, nodes: Sequence[Any], peeled: list[Any], n: Any, depth: int, valid: Any) -> Step:
        """Some lists are ragged: the first of them leads, the others must have its lengths."""
        leads = [i for i, x in enumerate(peeled) if type(x) is Lists and not is_text(x)]
        lead = next((i for i in leads if type(nodes[i]) is not Late), leads[0])
        rows, content = self.contents(nodes[lead])
        parts: dict[int, tuple[Rows, Any]] = {lead: (rows, content)}
        stretched: dict[int, Any] = {}
        for i, (x, node) in enumerate(zip(nodes, peeled, strict=True)):
            if i == lead or not is_list(node):
                continue
            opened = to_regular_node(self.b, node) if type(node) is Flat else node
            inner = x.of(opened) if type(x) is Late else opened
            if type(opened) is Regular and opened.size == 1:
                stretched[i] = inner.of(opened.content) if type(inner) is Late else opened.content
            else:
                parts[i] = self.contents(inner)
        if any(not other.same(rows) for other, _ in parts.values()):
            rows, parts = self.reconciled(rows, parts, valid)
        below = []
        for i, (x, node) in enumerate(zip(nodes, peeled, strict=True)):
            if i in parts:
                below.append(parts[i][1])
            elif i in stretched:
                below.append(repeated(stretched[i], rows))
            elif isinstance(node, NODES) and self.left:
                below.append(repeated(x, rows))
            else:
                if isinstance(node, NODES) and x.length != rows.total:
                    self.refuse("arrays of different depths, and left_broadcast is off")
                below.append(x)
        inner_plan = self.walk(below, rows.total, depth + 1, self.inside(valid, rows))
        return ListStep(
            rows,
            inner_plan,
            tuple(
                parameters_at(x, (Lists, Regular)) if is_list(p) else absent for x, p in zip(nodes, peeled, strict=True)
            ),
        )

    def reconciled(self, rows: Rows, parts: dict[int, tuple[Rows, Any]], valid: Any) -> tuple[Rows, Any]:
        """Rows that differ only where a value is missing, made empty there; else an error that names the first row."""
        ops = rows.ops
        lengths = {i: part.lengths for i, (part, _) in parts.items()}
        if valid is not None:
            lengths = {i: ops.where(valid, each, 0) for i, each in lengths.items()}
        mine = next(iter(lengths.values()))
        for other in lengths.values():
            if not ops.equal(mine, other):
                row = ops.largest(ops.flatnonzero(mine != other)[:1])
                self.refuse(
                    f"row {row} has {ops.largest(mine[row : row + 1])} elements in one array and "
                    f"{ops.largest(other[row : row + 1])} in another"
                )
        common = Rows.from_lengths(ops, mine)
        trimmed = {}
        for i, (part, content) in parts.items():
            at = part.select(mine - mine, mine)[1]
            late = type(content) is Late
            trimmed[i] = common, Late(peel(content), None, ops.take(content.index, at) if late else at)
        return common, trimmed

    def refuse(self, what: str) -> NoReturn:
        """Raise for operands that do not line up."""
        raise StructureError(f"{self.name}: {what}; rows that do not line up cannot be broadcast")


NODES = (Flat, Lists, Regular, Record, Option, Union, Unknown)
