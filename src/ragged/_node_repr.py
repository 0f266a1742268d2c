"""How a layout prints: one line a node, indented by depth."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Described"]


class Described:
    """Mixin of the nodes: a readable `repr`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(lines(self))


def values(x: Any) -> str:
    """A few values of a 1-d NumPy array; of any other its kind and shape."""
    if isinstance(x, np.ndarray) and x.ndim == 1:
        return np.array2string(x, threshold=6, edgeitems=3, precision=4, max_line_width=1000)
    return f"<{type(x).__name__} of shape {tuple(x.shape)}>"


def summary(node: Any) -> str:
    """The node's own line."""
    from ragged.nodes import Flat, Lists, Option, Record, Regular

    parts = [f"length={node.length}"]
    match node:
        case Flat(data):
            parts += [f"dtype={data.dtype}", f"data={values(data)}"]
        case Lists(rows):
            parts.append(f"offsets={values(rows.offsets)}")
        case Regular(_, size):
            parts.append(f"size={size}")
        case Record(fields):
            parts.append("tuple" if fields is None else f"fields={list(fields)}")
        case Option(valid):
            parts.append(f"valid={values(valid)}")
    if node.parameters:
        parts.append(f"parameters={dict(node.parameters)}")
    return f"{type(node).__name__}({', '.join(parts)})"


def lines(node: Any) -> list[str]:
    """The node's line and those of the nodes below it."""
    from ragged.nodes import Record
    from ragged.traverse import contents_of

    labels = [f"{name}: " for name in node.names] if isinstance(node, Record) else None
    below = []
    for i, content in enumerate(contents_of(node)):
        first, *rest = lines(content)
        label = "" if labels is None else labels[i]
        below += [f"    {label}{first}", *(f"    {line}" for line in rest)]
    return [summary(node), *below]
