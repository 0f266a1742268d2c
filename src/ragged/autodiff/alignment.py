"""Tangents and cotangents brought into line with the values they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged._namespace import kind_of
from ragged.array import Array
from ragged.autodiff.trees import Skeleton, Slot, Static, contents, owner, recognised
from ragged.errors import DTypeError, StructureError
from ragged.nodes import Flat, Lists, Node, Option, Regular, Unknown, compress, rows_of, take
from ragged.nodes import Record as RecordNode
from ragged.operands import map_flats, move
from ragged.rows import Groups
from ragged.sizes import differ

if TYPE_CHECKING:
    from ragged.backend import Backend
    from ragged.rows import Rows

__all__ = ["align"]


def align(b: Backend, skeleton: Skeleton, tree: Any, word: str) -> tuple[Backend, list[Any]]:
    """The dense values of a (co)tangent, one for each differentiable slot, and the backend they are on.

    Raises:
        StructureError: the tree, or the rows of an array in it, do not line up; the message names the first row.
    """
    try:
        leaves = [recognised(leaf) for leaf in skeleton.treedef.flatten_up_to(tree)]
    except ValueError as error:
        raise StructureError(f"the {word} has another structure than its value: {error}") from None
    values: dict[int, Any] = {}
    on = deeper(b, leaves)
    for skeleton_leaf, leaf in zip(skeleton.leaves, leaves, strict=True):
        if isinstance(skeleton_leaf, Static):
            continue
        if isinstance(skeleton_leaf, Slot):
            if skeleton_leaf.smooth:
                values[skeleton_leaf.index] = dense(on, skeleton_leaf, leaf, word)
            continue
        node, source = as_node(leaf, word)
        Aligner(on, word).walk(skeleton_leaf[1], move(on, node, source), values, "")
    return on, [values[i] for i in range(len(values))]


def deeper(b: Backend, leaves: list[Any]) -> Backend:
    """`b`, or the deepest tape over it that a leaf is on."""
    found = [tape for leaf in leaves if (tape := owner(leaf)) is not None and tape.base.name == b.base.name]
    return max([b, *found], key=lambda each: each.level)


def as_node(leaf: Any, word: str) -> tuple[Node, Any]:
    """An array, or what an array can be made of, as a node and its backend."""
    from ragged.operands import operand

    array = getattr(leaf, "_array", leaf)  # a Record is one entry of an array
    node, source, _ = operand(array)
    if not isinstance(node, Node):
        raise StructureError(f"the {word} of an array has to be an array that lines up with it, not {leaf!r}")
    return node, source


def dense(b: Backend, slot: Slot, leaf: Any, word: str) -> Any:
    """A dense (co)tangent in its value's dtype."""
    if isinstance(leaf, Array):
        if not isinstance(leaf.layout, Flat):
            raise StructureError(f"the {word} of a dense value of shape {slot.shape} has to be dense, not ragged")
        leaf = leaf.layout.data
    return typed(b, slot, leaf if b.owns(leaf) else b.asarray(leaf), word, "")


def typed(b: Backend, slot: Slot, x: Any, word: str, where: str) -> Any:
    """`x` cast to the slot's dtype, its shape checked."""
    shape, wanted = tuple(b.shape(x)), tuple(slot.shape)
    what = f"the {word}{where} has not the shape of its value"
    if shape != wanted and (len(shape) != len(wanted) or any(map(differ, shape, wanted, [what] * len(shape)))):
        raise StructureError(f"the {word}{where} has shape {shape}, its value has shape {wanted}")
    dtype = b.dtype(x)
    if dtype.kind == "c" and slot.dtype.kind != "c":
        raise DTypeError(f"the {word}{where} is complex, but its value is real ({slot.dtype}); take its real part")
    if kind_of(dtype) not in "biufc":
        raise DTypeError(f"the {word}{where} has dtype {dtype}, which is no number")
    return b.astype(x, slot.dtype)


