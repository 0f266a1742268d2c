"""Gradients side by side: for each array of numbers in them the rows that differ, as a table and as plots."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._compare_print import listed
from ragged.report._pieces import deviations, pieces, tolerance
from ragged.report._plot import deviation_plot, gradient_plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.comparison import Comparison
    from ragged.report._pieces import Piece

__all__ = ["gradients", "key", "summary"]

FIRST, WORST, NUMBERS = 6, 8, 8
"""How many rows are shown whatever they hold; how many of those that differ; how many numbers of a row."""


def key(colour: int, name: str) -> str:
    """A backend's name behind a dot of its colour."""
    return f'<span class="key"><i class="c{colour % 6}"></i>{escape(name)}</span>'


def summary(comparison: Comparison, gradient: Any) -> str:
    """A gradient in a few words: how many numbers, and their norm."""
    found = pieces(gradient, comparison.arguments, isinstance(comparison.argnums, int))
    count = sum(piece.values.size for piece in found)
    with np.errstate(over="ignore"):
        norm = float(np.sqrt(sum(float(np.sum(np.abs(piece.values.astype(complex)) ** 2)) for piece in found)))
    return f"norm {norm:.6g}<br><span class='soft'>{count:,} number{'' if count == 1 else 's'}</span>"


def gradients(comparison: Comparison) -> str:
    """The part of the page about gradients; "" where no backend has one."""
    rows = [row for row in comparison.rows if row.seconds is not None]
    if not rows:
        return ""
    single = isinstance(comparison.argnums, int)
    found = {row.backend: pieces(row.gradient, comparison.arguments, single) for row in rows}
    first = rows[0].backend
    alike = [name for name in found if structure(found[name]) == structure(found[first])]
    parts = ["<h3>Gradients side by side</h3>"]
    others = [name for name in found if name not in alike]
    if others:
        parts.append(
            f"<p>The gradient of {escape(listed(others))} has another structure than that of {escape(first)}.</p>"
        )
    for i, reference in enumerate(found[first]):
        parts.append(side_by_side(comparison, reference, {name: found[name][i] for name in alike}))
    return "".join(parts)


def structure(found: Sequence[Piece]) -> list[Any]:
    """What has to be equal for numbers to stand beside each other."""
    return [(piece.name, piece.rows, piece.ids.tobytes()) for piece in found]


def side_by_side(comparison: Comparison, reference: Piece, by_backend: dict[str, Piece]) -> str:
    """One array of numbers in the gradients of all backends."""
    apart = {name: deviations(piece, reference) for name, piece in by_backend.items()}
    allowed = max(tolerance(piece, reference, *comparison.tolerances) for piece in by_backend.values())
    worst = np.max(np.stack(list(apart.values())), axis=0)
    chosen = choose(worst, allowed)
    differing = int((worst > allowed).sum())
    count, rows = reference.values.size, reference.rows
    said = f"{rows:,} row{'' if rows == 1 else 's'}, {count:,} number{'' if count == 1 else 's'}"
    if len(by_backend) > 1:
        said += f"; {counted(differing)}" if differing else "; no row differs" if worst.any() else "; all equal"
    parts = [f"<h4>by <code>{escape(reference.name)}</code> <span class='soft'>· {said}</span></h4>"]
    colours = {row.backend: i % 6 for i, row in enumerate(comparison.rows)}
    parts.append(table(by_backend, colours, worst, chosen, allowed))
    if len(chosen) < rows:
        more = f" and the {min(differing, WORST):,} that differ most" if differing else ""
        parts.append(f"<p class='soft'>Shown: the first {min(FIRST, rows)} rows{more}.</p>")
    parts.append(figures(by_backend, colours, apart, allowed))
    return "".join(parts)


def choose(worst: Any, allowed: float) -> list[int]:
    """The rows to show: the first ones, and those that differ most."""
    order = np.argsort(-worst, kind="stable")[:WORST]
    return sorted({*range(min(FIRST, len(worst))), *(int(i) for i in order if worst[i] > allowed)})


def counted(differing: int) -> str:
    """How many rows differ."""
    return "1 row differs" if differing == 1 else f"{differing:,} rows differ"


def table(
    by_backend: dict[str, Piece], colours: dict[str, int], worst: Any, chosen: Sequence[int], allowed: float
) -> str:
    """The chosen rows, a column for each backend."""
    heads = "".join(f'<th class="l">{key(colours[name], name)}</th>' for name in by_backend)
    off = "<th>off by</th>" if len(by_backend) > 1 else ""
    lines = []
    for i in chosen:
        differs = worst[i] > allowed
        digits = 15 if allowed < worst[i] < 1e-7 else 8  # enough to see the difference
        cells = "".join(f'<td class="n">{numbers(piece.row(i), digits)}</td>' for piece in by_backend.values())
        last = f"<td{' class=off' if differs else ''}>{worst[i]:.1e}</td>" if off else ""
        lines.append(f"<tr{' class=differs' if differs else ''}><td class='l'>{i:,}</td>{cells}{last}</tr>")
    head = f'<tr><th class="l">row</th>{heads}{off}</tr>'
    return f'<div class="wide"><table class="pairs"><thead>{head}</thead><tbody>{"".join(lines)}</tbody></table></div>'


def numbers(values: Any, digits: int) -> str:
    """The numbers of a row, cut after a few."""
    if not values.size:
        return "<span class='soft'>empty</span>"
    shown = ", ".join(f"{x:.{digits}g}" for x in values[:NUMBERS])
    more = f" <span class='soft'>… {values.size - NUMBERS:,} more</span>" if values.size > NUMBERS else ""
    return escape(shown) + more


def figures(by_backend: dict[str, Piece], colours: dict[str, int], apart: dict[str, Any], allowed: float) -> str:
    """The gradient by row, and how far the backends are apart by row."""
    first, *others = by_backend
    name, rows = by_backend[first].name, by_backend[first].rows
    if rows < 2:
        return ""
    series = [
        (colours[backend], positions(piece), piece.values.real)
        for backend, piece in by_backend.items()
        if piece.values.size
    ]
    parts = []
    values = gradient_plot(name, series, rows) if series else ""
    if values:
        part = " (real parts)" if any(piece.values.dtype.kind == "c" for piece in by_backend.values()) else ""
        parts.append(f"<figure><figcaption>The gradient, row by row{part}</figcaption>{values}</figure>")
    if any(apart[other].any() for other in others):
        plot = deviation_plot(name, [(colours[other], apart[other]) for other in others], allowed, rows)
        caption = f"Largest difference from {escape(first)} in each row, relative to the largest number"
        parts.append(f"<figure><figcaption>{caption}</figcaption>{plot}</figure>")
    return f'<div class="figures">{"".join(parts)}</div>' if parts else ""


def positions(piece: Piece) -> Any:
    """Where to draw each number: its row, and in it side by side."""
    counts = np.bincount(piece.ids, minlength=piece.rows)
    starts = np.cumsum(counts) - counts
    within = np.arange(piece.ids.size) - starts[piece.ids]
    return piece.ids + (within + 0.5) / counts[piece.ids]
