"""What an array looks like: `repr`, `show`, and the page of a notebook."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ragged.array import Array
from ragged.errors import RaggedError
from ragged.nodes import Flat, Lists, Option, take
from ragged.traverse import contents_of, first_flat

if TYPE_CHECKING:
    from ragged.array import Record
    from ragged.backend import Backend
    from ragged.nodes import Node

__all__ = ["html", "record_representation", "representation", "show"]

WIDTH = 80
STDOUT = object()
"""Standard output as it is when something is printed, not when this module was loaded."""
SMALL = 1 << 16
"""Entries and numbers up to which an array is converted whole before it is printed."""


def excerpt(x: Array, entries: int) -> Any:
    """The array as an Awkward Array to print from; of a large one only its first and last entries, so that no more
    is moved or converted than can be seen. None where the values do not exist yet (a program is being traced)."""
    from ragged.interchange import to_awkward

    b, node = x._backend, x.layout
    if b.base is not b or not isinstance(node.length, int):
        return None
    flat = first_flat(node)
    if b.name != "numpy" and node.length > 2 * entries and flat is not None and flat.length > SMALL:
        ops = b.home()
        ends = ops.concat([ops.arange(entries), ops.arange(entries) + (node.length - entries)])
        node = take(b, node, ends)
    try:
        return to_awkward(Array._of(node, b))
    except (TypeError, RuntimeError, RaggedError):  # each framework's own refusal to give a tracer's values
        return None


def traced(b: Backend, node: Node) -> bool:
    """Whether any part of a layout is a tracer's."""
    match node:
        case Flat(data):
            return b.differentiating(data) or not b.known(data)
        case Lists(rows) if not (isinstance(rows.nrows, int) and rows.ops.known(rows.offsets)):
            return True
        case Option(valid) if not b.home(valid).known(valid):
            return True
    return not isinstance(node.length, int) or any(traced(b, content) for content in contents_of(node))


def clipped_type(typestr: str, values: str, name: str, width: int) -> str:
    """The type string, quoted, cut to what is left of the width."""
    quoted = repr(typestr)[1:-1]
    room = max(3, width - len(name) - len("type='...'") - len(values))
    return f"'{quoted[: room - 3]}...'" if len(quoted) > room else f"'{quoted}'"


def value_width(typestr: str, name: str, width: int) -> int:
    """Columns for the values: what the type leaves, or half where the type is long."""
    fixed = len(typestr) + len(name) + len(" type=''") + 3
    if fixed < width // 2:
        return width - fixed
    return max(0, min(width // 2, width - len(name) - len(" type='...'") - 3))


def framed(name: str, x: Array, value: Any, typestr: str) -> str:
    """`<name values type='…' backend='…'>` of something that Awkward prints the values of."""
    from awkward.prettyprint import valuestr

    backend = x._backend.base.name
    where = "" if backend == "numpy" else f" backend={backend!r}"
    if value is None:
        what = "tracer" if x._backend.base is not x._backend or traced(x._backend, x.layout) else "invalid"
        return f"<{name} [...] {what} type={typestr!r}{where}>"
    width = WIDTH - len(where)
    values = " " + valuestr(value, 1, value_width(repr(typestr)[1:-1], name, width))
    return f"<{name}{values} type={clipped_type(typestr, values, name, width)}{where}>"


def representation(x: Array) -> str:
    """One line: the values, the type, and the backend if it is not NumPy."""
    placeholder = None if x._pending is None or x._node is not None else getattr(x._pending, "placeholder", None)
    if placeholder is not None and (shown := placeholder()) is not None:
        return str(shown)
    return framed(type(x).__name__, x, excerpt(x, WIDTH // 2), str(x.type))


def record_representation(record: Record) -> str:
    """One line: the fields' values and the type."""
    whole = excerpt(record._array, 1)
    return framed(type(record).__name__, record._array, None if whole is None else whole[0], str(record.type))


def shown(x: Any, array: Array, limit_rows: int, limit_cols: int, options: dict[str, Any]) -> str:
    """The values in columns, as Awkward prints them."""
    whole = excerpt(array, limit_rows)
    if whole is None:
        return repr(x)
    value = whole if x is array else whole[0]
    return str(value.show(limit_rows, limit_cols, stream=None, **options))


def show(
    x: Any,
    limit_rows: int = 20,
    limit_cols: int = WIDTH,
    *,
    type: bool = False,
    nbytes: bool = False,
    backend: bool = False,
    all: bool = False,
    stream: Any = STDOUT,
    **options: Any,
) -> str | None:
    """Print the values of an Array or Record in columns, as Awkward does.

    Args:
        x: an Array or a Record.
        limit_rows: most lines to print.
        limit_cols: most characters in a line.
        type: print the type first.
        nbytes: print how many bytes of memory the array takes.
        backend: print the backend's name.
        all: print all three.
        stream: where to, by default standard output; None returns the text.
        **options: `formatter=` and `precision=`, as Awkward's.
    """
    import ragged.types

    array = x if isinstance(x, Array) else x._array
    lines = []
    if type or all:
        lines.append("type: " + multiline(ragged.types.type(x)))
    if nbytes or all:
        lines.append(f"nbytes: {array.nbytes}")
    if backend or all:
        lines.append(f"backend: {array._backend.base.name}")
    lines.append(shown(x, array, limit_rows, limit_cols, options))
    text = "\n".join(lines)
    if stream is None:
        return text
    (sys.stdout if stream is STDOUT else stream).write(text + "\n")
    return None


def multiline(kind: Any) -> str:
    """A type over several lines, one a field."""
    from io import StringIO

    out = StringIO()
    kind.show(out)
    return out.getvalue().removesuffix("\n")


def html(x: Any) -> str:
    """The notebook's view of an Array or Record: the values and the type, in one small block."""
    from html import escape

    array = x if isinstance(x, Array) else x._array
    values = escape(shown(x, array, 20, WIDTH, {}))
    backend = array._backend.base.name
    where = "" if backend == "numpy" else f"<br>backend: {escape(backend)}"
    return (
        f'<pre style="margin: 0">{values}</pre>'
        f'<div style="border-top: 1px solid; font-family: monospace; font-size: 85%; white-space: pre-wrap">'
        f"type: {escape(multiline(x.type))}{where}</div>"
    )
