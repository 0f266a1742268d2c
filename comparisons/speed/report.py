"""The tables and plots of docs/speed.md, made from the JSON of run.py and memory.py.

    python comparisons/speed/report.py [--speed FILE] [--float32 FILE] [--memory FILE] [--page docs/speed.md]

The page's text is written by hand; what stands between its two markers is replaced.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "speed.md"
BEGIN, END = "<!-- tables: made by comparisons/speed/report.py -->", "<!-- end of tables -->"
SCHEMA, MEMORY_SCHEMA = 1, 2
Entry: TypeAlias = "dict[str, Any]"

TABLES = (
    (
        ("ragged-numpy", "NumPy", ("awkward-numpy", "numpy-flat")),
        ("ragged-jax", "JAX", ("awkward-jax", "jax-handwritten")),
    ),
    (
        ("ragged-torch", "PyTorch", ("torch-handwritten", "torch-nested")),
        ("ragged-tensorflow", "TensorFlow", ("tensorflow-handwritten", "tensorflow-ragged")),
    ),
    (
        ("ragged-numba", "Numba", ("awkward-numpy", "ragged-numpy")),
        ("ragged-numba-jit", "Numba, `ragged.jit`", ("awkward-numpy", "ragged-numpy")),
    ),
    (("ragged-jax-jit", "JAX, `ragged.jit`", ("jax-handwritten", "ragged-jax")),),
)
"""What stands in one table: ours, and what its time is divided by."""
NAMES = {
    "ragged-numpy": "ragged on NumPy",
    "ragged-jax": "ragged on JAX",
    "awkward-numpy": "Awkward",
    "numpy-flat": "flat NumPy",
    "awkward-jax": "Awkward on JAX",
    "jax-handwritten": "jitted JAX by hand",
    "torch-handwritten": "PyTorch by hand",
    "torch-nested": "NestedTensor",
    "tensorflow-handwritten": "TensorFlow by hand",
    "tensorflow-ragged": "tf.ragged",
}
SHAPES = {
    "fifth": "a fifth as many rows",
    "ones": "rows of one element",
    "thousands": "rows of a thousand",
    "unequal": "one row of half a million, a million rows of none or one",
}


def load(path: Path, schema: int = SCHEMA) -> dict[str, Any]:
    """The JSON of one run."""
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if report["schema"] != schema:
        raise SystemExit(f"{path} has schema {report['schema']}; this script reads {schema}")
    return report


def unique(values: Iterable[Any]) -> list[Any]:
    """The values without repetition, in order of appearance."""
    return list(dict.fromkeys(values))


def ordered(entries: Sequence[Entry]) -> list[str]:
    """The rows by kind, as the tables list them."""
    kinds = ["ufunc", "row broadcasting", "reduction", "extremum", "selection", "order", "softmax", "combinations"]
    kinds += ["structure", "gradient"]
    rows = {e["row"]: kinds.index(e["kind"]) for e in entries}
    return sorted(rows, key=lambda row: (rows[row], row))


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in markdown; all columns but the first are numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *lines))


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for limit, scale, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds:.3g} s"


def number(x: float) -> str:
    """Two decimals at most, as many digits as matter."""
    return f"{x:.2f}" if x < 10 else f"{x:.0f}"


def speed_tables(entries: Sequence[Entry]) -> list[str]:
    """One row an operation: our times, and how many times the peers' they are."""
    return [speed_table(entries, columns) for columns in TABLES if any(ours(entries, name) for name, _, _ in columns)]


def ours(entries: Sequence[Entry], library: str) -> list[Entry]:
    """A library's entries that have a time."""
    return [e for e in entries if e["library"] == library and "median" in e]


