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
    from ragged._compare_evidence import Evidence
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


def number_of(row: Row) -> str:
    """A backend's value; "" where it has none."""
    if row.value is None or row.seconds is None:  # finite differences have a slope, no value
        return ""
    return number(row.value.to_numpy() if isinstance(row.value, Array) else row.value)


def size_of(memory: int | None) -> str:
    """Bytes in a unit that fits them."""
    return "" if memory is None else f"{memory / 2**20:.0f} MiB"


def cells(row: Row) -> list[str]:
    """One row of the table."""
    off = ["" if x is None else f"{x:.1e}" for x in (row.value_deviation, row.gradient_deviation)]
    times = [seconds(row.seconds_first), seconds(row.seconds)]
    return [row.backend, number_of(row), *off, *times, size_of(row.peak_memory), row.status]


def notes(comparison: Comparison) -> list[str]:
    """Why a row is not as it should be, a line each; where gradients differ, what is known about who is right."""
    reasons = [f"{row.backend} {row.status}: {row.reason}" for row in comparison.rows if row.reason is not None]
    return [*reasons, *map(str, comparison.evidence), *([comparison.verdict] if comparison.evidence else [])]


def verdict(comparison: Comparison) -> str:
    """The outcome in a sentence or two."""
    from ragged._compare_evidence import conclusion
    from ragged.comparison import FINITE

    by_status: dict[str, list[str]] = {}
    for row in comparison.rows:
        if row.backend != FINITE:
            by_status.setdefault(row.status, []).append(row.backend)
    agree, differ = by_status.get("agrees", []), by_status.get("disagrees", [])
    if not agree and not differ:
        return "No backend could run the program."
    said = [f"{listed(agree)} agree." if len(agree) > 1 else f"{listed(agree)} ran."]
    if differ:
        said = [f"{listed([*differ, *agree])} disagree."]
        if len(agree) > 1:
            said = [f"{listed(agree)} agree; {listed(differ)} {'disagree' if len(differ) > 1 else 'disagrees'}."]
    if "failed" in by_status:
        said.append(f"The program failed on {listed(by_status['failed'])}.")
    absent = [name for name in by_status.get("unavailable", []) if name in comparison.named]
    if absent:
        said.append(f"{listed(absent)} was asked for and cannot run.")
    for other in differ:
        found = [each for each in comparison.evidence if other in each.slopes]
        if found:
            said.append(conclusion(found))
    said += numeric_sentence(comparison, not differ)
    return " ".join(said)


def numeric_sentence(comparison: Comparison, alike: bool) -> list[str]:
    """What finite differences say of the first gradient, where they matter."""
    from ragged.comparison import FINITE

    row = next((row for row in comparison.rows if row.backend == FINITE), None)
    if row is None or (row.status == "agrees" and not alike):
        return []
    if row.status == "agrees":
        return ["Finite differences confirm the gradient."]
    if row.status == "failed":
        return ["There are no finite differences to check the gradient with."]
    return ["Finite differences do not confirm the gradient."]


def listed(names: list[str]) -> str:
    """Names with commas and an "and"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


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


def plain_row(row: Row | Evidence) -> dict[str, Any]:
    """One row as plain values."""
    return {field.name: plain(getattr(row, field.name)) for field in fields(row)}
