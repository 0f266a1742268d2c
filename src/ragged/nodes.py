"""The immutable nodes of a layout. Structure (rows, masks) and content (numbers) never mix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ragged._node_repr import Described
from ragged.errors import AxisError, FieldError, UnsupportedError
from ragged.rows import Ranges, Rows
from ragged.sizes import is_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragged.backend import Backend

__all__ = [
    "Flat",
    "Lists",
    "Node",
    "Option",
    "Record",
    "Regular",
    "Union",
    "Unknown",
    "blank",
    "compress",
    "filled_like",
    "is_text",
    "option",
    "regular",
    "rows_of",
    "slice_node",
    "take",
    "take_missing",
    "to_regular_node",
    "with_parameters",
]

Parameters: TypeAlias = "Mapping[str, Any] | None"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Flat(Described):
    """One dense backend array; axis 0 is the length, trailing axes are regular dimensions."""

    data: Any
    length: Any
    parameters: Parameters = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Lists(Described):
    """One ragged axis: `rows` over `content`, whose length is `rows.total`."""

    rows: Rows
    content: Node
    parameters: Parameters = None

    @property
    def length(self) -> Any:
        """Number of lists."""
        return self.rows.nrows


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Regular(Described):
    """Lists of one fixed size, of something that is not `Flat`; build it with `regular`."""

    content: Node
    size: Any
    length: Any
    parameters: Parameters = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Record(Described):
    """Fields by name, or a tuple (`fields` is None); every content has the record's length."""

    fields: tuple[str, ...] | None
    contents: tuple[Node, ...]
    length: Any
    parameters: Parameters = None

    @property
    def names(self) -> tuple[str, ...]:
        """The field names; "0", "1", … for a tuple."""
        return tuple(map(str, range(len(self.contents)))) if self.fields is None else self.fields

    def content(self, name: str) -> Node:
        """One field's node."""
        try:
            return self.contents[self.names.index(name)]
        except ValueError:
            raise FieldError(f"no field {name!r}; the record has {list(self.names)}") from None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Option(Described):
    """Missing values: `content` (same length) counts where the boolean structure `valid` is true."""

    valid: Any
    content: Node
    parameters: Parameters = None

    @property
    def length(self) -> Any:
        """Number of values, the missing ones included."""
        return self.content.length


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Union(Described):
    """Mixed types: entry `i` is `contents[tags[i]][index[i]]`. Conversions keep it; operations refuse it for now."""

    tags: Any
    index: Any
    contents: tuple[Node, ...]
    length: Any
    parameters: Parameters = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Unknown(Described):
    """No values and no type: what `[]` holds. Only a missing value (under an `Option`) may give it a length."""

    length: Any = 0
    parameters: Parameters = None


Node: TypeAlias = Flat | Lists | Regular | Record | Option | Union | Unknown


def no_unions(node: Union, what: str = "this operation") -> UnsupportedError:
    """The error of an operation that meets mixed types."""
    kinds = ", ".join(type(content).__name__ for content in node.contents)
    return UnsupportedError(f"{what} has no meaning for a union yet (of {kinds}); take its parts by type first")


def is_text(node: Any) -> bool:
    """Whether the node is a list of characters or bytes that counts as one value."""
    parameters = node.parameters
    return (
        parameters is not None
        and parameters.get("__array__") in ("string", "bytestring")
        and isinstance(node, Lists | Regular)
    )


def with_parameters(node: Any, parameters: Parameters) -> Any:
    """The same node under other parameters."""
    return node if node.parameters == parameters else replace(node, parameters=parameters)


def option(b: Backend, valid: Any, content: Node, parameters: Parameters = None) -> Option:
    """Missing where `valid` is false; an option of an option is one option."""
    if isinstance(content, Option):
        return Option(valid & content.valid, content.content, parameters or content.parameters)
    return Option(valid, content, parameters)


def regular(b: Backend, content: Node, size: Any, length: Any, parameters: Parameters = None) -> Node:
    """Lists of one size: a trailing axis where the content is dense, else a `Regular` node."""
    if isinstance(content, Flat) and parameters is None and content.parameters is None:
        return Flat(b.reshape(content.data, (length, size, *b.shape(content.data)[1:])), length)
    return Regular(content, size, length, parameters)


def to_regular_node(b: Backend, node: Flat) -> Regular:
    """A dense node's first trailing axis as a `Regular` node over the flattened rest."""
    if len(node.data.shape) < 2:
        raise AxisError("there is no such axis: a value is no list")
    size, *rest = b.shape(node.data)[1:]
    return Regular(Flat(b.reshape(node.data, (node.length * size, *rest)), node.length * size), size, node.length)


def rows_of(b: Backend, node: Lists | Regular | Flat) -> tuple[Rows, Node]:
    """The row partition and the content of any list node (a dense node's first trailing axis included)."""
    if isinstance(node, Lists):
        return node.rows, node.content
    if isinstance(node, Flat):
        node = to_regular_node(b, node)
    return Rows.regular(b.home(), node.length, node.size), node.content