class Aligner:
    """Walks a value's skeleton and the layout of its (co)tangent together."""

    def __init__(self, b: Backend, word: str) -> None:
        self.b = b
        self.word = word

    def walk(self, node: Any, given: Node, values: dict[int, Any], where: str) -> None:
        """Fill `values` with the dense values of `given`, for each differentiable slot of `node`."""
        if not any_smooth(node):
            return
        if isinstance(given, Option) and not (isinstance(node, Flat) and node.data.ndim == 1):
            node = node if isinstance(node, Option) else Option(given.valid, node)  # what is missing counts as zero
        match node:
            case Option():
                self.walk_option(node, given, values, where)
            case Flat(slot) if isinstance(given, Flat):
                values[slot.index] = typed(self.b, slot, given.data, self.word, where)
            case Flat(slot) if slot.ndim == 1:
                values[slot.index] = typed(self.b, slot, self.leaf(slot, given, where), self.word, where)
            case RecordNode():
                self.walk_record(node, given, values, where)
            case Lists() | Regular() | Flat():
                self.walk_lists(node, given, values, where)
            case _:
                raise StructureError(f"the {self.word}{where} cannot be brought into line with a {type(node).__name__}")

    def leaf(self, slot: Slot, given: Node, where: str) -> Any:
        """The numbers of a one-dimensional (co)tangent that is not simply dense: empty, or with missing ones."""
        if isinstance(given, Unknown) or (given.length == 0 and not isinstance(given, RecordNode)):
            return self.b.full((given.length,), 0, slot.dtype)
        if isinstance(given, Option) and isinstance(given.content, Unknown):
            return self.leaf(slot, given.content, where)
        if isinstance(given, Option) and isinstance(given.content, Flat) and given.content.data.ndim == 1:
            return self.b.where(given.valid, given.content.data, 0)
        raise self.mismatch("a number", given, where)

    def mismatch(self, wanted: str, given: Node, where: str) -> StructureError:
        """The error of two different kinds of node."""
        return StructureError(
            f"the {self.word}{where} does not line up with its value: "
            f"it has {type(given).__name__} where the value has {wanted}"
        )

    def walk_record(self, node: RecordNode, given: Node, values: dict[int, Any], where: str) -> None:
        """Field by field, by name."""
        if not isinstance(given, RecordNode):
            raise self.mismatch(f"a record of {list(node.names)}", given, where)
        for name, content in zip(node.names, node.contents, strict=True):
            if any_smooth(content):
                self.walk(content, given.content(name), values, f"{where} at field {name!r}")

    def walk_lists(self, node: Any, given: Node, values: dict[int, Any], where: str) -> None:
        """The rows have to be equal; then their elements."""
        rows, content = opened(self.b, node)
        if isinstance(given, Unknown) or (isinstance(given, Flat) and given.data.ndim == 1 and given.length == 0):
            if differ(node.length, given.length, f"the {self.word}{where} has not the length of its value"):
                raise self.lengths(node.length, given.length, where)
            given = Lists(type(rows).regular(rows.ops, given.length, 0), Unknown(0))
        if not (isinstance(given, Lists | Regular) or (isinstance(given, Flat) and given.data.ndim > 1)):
            raise self.mismatch("lists", given, where)
        given_rows, given_content = rows_of(self.b, given)
        what = f"the {self.word}{where} does not line up with its value"
        if not rows.same(given_rows) and not (
            rows.ops is given_rows.ops and rows.ops.agree(rows.offsets, given_rows.offsets, what)
        ):
            raise self.first_row(rows, given_rows, where)
        if isinstance(node, Flat):
            inner: dict[int, Any] = {}
            slot = node.data
            flat = Slot(slot.index, True, content.data.shape, slot.dtype)
            self.walk(Flat(flat, content.length), given_content, inner, where)
            values[slot.index] = self.b.reshape(inner[slot.index], slot.shape)
            return
        self.walk(content, given_content, values, where)

    def lengths(self, wanted: Any, got: Any, where: str) -> StructureError:
        """The error of two numbers of rows."""
        return StructureError(f"the {self.word}{where} has {got} entries, its value has {wanted}")

    def first_row(self, rows: Rows, given: Rows, where: str) -> StructureError:
        """The error of rows that do not line up."""
        if rows.nrows != given.nrows:
            return self.lengths(rows.nrows, given.nrows, where)
        ops = rows.ops
        row = int(ops.flatnonzero(rows.lengths != given.lengths)[0])
        return StructureError(
            f"the {self.word}{where} does not line up with its value: row {row} has {int(given.lengths[row])} "
            f"elements, the value's has {int(rows.lengths[row])}; give it the value's own structure"
        )

    def walk_option(self, node: Option, given: Node, values: dict[int, Any], where: str) -> None:
        """Only what is there has to line up; what stands behind a missing value gets zero."""
        if differ(node.length, given.length, f"the {self.word}{where} has not the length of its value"):
            raise self.lengths(node.length, given.length, where)
        b, ops = self.b, self.b.home(node.valid)
        if isinstance(given, Unknown):
            given = Option(ops.full((given.length,), False, "bool"), given)
        if isinstance(given, Option):
            if not ops.true(ops.xp.all(given.valid | ~node.valid)):  # missing where the value is there: zero
                node = Option(node.valid & given.valid, node.content)
            given = given.content
        present = ops.flatnonzero(node.valid)
        places = map_flats(node.content, lambda flat: Flat(ops.arange(flat.length), flat.length, flat.parameters))
        kept = compress(ops, places, node.valid)
        slots, indices = contents(node.content), contents(kept)
        by_slot = iter(zip(slots, indices, strict=True))

        def shrunk(flat: Flat) -> Flat:
            slot, index = next(by_slot)
            n = ops.size(index)
            return Flat(Slot(slot.index, slot.smooth, (n, *slot.shape[1:]), slot.dtype), n, flat.parameters)

        inner: dict[int, Any] = {}
        if isinstance(given, Unknown):
            inner = {slot.index: b.full((0, *slot.shape[1:]), 0, slot.dtype) for slot in slots if slot.smooth}
        else:
            self.walk(map_flats(kept, shrunk), take(b, given, present), inner, where)
        for slot, index in zip(slots, indices, strict=True):
            if slot.smooth:
                values[slot.index] = b.segment_sum(inner[slot.index], Groups(index, slot.shape[0]))


def opened(b: Backend, node: Any) -> tuple[Rows, Any]:
    """The rows and the content of a skeleton's list node."""
    if isinstance(node, Lists):
        return node.rows, node.content
    from ragged.rows import Rows

    if isinstance(node, Regular):
        return Rows.regular(b.home(), node.length, node.size), node.content
    slot = node.data
    length, size, *rest = slot.shape
    inner = Slot(slot.index, slot.smooth, (length * size, *rest), slot.dtype)
    return Rows.regular(b.home(), length, size), Flat(inner, length * size)


def any_smooth(node: Any) -> bool:
    """Whether a skeleton has a differentiable slot."""
    return any(slot.smooth for slot in contents(node))
