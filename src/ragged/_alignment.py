"""How operands line up: a plan made from structure alone, before any content is touched."""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from ragged._lining_up import check_shapes, contents, inside, open_axes, reconciled, refuse, something
from ragged._merging import merge
from ragged._steps import (
    NODES,
    Late,
    Leaf,
    ListStep,
    OptionStep,
    RecordStep,
    RegularStep,
    Step,
    is_list,
    parameters_at,
    peel,
    pure_depth,
    repeated,
)
from ragged.errors import DTypeError, StructureError
from ragged.nodes import (
    Flat,
    Lists,
    Option,
    Record,
    Regular,
    Union,
    Unknown,
    blank,
    is_text,
    no_unions,
    take,
)
from ragged.rows import Rows, never_empty
from ragged.sizes import differ, is_known

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend

__all__ = ["Planner"]


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
        arrays: list[Any] = [x for x in nodes if isinstance(x, NODES)]
        if self.dense_leaves and self.right and all(type(x) is Flat for x in arrays):
            check_shapes(self.name, [self.b.shape(x.data) for x in arrays])
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
            if type(x) is Flat:
                x = Flat(self.b.reshape(x.data, (1, *self.b.shape(x.data))), 1)
            else:
                x = Regular(x, x.length, 1)
        return x

    def common_length(self, nodes: Sequence[Any]) -> tuple[Sequence[Any], Any]:
        """The operands stretched to one length, and that length."""
        lengths = [x.length for x in nodes if isinstance(x, NODES)]
        n = lengths[0]
        if all(length is n for length in lengths):
            return nodes, n
        several = [length for length in lengths if length != 1]
        n = next(filter(is_known, several), several[0] if several else 1)
        if any(differ(length, n, f"{self.name}: arrays of different lengths do not line up") for length in several):
            raise StructureError(
                f"{self.name}: arrays of lengths {' and '.join(map(str, dict.fromkeys(lengths)))} do not line up; "
                "they need one length, or length 1"
            )
        stretch = Rows.regular(self.b.home(), 1, n)
        return [Late(x, stretch) if isinstance(x, NODES) and x.length == 1 and n != 1 else x for x in nodes], n

    def walk(self, nodes: Sequence[Any], n: Any, depth: int, valid: Any) -> Step:
        """The plan for operands of one length."""
        peeled = [peel(x) for x in nodes]
        arrays: list[Any] = [x for x in peeled if isinstance(x, NODES)]
        kinds = {type(x) for x in arrays}
        has_lists = any(map(is_list, arrays))
        if kinds == {Flat} and self.dense_leaves and (self.right or not has_lists):
            return self.dense_leaf(nodes, arrays, valid)
        if self.right and has_lists:
            nodes, peeled = self.right_aligned(nodes, peeled, n)
            arrays = [x for x in peeled if isinstance(x, NODES)]
        if self.stop is not None and self.stop(peeled, depth):
            return Leaf(tuple(nodes), valid)
        if Unknown in kinds:
            nodes = [self.known(x, n) for x in nodes]
            return self.walk(nodes, n, depth, valid)
        if Union in kinds:
            raise no_unions(next(x for x in arrays if type(x) is Union), self.name)
        if any(type(x) is Option for x in arrays):
            if self.push is None or type(peeled[self.push]) is Option:
                return self.option_step(nodes, peeled, n, depth, valid)
            if is_list(peeled[self.push]):
                ruler = contents(self.b, open_axes(self.b, nodes[self.push]), self.taken)[0]
                nodes = [self.pushed(x, ruler, valid) for x in nodes]
                peeled = [peel(x) for x in nodes]
                arrays = [x for x in peeled if isinstance(x, NODES)]
        if any(map(is_list, arrays)):
            if any(type(x) is Lists and not is_text(x) for x in arrays):
                return self.list_step(nodes, peeled, n, depth, valid)
            return self.regular_step(nodes, peeled, n, depth, valid)
        if any(type(x) is Record for x in arrays):
            return self.record_step(nodes, peeled, n, depth, valid)
        return Leaf(tuple(nodes), valid)

    def dense_leaf(self, nodes: Sequence[Any], arrays: Sequence[Any], valid: Any) -> Leaf:
        """Dense operands of one length: the framework's own broadcasting does the rest."""
        shapes = [self.b.shape(x.data)[1:] for x in arrays]
        if all(shape == shapes[0] for shape in shapes):
            return Leaf(tuple(nodes), valid)
        check_shapes(self.name, shapes)
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
                    x = x.of(Regular(x.node, 1, x.node.length)) if type(x) is Late else Regular(x, 1, n)
            aligned.append(x)
        return aligned, [peel(x) for x in aligned]

    def known(self, x: Any, n: Any) -> Any:
        """`x`, with the unknown type made float64, as Awkward does."""
        return Flat(self.b.full((n,), 0, "float64"), n) if type(peel(x)) is Unknown else x

    def option_step(self, nodes: Sequence[Any], peeled: list[Any], n: Any, depth: int, valid: Any) -> Step:
        """Missing where any operand is."""
        masks, below = [], []
        for i, (x, node) in enumerate(zip(nodes, peeled, strict=True)):
            if type(node) is not Option or self.push not in (None, i):
                below.append(x)
            elif type(x) is Late:
                masks.append(self.b.home(node.valid).take(node.valid, x.index))
                below.append(x.of(node.content))
            else:
                masks.append(node.valid)
                below.append(node.content)
        mask = reduce(and_, masks)
        inner = self.walk(below, n, depth, mask if valid is None else valid & mask)
        return OptionStep(mask, inner, tuple(parameters_at(x, True) for x in peeled))

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
        return RecordStep(first.fields, n, tuple(branches), tuple(parameters_at(x, type(x) is Record) for x in peeled))

    def regular_step(self, nodes: Sequence[Any], peeled: list[Any], n: Any, depth: int, valid: Any) -> Step:
        """All lists are of fixed sizes: equal ones, or 1, which stretches."""
        opened = [peel(open_axes(self.b, x)) for x in peeled]
        sizes = list(dict.fromkeys(x.size for x in opened if type(x) is Regular and not is_text(x)))
        several = [size for size in sizes if size != 1]
        size = next(filter(is_known, several), several[0] if several else 1)
        if any(differ(each, size, f"{self.name}: lists of different sizes do not line up") for each in several):
            refuse(self.name, f"lists of sizes {' and '.join(map(str, sorted(sizes)))}")
        rows = Rows.regular(self.b.home(), n, size)
        below = []
        for x, node in zip(nodes, opened, strict=True):
            if not is_list(node):
                if isinstance(node, NODES) and size != 1 and n != 0:
                    if something(self.b, valid):
                        what = f"lists of size {size} and {type(node).__name__}"
                        refuse(
                            self.name, f"{what}: a shallower array lines up with ragged lists, not with regular ones"
                        )
                    x = repeated(x, rows)
                below.append(x)
            elif node.size == 1 != size:
                below.append(repeated(x.of(node.content) if type(x) is Late else node.content, rows))
            else:
                below.append(contents(self.b, x.of(node), self.taken)[1] if type(x) is Late else node.content)
        inner = self.walk(below, n * size, depth + 1, inside(valid, rows))
        return RegularStep(size, n, inner, tuple(parameters_at(x, is_list(x)) for x in peeled))

    def list_step(self, nodes: Sequence[Any], peeled: list[Any], n: Any, depth: int, valid: Any) -> Step:
        """Some lists are ragged: the first of them leads, the others must have its lengths."""
        leads = [i for i, x in enumerate(peeled) if type(x) is Lists and not is_text(x)]
        lead = next((i for i in leads if type(nodes[i]) is not Late), leads[0])
        rows, content = contents(self.b, nodes[lead], self.taken)
        parts: dict[int, tuple[Rows, Any]] = {lead: (rows, content)}
        stretched: dict[int, Any] = {}
        for i, (x, node) in enumerate(zip(nodes, peeled, strict=True)):
            if i == lead or not is_list(node):
                continue
            inner = open_axes(self.b, x)
            opened = peel(inner)
            if type(opened) is Regular and opened.size == 1:
                stretched[i] = inner.of(opened.content) if type(inner) is Late else opened.content
            else:
                parts[i] = contents(self.b, inner, self.taken)
        if any(not other.same(rows) for other, _ in parts.values()):
            rows, parts = reconciled(self.name, rows, parts, valid)
        below = []
        for i, (x, node) in enumerate(zip(nodes, peeled, strict=True)):
            if i in parts:
                below.append(parts[i][1])
            elif i in stretched:
                below.append(repeated(stretched[i], rows))
            elif isinstance(node, NODES) and self.left:
                below.append(repeated(x, rows))
            else:
                if isinstance(node, NODES) and differ(x.length, rows.total, f"{self.name}: arrays of different depths"):
                    if something(self.b, valid):
                        refuse(self.name, "arrays of different depths, and left_broadcast is off")
                    x = repeated(x, rows)
                below.append(x)
        inner_plan = self.walk(below, rows.total, depth + 1, inside(valid, rows))
        return ListStep(rows, inner_plan, tuple(parameters_at(x, is_list(x)) for x in peeled))

    def pushed(self, x: Any, ruler: Rows, valid: Any) -> Any:
        """Missing lists as lists of missing elements, as many as the ruling operand has; other operands as they are."""
        node = peel(x)
        if type(node) is not Option or not is_list(node.content):
            return x
        ops = ruler.ops
        present = ops.take(node.valid, x.index) if type(x) is Late else node.valid
        content = open_axes(self.b, x.of(node.content) if type(x) is Late else node.content)
        if type(content) is Regular:
            rows = Rows.regular(ops, content.length, content.size)
            return Regular(Option(inside(present, rows), content.content), content.size, content.length)
        rows, elements = contents(self.b, content, self.taken)
        counted = present if valid is None else present & valid
        reconciled(self.name, ruler, {0: (ruler, None), 1: (rows, None)}, counted)
        there = inside(counted, ruler)
        if rows.total == 0:
            return Lists(ruler, Option(there, blank(self.b, peel(elements), ruler.total)))
        at = ops.where(there, ops.take(rows.starts, ruler.ids) + ruler.positions, 0)
        node = peel(elements)
        if not is_known(rows.total):  # it may turn out to be 0, and then there is no entry 0
            node = merge(self.b, [node, blank(self.b, node, 1)])
        if type(elements) is Late:
            at = ops.take(never_empty(ops, elements.index), at)
        return Lists(ruler, Option(there, take(self.b, node, at)))