def take(b: Backend, node: Node, index: Any, memo: dict[int, Any] | None = None, valid: Any = None) -> Node:
    """The entries at `index` (int64 structure in range, or `Ranges`), in that order: the one gather of every operation.

    Lists that share a `Rows` share the new one too. Where `valid` is given and false, lists come out empty: a long list
    must not be copied for each missing value.
    """
    if type(index) is Ranges:
        if type(node) is Flat:
            return Flat(b.take_ranges(node.data, index), index.rows.total, node.parameters)
        if type(node) is not Record:
            index = index.index
    match node:
        case Flat(data, _, parameters):
            return Flat(b.take(data, index), b.home(index).size(index), parameters)
        case Lists(rows, content, parameters):
            memo = {} if memo is None else memo
            if id(rows) not in memo:
                memo[id(rows)] = (*rows.take(index, valid), {})
            new_rows, inner, deeper = memo[id(rows)]
            return Lists(new_rows, take(b, content, inner, deeper), parameters)
        case Regular(content, size, _, parameters):
            ops = b.home(index)
            n = ops.size(index)
            inner = ops.reshape(index[:, None] * size + ops.arange(size)[None, :], (n * size,))
            if valid is not None:
                valid = ops.reshape(ops.broadcast_to(valid[:, None], (n, size)), (n * size,))
            return Regular(take(b, content, inner, None, valid), size, n, parameters)
        case Record(fields, contents, _, parameters):
            memo = {} if memo is None else memo
            n = index.rows.total if type(index) is Ranges else b.home(index).size(index)
            return Record(fields, tuple(take(b, c, index, memo, valid) for c in contents), n, parameters)
        case Option(present, content, parameters):
            return Option(b.home(present, index).take(present, index), take(b, content, index, memo, valid), parameters)
        case Union(tags, inner, contents, _, parameters):
            ops = b.home(tags, index)
            return Union(ops.take(tags, index), ops.take(inner, index), contents, ops.size(index), parameters)
        case Unknown(_, parameters):
            return Unknown(b.home(index).size(index), parameters)
    raise TypeError(f"not a node: {type(node).__name__}")


def slice_node(b: Backend, node: Node, start: Any, stop: Any) -> Node:
    """Entries `start:stop` (clipped), as views of the same buffers where the framework has views."""
    match node:
        case Flat(data, _, parameters):
            return Flat(b.slice(data, start, stop), stop - start, parameters)
        case Lists(rows, content, parameters):
            new_rows, low, high = rows.slice(start, stop)
            return Lists(new_rows, slice_node(b, content, low, high), parameters)
        case Regular(content, size, _, parameters):
            return Regular(slice_node(b, content, start * size, stop * size), size, stop - start, parameters)
        case Record(fields, contents, _, parameters):
            return Record(fields, tuple(slice_node(b, c, start, stop) for c in contents), stop - start, parameters)
        case Option(valid, content, parameters):
            return Option(b.home(valid).slice(valid, start, stop), slice_node(b, content, start, stop), parameters)
        case Union(tags, index, contents, _, parameters):
            ops = b.home(tags, index)
            tags, index = ops.slice(tags, start, stop), ops.slice(index, start, stop)
            return Union(tags, index, contents, stop - start, parameters)
        case Unknown(_, parameters):
            return Unknown(stop - start, parameters)
    raise TypeError(f"not a node: {type(node).__name__}")


def compress(b: Backend, node: Node, mask: Any) -> Node:
    """The entries where the boolean structure is true."""
    return take(b, node, b.home(mask).flatnonzero(mask))


def take_missing(b: Backend, node: Node, index: Any, valid: Any) -> Option:
    """The entries at `index` where `valid`, missing elsewhere (where `index` may be anything)."""
    ops = b.home(index, valid)
    n = ops.size(index)
    if isinstance(node, Unknown) or (isinstance(node.length, int) and node.length == 0):
        return option(b, ops.full((n,), False, "bool"), blank(b, node, n))
    if not is_known(node.length):  # it may turn out to be empty, and then 0 would be out of range
        from ragged._merging import merge

        node = merge(b, [node, blank(b, node, 1)])
    return option(b, valid, take(b, node, ops.where(valid, index, 0), None, valid))


def filled_like(b: Backend, x: Any, n: Any, value: Any) -> Any:
    """`n` entries of one value with the dtype and trailing axes of `x`: constants, which still stem from `x` for those
    frameworks that refuse to derive what does not (its derivative is 0)."""
    new = b.full((n, *b.shape(x)[1:]), value, b.dtype(x))
    return b.concat([b.slice(x, 0, 0), new]) if b.differentiating(x) else new


def blank(b: Backend, node: Node, n: Any) -> Node:
    """`n` entries of the node's type with nothing in them (zeros, empty lists): what stands behind a missing value."""
    ops = b.home()
    match node:
        case Flat(data, _, parameters):
            return Flat(filled_like(b, data, n, 0), n, parameters)
        case Lists(_, content, parameters):
            return Lists(Rows.regular(ops, n, 0), slice_node(b, content, 0, 0), parameters)
        case Regular(content, size, _, parameters):
            return Regular(blank(b, content, n * size), size, n, parameters)
        case Record(fields, contents, _, parameters):
            return Record(fields, tuple(blank(b, c, n) for c in contents), n, parameters)
        case Option(_, content, parameters):
            return Option(ops.full((n,), False, "bool"), blank(b, content, n), parameters)
        case Union():
            raise no_unions(node)
        case Unknown():
            return Unknown(n, node.parameters)
    raise TypeError(f"not a node: {type(node).__name__}")