def speed_table(entries: Sequence[Entry], columns: Sequence[tuple[str, str, tuple[str, ...]]]) -> str:
    """One table of them."""
    head = ["row"]
    for _, title, peers in columns:
        head += [title, *(f"÷ {NAMES[peer]}" for peer in peers)]
    lines = []
    for row in ordered(entries):
        found = {e["library"]: e for e in entries if e["row"] == row}
        cells = [f"`{row}`"]
        for library, _, peers in columns:
            entry = found.get(library, {})
            cells.append(duration(entry["median"]) if "median" in entry else "–")
            cells += [number(entry["ratio"][peer]) if peer in entry.get("ratio", {}) else "–" for peer in peers]
        lines.append(cells)
    return table(head, lines)


def missing(entries: Sequence[Entry]) -> str:
    """Why some times are not there."""
    lines = unique(
        f"- `{e['row']}`, {NAMES.get(e['library'], e['library'])}: {e['missing']}"
        for e in entries
        if "missing" in e and e["missing"] != "too large to hold"
    )
    return "\n".join(["Not measured:", "", *lines]) if lines else ""


def memory_table(report: dict[str, Any], shape: str) -> str:
    """What is kept and what is temporary, in units of the content."""
    entries = [e for e in report["results"] if e["shape"] == shape]
    lines = []
    for row in unique(e["row"] for e in entries):
        found = {e["library"]: e for e in entries if e["row"] == row}
        own, peer = found["ragged-numpy"], found.get("awkward-numpy")
        others = [number(peer["temporaries"]) if peer else "", number(peer["structure"]) if peer else ""]
        kept = number(own["kept"]) if "kept" in own else ""
        lines.append(
            [f"`{row}`", number(own["result"]), number(own["structure"]), kept, number(own["temporaries"]), *others]
        )
    head = ["row", "result", "structure, made once", "kept by the tape", "temporaries", "Awkward's", "its structure"]
    return table(head, lines)


