"""Plots as SVG, drawn with the page's own colours, so that they follow it from light to dark."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["deviation_plot", "gradient_plot"]

WIDTH, HEIGHT = 640, 190
LEFT, RIGHT, TOP, BOTTOM = 78, 26, 12, 36
BINS = 300
"""More points than that are drawn as the range of each of so many bins."""
FLOOR = 1e-17


def frame(title: str, x_label: str, y_ticks: Sequence[tuple[float, str]], x_end: float, body: Sequence[str]) -> str:
    """Axes around the marks; ticks of y are given as heights between 0 and 1."""
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for height, label in y_ticks:
        y = vertical(height)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{escape(label)}</text>')
    steps = sorted({round(x_end * k / 4) for k in range(5)}) if x_end >= 1 else [0]
    for tick in steps:
        x = horizontal(tick / max(x_end, 1))
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{tick:,}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_label)}</text>')
    return "".join([*parts, *body, "</svg>"])


def horizontal(x: float) -> float:
    """Where 0 … 1 lies across."""
    return LEFT + (WIDTH - LEFT - RIGHT) * x


def vertical(y: float) -> float:
    """Where 0 … 1 lies upwards."""
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y


def binned(x: Any, y: Any, end: float) -> list[tuple[float, float, float]]:
    """Position, least and greatest value of what is drawn, at most one for each bin."""
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) <= BINS:
        return [(float(u), float(v), float(v)) for u, v in zip(x, y, strict=True)]
    bins = np.minimum((x / max(end, 1) * BINS).astype(np.int64), BINS - 1)
    low, high = np.full(BINS, np.inf), np.full(BINS, -np.inf)
    np.minimum.at(low, bins, y)
    np.maximum.at(high, bins, y)
    filled = np.flatnonzero(low <= high)
    return [((i + 0.5) / BINS * max(end, 1), float(low[i]), float(high[i])) for i in filled]


def gradient_plot(name: str, series: Sequence[tuple[int, Any, Any]], rows: int) -> str:
    """The numbers of the gradient by row, for each backend: `(its colour's number, positions, values)`."""
    values = np.concatenate([y[np.isfinite(y)] for _, _, y in series])
    if not values.size:
        return ""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    span = (high - low) or 1.0
    body = []
    for k, (colour, x, y) in enumerate(series):
        for position, least, greatest in binned(x, y, rows):
            u, v, w = (
                horizontal(position / max(rows, 1)),
                vertical((least - low) / span),
                vertical((greatest - low) / span),
            )
            if least == greatest:
                body.append(mark(k, colour, u, v))
            else:
                body.append(f'<line class="range c{colour}" x1="{u:.1f}" x2="{u:.1f}" y1="{v:.1f}" y2="{w:.1f}"/>')
    ticks = [((t - low) / span, f"{t:.3g}") for t in sorted({low, 0.0, high})]
    spaced = [
        tick for i, tick in enumerate(ticks) if tick[1] == "0" or all(abs(tick[0] - o[0]) > 0.08 for o in ticks[:i])
    ]
    return frame(f"gradient by {name}", "row" + not_finite(y for _, _, y in series), spaced, rows, body)


def not_finite(arrays: Iterable[Any]) -> str:
    """What the axis says of numbers that no plot can show."""
    count = sum(int(np.count_nonzero(~np.isfinite(y))) for y in arrays)
    return f" ({count:,} {'numbers are' if count > 1 else 'number is'} not finite, and not shown)" if count else ""


def mark(k: int, colour: int, x: float, y: float) -> str:
    """A disc for the first series, rings that grow for the others: all can be seen where they agree."""
    if k == 0:
        return f'<circle class="disc c{colour}" cx="{x:.1f}" cy="{y:.1f}" r="2"/>'
    return f'<circle class="ring c{colour}" cx="{x:.1f}" cy="{y:.1f}" r="{2.5 + 1.5 * k}"/>'


def deviation_plot(name: str, series: Sequence[tuple[int, Any]], allowed: float, rows: int) -> str:
    """How far each row is from the first backend's, on a logarithmic scale: `(its colour's number, deviations)`."""
    finite = [y[np.isfinite(y)] for _, y in series]
    top = max(0.0, *(float(np.log10(y.max(initial=FLOOR))) for y in finite), np.log10(allowed))
    bottom = np.log10(FLOOR)

    def height(value: float) -> float:
        return float((np.log10(max(value, FLOOR)) - bottom) / (top - bottom)) if np.isfinite(value) else 1.0

    body = []
    for colour, deviation in series:
        shown = np.flatnonzero(deviation > 0)
        values = np.where(np.isfinite(deviation[shown]), deviation[shown], 10.0**top)
        for position, _, greatest in binned(shown + 0.5, values, rows):
            over = " over" if greatest > allowed else ""
            u = horizontal(position / max(rows, 1))
            body.append(
                f'<line class="stem c{colour}{over}" x1="{u:.1f}" x2="{u:.1f}" y1="{vertical(0):.1f}" '
                f'y2="{vertical(height(greatest)):.1f}"/>'
            )
    y = vertical(height(allowed))
    body.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    margin = [(height(10.0**e), f"1e{e}") for e in range(-16, int(top) + 1, 4)]
    limit = (height(allowed), f"allowed {allowed:.0e}")
    ticks = [limit, *(tick for tick in margin if abs(tick[0] - limit[0]) > 0.08)]
    return frame(f"differences of the gradient by {name}", "row", ticks, rows, body)
