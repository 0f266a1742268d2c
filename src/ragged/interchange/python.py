"""Nested Python data to nodes and back, a level at a time: each level is one pass in C, not a walk over its values."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.errors import StructureError
from ragged.interchange._sharing import share_rows
from ragged.interchange._stacking import owned, stacked
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Unknown, is_text, take_missing
from ragged.rows import Rows

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["check_depth", "node_of", "values"]

NUMBERS: list[tuple[set[type], str]] = [
    ({float, np.float64}, "float64"),
    ({int}, "int64"),
    ({bool}, "bool"),
    ({int, float, np.float64}, "float64"),
    ({int, float, complex, np.float64}, "complex128"),
]
DEEP, DEEPEST = 12, 256
"""Levels at which to look whether a list contains itself, and at which to say so."""
TEXT = {str: "string", bytes: "bytestring"}


def check_depth(data: Any) -> None:
    """Refuse a list that contains itself, which no recursion survives.

    Raises:
        StructureError: more levels than any data has.
    """
    level, depth = [data], 0
    while level:
        if depth > DEEPEST:
            raise StructureError(f"the list is more than {DEEPEST} levels deep, or contains itself")
        inner = chain.from_iterable(each.values() if isinstance(each, dict) else each for each in level)
        level = list({id(each): each for each in inner if nests(each)}.values())
        depth += 1


def nests(x: Any) -> bool:
    """Whether Python objects are held inside."""
    return isinstance(x, list | tuple | dict) or (isinstance(x, np.ndarray) and x.dtype.kind == "O" and x.ndim > 0)


def node_of(b: Backend, data: list[Any], depth: int = 0) -> Node | None:
    """A list's values as a node; None for what only a general parser can tell (mixed types, dates, other objects).

    Raises:
        OverflowError: an integer beyond int64, or beyond uint64 where none is negative.
        StructureError: a list that contains itself.
    """
    if depth == DEEP:
        check_depth(data)
    kinds = set(map(type, data))
    if not kinds:
        return Unknown(0)
    if type(None) in kinds:
        return optional(b, data, kinds, depth)
    for allowed, dtype in NUMBERS:
        if kinds <= allowed:
            return Flat(numbers(data, dtype), len(data))
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is list:
        content = node_of(b, list(chain.from_iterable(data)), depth + 1)
        return None if content is None else Lists(rows_of_lists(b, data), content)
    if kind in TEXT:
        encoded = [value.encode("utf-8", "surrogateescape") for value in data] if kind is str else data
        joined = np.frombuffer(b"".join(encoded), np.uint8)
        return Lists(rows_of_lists(b, encoded), Flat(joined, joined.shape[0]), {"__array__": TEXT[kind]})
    return records(b, data, depth + 1) if kind in (dict, tuple) else stacked(data)


def numbers(data: list[Any], dtype: str) -> np.ndarray[Any, Any]:
    """Numbers as a NumPy array; whole ones beyond int64 as uint64."""
    try:
        return np.array(data, dtype)
    except OverflowError:
        return np.array(data, "uint64")  # raises where one is negative or still too large


def rows_of_lists(b: Backend, data: list[Any]) -> Rows:
    """The partition of lists into a list of their own."""
    return Rows.from_lengths(b, np.fromiter(map(len, data), np.int64, len(data)))


def optional(b: Backend, data: list[Any], kinds: set[type], depth: int) -> Node | None:
    """Values some of which are None."""
    valid = np.fromiter((value is not None for value in data), np.bool_, len(data))
    if len(kinds) == 1:
        return Option(valid, Unknown(len(data)))
    content = node_of(b, [value for value in data if value is not None], depth)
    if content is None:
        return None
    content, owner = owned(content)
    ops = owner.home()
    return take_missing(owner, content, ops.asarray(np.cumsum(valid) - 1), ops.asarray(valid))


def records(b: Backend, data: list[Any], depth: int) -> Node | None:
    """Dicts of the same keys, or tuples of the same length."""
    first = data[0]
    names = tuple(first) if isinstance(first, dict) else None
    if names is not None:
        if not all(isinstance(name, str) for name in names) or any(record.keys() != first.keys() for record in data):
            return None
        columns: Any = [[record[name] for record in data] for name in names]
    else:
        if set(map(len, data)) != {len(first)}:
            return None
        columns = map(list, zip(*data, strict=True))
    contents = [node_of(b, column, depth) for column in columns]
    if any(content is None for content in contents):
        return None
    return share_rows(Record(names, tuple(contents), len(data)), {})  # type: ignore[arg-type]


def values(node: Node) -> Any:
    """The values of a node on NumPy as Python objects: a list; a text where the node is its characters."""
    match node:
        case Flat(data, _, {"__array__": "byte" | "char" as kind}) if data.ndim == 1:
            code = data.tobytes()  # what a slice within texts leaves
            return code if kind == "byte" else code.decode("utf-8", "surrogateescape")
        case Flat(data):
            result: list[Any] = data.tolist()
            return result
        case Lists() | Regular() if is_text(node):
            return texts(node)
        case Lists(rows, content):
            inner = values(content)
            return [inner[low:high] for low, high in pairwise(rows.offsets.tolist())]
        case Regular(content, size, length):
            inner = values(content)
            return [inner[size * i : size * (i + 1)] for i in range(length)]
        case Record(None, contents, length):
            return list(zip(*map(values, contents), strict=True)) if contents else [()] * length
        case Record(_, contents, length):
            if not contents:
                return [{} for _ in range(length)]
            return [dict(zip(node.names, row, strict=True)) for row in zip(*map(values, contents), strict=True)]
        case Option(valid, content):
            present = zip(valid.tolist(), values(content), strict=True)
            return [value if here else None for here, value in present]
        case Unknown(length):
            return [None] * length
    raise TypeError(f"{type(node).__name__} has no values")


def texts(node: Any) -> list[Any]:
    """Strings, or bytes."""
    data = np.asarray(node.content.data).tobytes()
    if isinstance(node, Lists):
        bounds = pairwise(node.rows.offsets.tolist())
    else:
        bounds = pairwise(range(0, node.size * (node.length + 1), node.size) if node.size else [0] * (node.length + 1))
    if node.parameters["__array__"] == "bytestring":
        return [data[low:high] for low, high in bounds]
    return [data[low:high].decode("utf-8", "surrogateescape") for low, high in bounds]