def places(report: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Shape, elements and rows of every table."""
    found = {(e["shape"], e["elements"], e["nrows"]) for e in report["results"]}
    return sorted(found, key=lambda place: (list(SHAPES).index(place[0]), place[1]))


def page(speed: dict[str, Any], narrow: dict[str, Any] | None, memory: dict[str, Any] | None, pictures: Any) -> str:
    """What stands between the markers."""
    machine, settings = speed["machine"], speed["settings"]
    versions = ", ".join(f"{name} {v}" for name, v in speed["versions"].items())
    threads = ", ".join(f"{name} {n}" for name, n in machine["threads"].items())
    parts = [
        f"Measured {speed['date'][:10]} in {settings['dtype']} on {machine['cores']} cores ({machine['cpu']}, "
        f"{machine['system']}); threads: {threads}; {versions}.",
        *(f"![{Path(p).stem}]({p})" for p in pictures),
        *sections(speed, ""),
        *([] if narrow is None else sections(narrow, f", {narrow['settings']['dtype']}")),
        missing(speed["results"]),
    ]
    if memory is not None:
        for shape in unique(e["shape"] for e in memory["results"]):
            parts += [f"### Memory on NumPy, in units of the content: {SHAPES[shape]}", memory_table(memory, shape)]
    return "\n\n".join(part for part in parts if part)


def sections(report: dict[str, Any], suffix: str) -> list[str]:
    """The tables of a run, case by case."""
    parts = []
    for shape, elements, nrows in places(report):
        entries = [e for e in report["results"] if (e["shape"], e["elements"]) == (shape, elements)]
        parts.append(f"### {elements:,} elements, {nrows:,} rows: {SHAPES[shape]}{suffix}")
        parts += speed_tables(entries)
    return parts


def plots(speed: dict[str, Any], folder: Path) -> list[str]:
    """Pictures of a run: the ratios of every row, and the times against the size."""
    import matplotlib

    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    return [name for name in (ratio_plot(speed, folder), size_plot(speed, folder)) if name]


def ratio_plot(speed: dict[str, Any], folder: Path) -> str:
    """Ours divided by each peer, at the size of the usual shape that most entries have (the largest such): a panel a
    table."""
    from matplotlib import pyplot

    usual = [e for e in speed["results"] if e["shape"] == "fifth" and e.get("ratio")]
    libraries = {n: {e["library"] for e in usual if e["elements"] == n} for n in unique(e["elements"] for e in usual)}
    largest = max(libraries, key=lambda n: (len(libraries[n]), n), default=0)
    entries = [e for e in usual if e["elements"] == largest]
    shown = [columns for columns in TABLES if any(ours(entries, name) for name, _, _ in columns)]
    if not shown:
        return ""
    rows = ordered(entries)
    size = (2 + 5 * len(shown), 0.3 * len(rows) + 1.6)
    figure, panels = pyplot.subplots(1, len(shown), figsize=size, squeeze=False, sharey=True, layout="constrained")
    for columns, axes in zip(shown, panels.flat, strict=True):
        pairs = [(name, title.replace("`", ""), peer) for name, title, peers in columns for peer in peers]
        for (name, title, peer), marker in zip(pairs, "osD^", strict=False):
            points = [(e["ratio"][peer], rows.index(e["row"])) for e in ours(entries, name) if peer in e["ratio"]]
            axes.plot([x for x, _ in points], [y for _, y in points], marker, label=f"{title} ÷ {NAMES[peer]}")
        axes.axvline(1, color="grey", linewidth=0.8)
        axes.set_xscale("log")
        axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=2)
    panels[0, 0].set_yticks(range(len(rows)), rows)
    panels[0, 0].invert_yaxis()
    what = f"time of ragged divided by the peer's, {largest:,} elements (left of 1: ragged is faster)"
    figure.supxlabel(what, fontsize="small")
    figure.savefig(folder / "ratios.svg")
    pyplot.close(figure)
    return f"{folder.name}/ratios.svg"


def styles() -> dict[str, dict[str, str]]:
    """A colour a framework; ours solid, its peers dashed and dotted."""
    found = {}
    for i, (name, _, peers) in enumerate(columns for table in TABLES for columns in table):
        for library, line in zip((name, *peers), ("-", "--", ":"), strict=True):
            style = {"color": f"C{i}", "linestyle": line, "marker": "." if line == "-" else ""}
            found.setdefault(library, style)
    return found


def size_plot(speed: dict[str, Any], folder: Path) -> str:
    """Nanoseconds an element against the number of elements, a panel a row."""
    from matplotlib import pyplot

    usual = [e for e in speed["results"] if e["shape"] == "fifth" and "median" in e]
    rows, measured = ordered(usual), {e["library"] for e in usual}
    if not rows:
        return ""
    height = -(-len(rows) // 4)
    figure, panels = pyplot.subplots(height, 4, figsize=(11, 2.2 * height), squeeze=False, layout="constrained")
    for panel in panels.flat[len(rows) :]:
        panel.set_axis_off()
    for row, panel in zip(rows, panels.flat, strict=False):
        for library, style in styles().items():
            points = sorted((e["elements"], e["median"]) for e in usual if (e["row"], e["library"]) == (row, library))
            if library in measured:
                times = [t / n * 1e9 for n, t in points]
                panel.plot([n for n, _ in points], times, label=library, linewidth=1, **style)
        panel.set_title(row, fontsize="small")
        panel.set(xscale="log", yscale="log")
        panel.tick_params(labelsize="x-small")
    for axes in panels[-1]:
        axes.set_xlabel("elements", fontsize="small")
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize="small")
    figure.supylabel("ns an element", fontsize="small")
    figure.savefig(folder / "sizes.png", dpi=80)
    pyplot.close(figure)
    return f"{folder.name}/sizes.png"


def main() -> None:
    """Rewrite the page's tables and its pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speed", type=Path, default=HERE / "results" / "speed.json")
    parser.add_argument("--float32", type=Path, default=HERE / "results" / "float32.json")
    parser.add_argument("--memory", type=Path, default=HERE / "results" / "memory.json")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    speed = load(options.speed)
    narrow = load(options.float32) if options.float32.exists() else None
    memory = load(options.memory, MEMORY_SCHEMA) if options.memory.exists() else None
    pictures = plots(speed, options.page.parent / "speed")
    text = options.page.read_text(encoding="utf-8") if options.page.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    tables = page(speed, narrow, memory, pictures)
    options.page.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
