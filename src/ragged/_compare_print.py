"""A comparison as a table, in colour or in plain text, and as plain values for JSON."""

from __future__ import annotations

import importlib
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.array import Array
from ragged.registry import backend_of_dense

if TYPE_CHECKING:
    from ragged.comparison import Comparison, Row

COLUMNS = ("backend", "value", "value off by", "gradient off by", "first", "then", "memory", "result")


def number(x: Any) -> str:
    """A value in at most ten digits; what is no number as itself."""
    owner = backend_of_dense(x)
    x = np.asarray(x) if owner is None else owner.to_numpy(x)
    return f"{x.reshape(-1)[0]:.10g}" if x.size == 1 else str(x)


def seconds(x: float | None) -> str:
    """A time with a unit that fits it."""
    if x is None:
        return ""
    return f"{x:.3g} s" if x >= 1 else f"{x * 1e3:.3g} ms" if x >= 1e-3 else f"{x * 1e6:.3g} µs"


def cells(row: Row) -> list[str]:
    """One row of the table."""
    shown = row.value is not None and row.seconds is not None  # finite differences have a slope, no value
    value = "" if not shown else number(row.value.to_numpy() if isinstance(row.value, Array) else row.value)
    off = ["" if x is None else f"{x:.1e}" for x in (row.value_deviation, row.gradient_deviation)]
    memory = "" if row.peak_memory is None else f"{row.peak_memory / 2**20:.0f} MiB"
    return [row.backend, value, *off, seconds(row.seconds_first), seconds(row.seconds), memory, row.status]


def notes(comparison: Comparison) -> list[str]:
    """Why a row is not as it should be, a line each."""
    return [f"{row.backend} {row.status}: {row.reason}" for row in comparison.rows if row.reason is not None]


def text_table(comparison: Comparison) -> str:
    """The table in plain text."""
    lines = [list(COLUMNS), *map(cells, comparison.rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    body = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
    return "\n".join([comparison.name, *body, *notes(comparison)])


def print_table(comparison: Comparison) -> None:
    """Print the table with rich, or plainly where rich is not installed."""
    try:
        table_type = importlib.import_module("rich.table").Table
        text_type = importlib.import_module("rich.text").Text
        console_type = importlib.import_module("rich.console").Console
    except ImportError:
        print(text_table(comparison))
        return
    table = table_type(title=comparison.name, title_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in ("backend", "result") else "right", no_wrap=True)
    colours = {"agrees": "green", "unavailable": "yellow"}
    for row in comparison.rows:
        *most, result = cells(row)
        table.add_row(*most, text_type(result, style=colours.get(row.status, "bold red")))
    console = console_type()
    console.width = max(console.width, 110)  # narrower, and numbers would be cut off
    console.print(table)
    for note in notes(comparison):
        print(note)


def plain(x: Any) -> Any:
    """Numbers, lists, dicts and None; a number that JSON has no word for as a string."""
    if isinstance(x, Array):
        return plain(x.to_list())
    if isinstance(x, dict):
        return {str(key): plain(value) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return [plain(value) for value in x]
    if x is None or isinstance(x, bool | int | str):
        return x
    if isinstance(x, float):
        return x if math.isfinite(x) else str(x)
    if isinstance(x, complex):
        return [plain(x.real), plain(x.imag)]
    owner = backend_of_dense(x)
    return plain((np.asarray(x) if owner is None else owner.to_numpy(x)).tolist())


def plain_row(row: Row) -> dict[str, Any]:
    """One row as plain values."""
    return {field.name: plain(getattr(row, field.name)) for field in fields(row)}
