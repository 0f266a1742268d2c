"""Arrays put one after another: the types that can be one type, and the content joined once per leaf."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.errors import UnsupportedError
from ragged.nodes import (
    Flat,
    Lists,
    Node,
    Option,
    Record,
    Regular,
    Union,
    Unknown,
    blank,
    is_text,
    no_unions,
    option,
    regular,
    rows_of,
    to_regular_node,
)
from ragged.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.backend import Backend
    from ragged.nodes import Parameters

__all__ = ["common_parameters", "joined_rows", "merge"]

TYPE_KEYS = ("__array__", "__list__", "__record__", "__categorical__")


def merge(b: Backend, nodes: Sequence[Node], mergebool: bool = True, name: str = "concatenate") -> Node:
    """The entries of all nodes, one node after another, in the type that holds them all.

    Numbers promote as NumPy's do (booleans only with `mergebool`), regular lists of different sizes become ragged, and
    one option makes all optional. Lists that shared their rows share the new ones.

    Raises:
        UnsupportedError: types that only a union could hold together.
    """
    merged: Node = _merge(b, nodes, mergebool, name, {})
    return merged


def _merge(b: Backend, nodes: Sequence[Any], mergebool: bool, name: str, memo: dict[Any, Any]) -> Any:
    known = [node for node in nodes if type(node) is not Unknown or not _nothing(node)]
    if not known:
        return nodes[0]
    first = known[0]
    if len(known) == 1 and (len(nodes) == 1 or nodes[0] is not first or not _is_regular(first)):
        return first
    kinds = {type(node) for node in known}
    if Unknown in kinds:  # entries without a type, which stand behind missing values
        prototype = next((node for node in known if type(node) is not Unknown), None)
        if prototype is None:
            return Unknown(sum(node.length for node in known))
        filled = [blank(b, prototype, node.length) if type(node) is Unknown else node for node in known]
        if first is prototype and _is_regular(first):  # ragged by the rule for [] below
            filled[0] = Lists(*rows_of(b, first), first.parameters)
        return _merge(b, filled, mergebool, name, memo)
    if kinds == {Flat} and all(node.data.ndim == 1 for node in known):
        return _merge_flats(b, known, mergebool, name)
    if Union in kinds:
        raise no_unions(next(node for node in known if type(node) is Union), name)
    if Option in kinds:
        return _merge_options(b, known, mergebool, name, memo)
    if not all(_same_type(node.parameters, first.parameters) for node in known):
        raise _no_common_type(b, known, name)
    if kinds == {Record}:
        return _merge_records(b, known, mergebool, name, memo)
    if all(isinstance(node, Lists | Regular) or (type(node) is Flat and node.data.ndim > 1) for node in known):
        # as in Awkward, the empty list [] makes regular lists ragged that it joins, but not if it comes first
        keep_regular = len(nodes) == len(known) or nodes[0] is not first
        return _merge_lists(b, known, mergebool, name, memo, keep_regular)
    raise _no_common_type(b, known, name)


def _nothing(node: Unknown) -> bool:
    return isinstance(node.length, int) and node.length == 0


def _is_regular(node: Any) -> bool:
    return type(node) is Regular or (type(node) is Flat and node.data.ndim > 1)


def _merge_flats(b: Backend, nodes: Sequence[Flat], mergebool: bool, name: str) -> Flat:
    dtypes = [b.dtype(node.data) for node in nodes]
    first = dtypes[0]
    data = [node.data for node in nodes]
    if any(dtype != first for dtype in dtypes):
        kinds = {dtype.kind for dtype in dtypes}
        if kinds & set("mM") or ("b" in kinds and len(kinds) > 1 and not mergebool):
            raise _no_common_type(b, nodes, name)
        common = np.result_type(*dtypes)
        data = [b.astype(x, common) for x in data]
    if not all(_same_type(node.parameters, nodes[0].parameters) for node in nodes):
        raise _no_common_type(b, nodes, name)
    return Flat(b.concat(data), sum(node.length for node in nodes), common_parameters(nodes))


def _merge_options(b: Backend, nodes: Sequence[Any], mergebool: bool, name: str, memo: dict[Any, Any]) -> Node:
    ops = b.home(*[node.valid for node in nodes if type(node) is Option])
    valid = ops.concat(
        [node.valid if type(node) is Option else ops.full((node.length,), True, "bool") for node in nodes]
    )
    contents = [node.content if type(node) is Option else node for node in nodes]
    parameters = common_parameters([node for node in nodes if type(node) is Option])
    return option(b, valid, _merge(b, contents, mergebool, name, memo), parameters)


def _merge_records(b: Backend, nodes: Sequence[Record], mergebool: bool, name: str, memo: dict[Any, Any]) -> Record:
    first = nodes[0]
    for node in nodes:
        if (node.fields is None) != (first.fields is None) or sorted(node.names) != sorted(first.names):
            raise _no_common_type(b, nodes, name)
    contents = tuple(_merge(b, [node.content(field) for node in nodes], mergebool, name, memo) for field in first.names)
    return Record(first.fields, contents, sum(node.length for node in nodes), common_parameters(nodes))


def _merge_lists(
    b: Backend, nodes: Sequence[Any], mergebool: bool, name: str, memo: dict[Any, Any], keep_regular: bool
) -> Node:
    parameters = common_parameters(nodes)
    length = sum(node.length for node in nodes)
    if keep_regular and all(map(_is_regular, nodes)):
        opened = [to_regular_node(b, node) if type(node) is Flat else node for node in nodes]
        size = opened[0].size
        if all(node.size == size for node in opened):
            content = _merge(b, [node.content for node in opened], mergebool, name, memo)
            return regular(b, content, size, length, parameters)
    parts = [rows_of(b, node) for node in nodes]
    key = tuple(id(rows) for rows, _ in parts)
    if key not in memo:
        rows = [part for part, _ in parts]
        memo[key] = (joined_rows(b, rows), rows)  # the old ones too: an id is theirs only while they live
    content = _merge(b, [content for _, content in parts], mergebool, name, memo)
    return Lists(memo[key][0], content, parameters)


def joined_rows(b: Backend, parts: Sequence[Rows]) -> Rows:
    """All rows of the partitions, one partition after another."""
    ops = b.home(*[rows.offsets for rows in parts])
    offsets, total = [parts[0].offsets], parts[0].total
    for rows in parts[1:]:
        offsets.append(rows.offsets[1:] + total)
        total = total + rows.total
    return Rows(ops, ops.concat(offsets), sum(rows.nrows for rows in parts), total)


def common_parameters(nodes: Sequence[Any]) -> Parameters:
    """The parameters that all nodes have in common, None where there is none."""
    if any(node.parameters is None for node in nodes):
        return None

    def both(left: Parameters, right: Parameters) -> Parameters:
        assert left is not None and right is not None
        return {key: value for key, value in left.items() if key in right and right[key] == value}

    return reduce(both, [node.parameters for node in nodes]) or None


def _same_type(one: Parameters, other: Parameters) -> bool:
    if one is other:
        return True
    return all((one or {}).get(key) == (other or {}).get(key) for key in TYPE_KEYS)


def _no_common_type(b: Backend, nodes: Sequence[Any], name: str) -> UnsupportedError:
    kinds = dict.fromkeys(_kind(b, node) for node in nodes)
    return UnsupportedError(
        f"{name}: {' and '.join(kinds)} have no type in common but a union, which operations do not support yet; "
        "convert one of them first (for example with values_astype)"
    )


def _kind(b: Backend, node: Any) -> str:
    record = (node.parameters or {}).get("__record__")
    match node:
        case Flat(data) if data.ndim == 1:
            return str(b.dtype(data))
        case Record():
            return f"records {record or ''} of {list(node.names)}"
        case Option():
            return f"optional {_kind(b, node.content)}"
        case Lists() | Regular() if is_text(node):
            return str(node.parameters["__array__"])  # type: ignore[index]
        case _:
            return f"{(node.parameters or {}).get('__list__', '')} lists".strip()
