"""The page around comparisons: verdicts, tables, evidence, tracebacks, versions.

All that comes from a program or a user is escaped.
"""

from __future__ import annotations

import datetime
import platform
from html import escape
from typing import TYPE_CHECKING

from ragged._compare_print import number_of, seconds, size_of
from ragged.comparison import FINITE
from ragged.report._gradients import gradients, key, summary
from ragged.report._style import STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.comparison import Comparison, Row

__all__ = ["fragment", "page"]

RESULTS = {0: ("agrees", "agree"), 1: ("disagrees", "disagree"), 2: ("unavailable", "could not run as asked")}
HEADS = ("backend", "value", "off by", "gradient", "off by", "first call", "later calls", "peak memory", "result")
BAR = 90
"""Length of the longest bar in pixels."""


def page(comparisons: Sequence[Comparison]) -> str:
    """The whole page."""
    count = len(comparisons)
    title = comparisons[0].name if count == 1 else f"{count} programs"
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    contents = (
        ""
        if count < 2
        else "".join(
            f'<li><a href="#program-{i}">{escape(each.name)}</a> {badge(each)}</li>'
            for i, each in enumerate(comparisons)
        )
    )
    body = "".join(section(each, i) for i, each in enumerate(comparisons))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>ragged compare: {escape(title)}</title>"
        f"<style>html,body{{margin:0}}{STYLE}</style></head>\n"
        f'<body class="ragged-report"><header><h1>{escape(title)}, backend by backend</h1>'
        f'<p class="soft">Made by <code>ragged compare</code> on {escape(now)} · {escape(machine())}</p>'
        f"{f'<ul class=contents>{contents}</ul>' if contents else ''}</header>\n"
        f"<main>{body}</main>\n<footer>{versions(comparisons)}</footer></body></html>\n"
    )


def fragment(comparison: Comparison) -> str:
    """One comparison for a notebook."""
    return (
        f'<div class="ragged-report"><style>{STYLE}</style><main>{section(comparison, 0)}'
        f"{versions([comparison])}</main></div>"
    )


def machine() -> str:
    """The computer in a few words."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


def badge(comparison: Comparison) -> str:
    """The outcome in one word."""
    kind, word = RESULTS[comparison.exit_code]
    if word == "disagree" and all(row.status != "disagrees" for row in comparison.rows):
        kind, word = "failed", "failed on some"
    return f'<span class="badge {kind}">{word}</span>'


def section(comparison: Comparison, i: int) -> str:
    """All about one program."""
    return (
        f'<section id="program-{i}"><h2>{escape(comparison.name)} {badge(comparison)}</h2>'
        f'<p class="verdict">{escape(comparison.verdict)}</p>'
        f"{runs(comparison)}{evidence(comparison)}{gradients(comparison)}{tracebacks(comparison)}</section>"
    )


def runs(comparison: Comparison) -> str:
    """The table: a line for each backend, with its numbers or why it has none."""
    heads = "".join(f"<th{' class=l' if head in ('backend', 'result') else ''}>{head}</th>" for head in HEADS)
    times = [x for row in comparison.rows for x in (row.seconds_first, row.seconds) if x is not None]
    lines = []
    for i, row in enumerate(comparison.rows):
        name = f'<td class="l">{escape(row.backend) if row.backend == FINITE else key(i, row.backend)}</td>'
        result = f'<td class="l"><span class="badge {row.status}">{row.status}</span></td>'
        if row.seconds is None:
            lines.append(f'<tr>{name}<td class="l" colspan="{len(HEADS) - 2}">{without_run(row)}</td>{result}</tr>')
            continue
        off = [f"<td>{'' if x is None else f'{x:.1e}'}</td>" for x in (row.value_deviation, row.gradient_deviation)]
        clock = "".join(time_cell(x, max(times), i) for x in (row.seconds_first, row.seconds))
        lines.append(
            f"<tr>{name}<td>{escape(number_of(row))}</td>{off[0]}<td>{summary(comparison, row.gradient)}</td>{off[1]}"
            f"{clock}<td>{size_of(row.peak_memory)}</td>{result}</tr>"
        )
        if row.reason is not None:
            lines.append(f'<tr><td></td><td class="l" colspan="{len(HEADS) - 1}">{escape(row.reason)}</td></tr>')
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def without_run(row: Row) -> str:
    """What stands in the table for a backend that did not run, and for finite differences."""
    if row.backend != FINITE:
        return escape(row.reason or "")
    if row.reason is not None:
        return escape(row.reason)
    return f"slope {float(row.value):.9g} along a random direction, {row.gradient_deviation:.1e} from the gradient's"


def time_cell(x: float | None, longest: float, colour: int) -> str:
    """A time with a bar."""
    if x is None:
        return "<td></td>"
    length = BAR * x / longest if longest else 0
    return f'<td class="time">{seconds(x)}<br><span class="bar c{colour % 6}" style="width:{length:.0f}px"></span></td>'


def evidence(comparison: Comparison) -> str:
    """Where gradients differ: the numeric derivatives, and whom they confirm."""
    if not comparison.evidence:
        return ""
    lines = []
    for each in comparison.evidence:
        slope = "" if each.slope is None else f"{each.slope:.12g}"
        slopes = "<br>".join(f"{escape(name)} {x:.12g}" for name, x in each.slopes.items())
        said = " and ".join(each.confirms) if each.confirms else each.reason or ""
        strong = f"<strong>{escape(said)}</strong>" if each.confirms else escape(said)
        lines.append(
            f'<tr><td class="l">{escape(each.method)}</td><td>{slope}</td><td>{slopes}</td>'
            f'<td class="l">{strong}</td></tr>'
        )
    heads = '<th class="l">numeric derivative</th><th>slope</th><th>by the gradient of</th><th class="l">confirms</th>'
    return (
        "<h3>Who is right?</h3><p class='soft'>Slopes along the direction in which the two gradients differ most.</p>"
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def tracebacks(comparison: Comparison) -> str:
    """What Python would have printed where the program raised."""
    return "".join(
        f"<details><summary>{escape(row.backend)}: traceback</summary><pre>{escape(row.traceback)}</pre></details>"
        for row in comparison.rows
        if row.traceback is not None
    )


def versions(comparisons: Sequence[Comparison]) -> str:
    """All libraries that took part."""
    found = {name: version for each in comparisons for name, version in each.versions.items()}
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(version)}</dd></div>" for name, version in found.items())
    return f"<h3>Versions</h3><dl>{listed}</dl>" if listed else ""
