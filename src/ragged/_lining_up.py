"""Whether operands line up: the checks, and the errors that name the first row that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from ragged._steps import Late, is_list, peel
from ragged.errors import StructureError
from ragged.nodes import Flat, Lists, to_regular_node
from ragged.rows import Rows
from ragged.sizes import is_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.backend import Backend

__all__ = ["check_shapes", "contents", "inside", "open_axes", "reconciled", "refuse", "something"]


def refuse(name: str, what: str) -> NoReturn:
    """Raise for operands that do not line up."""
    raise StructureError(f"{name}: {what}; rows that do not line up cannot be broadcast")


def check_shapes(name: str, shapes: Sequence[tuple[Any, ...]]) -> None:
    """Raise unless dense shapes broadcast, aligned at the right."""
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return
    for axis in range(1, max(map(len, shapes)) + 1):
        column = [shape[-axis] for shape in shapes if len(shape) >= axis]
        sizes = {size for size in column if size != 1 and is_known(size)}
        if len(sizes) > 1:
            raise StructureError(
                f"{name}: shapes {' and '.join(map(str, shapes))} do not broadcast: at axis {-axis} they have "
                f"sizes {' and '.join(map(str, sorted(sizes)))}; regular axes line up from the right"
            )


def open_axes(b: Backend, x: Any) -> Any:
    """A dense operand's first trailing axis as a list node; other operands as they are."""
    node = peel(x)
    if type(node) is not Flat or not is_list(node):
        return x
    opened = to_regular_node(b, node)
    return x.of(opened) if type(x) is Late else opened


def inside(valid: Any, rows: Rows) -> Any:
    """For each element, whether its list counts."""
    return None if valid is None else rows.ops.take(valid, rows.ids)


def something(b: Backend, valid: Any) -> bool:
    """Whether any entry counts: where all are known to be missing, nothing disagrees."""
    return valid is None or not (ops := b.home(valid)).true(~ops.xp.any(valid))


def contents(b: Backend, x: Any, taken: dict[tuple[int, int], tuple[Any, ...]]) -> tuple[Rows, Any]:
    """The rows of a list operand, and its content (gathered later, if the lists are).

    `taken` remembers gathered rows, so that fields that share their rows share the new ones.
    """
    node = peel(x)
    if type(node) is Lists:
        rows, content = node.rows, node.content
    else:
        rows, content = Rows.regular(b.home(), node.length, node.size), node.content
    if type(x) is not Late:
        return rows, content
    index = x.index
    key = (id(rows), id(index))
    if key not in taken:
        new_rows, ranges = rows.take(index)
        taken[key] = new_rows, ranges.index, rows, index  # both kept alive, so that their ids stay theirs
    new_rows, at, *_ = taken[key]
    return new_rows, Late(content, None, at, new_rows.total)


def reconciled(
    name: str, rows: Rows, parts: dict[int, tuple[Rows, Any]], valid: Any
) -> tuple[Rows, dict[int, tuple[Rows, Any]]]:
    """Rows that differ only where a value is missing, made empty there; else an error that names the first row."""
    ops = rows.ops
    what = f"{name}: rows that do not line up cannot be broadcast"
    lengths = {i: part.lengths for i, (part, _) in parts.items()}
    if valid is not None:
        lengths = {i: ops.where(valid, each, 0) for i, each in lengths.items()}
    mine = next(iter(lengths.values()))
    for other in lengths.values():
        if not ops.agree(mine, other, what):
            row = ops.largest(ops.flatnonzero(mine != other)[:1])
            refuse(
                name,
                f"row {row} has {ops.largest(mine[row : row + 1])} elements in one array and "
                f"{ops.largest(other[row : row + 1])} in another",
            )
    if valid is None:  # equal after all, or checked when the program runs
        return rows, parts
    common = Rows.from_lengths(ops, mine, upper=rows.total)
    trimmed = {}
    for i, (part, content) in parts.items():
        at = part.select(mine - mine, mine)[1]
        late = type(content) is Late
        trimmed[i] = common, Late(peel(content), None, ops.take(content.index, at) if late else at, common.total)
    return common, trimmed
