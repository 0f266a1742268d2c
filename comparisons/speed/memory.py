"""The memory table: what an operation holds at its peak, beyond its operands and its result.

    python comparisons/speed/memory.py [--elements 1e6] [--out FILE]

Allocations are traced (NumPy reports its own to tracemalloc), in units of the content's size. Of a gradient, what the
tape keeps from the forward pass is told apart from what the walk back needs on top of it.
"""

from __future__ import annotations

import argparse
import gc
import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from inputs import SHAPES, Case
from libraries import MAKERS, versions
from programs import ROWS, Data

import ragged

SCHEMA = 1
LIBRARIES = {"ragged-numpy": ragged, "awkward-numpy": ak}
FORWARD = ("x*x+1", "exp", "x - row scalar", "sum axis 1", "max axis 1", "mean axis 1", "sum axis 0", "sum", "softmax")
LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "x*x+1": lambda x, r: ragged.sum(x * x + 1),
    "exp": lambda x, r: ragged.sum(np.exp(x)),
    "x - row scalar": lambda x, r: ragged.sum((x - r) ** 2),
    "sum axis 1": lambda x, r: ragged.sum(ragged.sum(x, axis=1) ** 2),
    "max axis 1": lambda x, r: ragged.sum(ragged.max(x, axis=1) ** 2),
    "mean axis 1": lambda x, r: ragged.sum(ragged.nan_to_num(ragged.mean(x, axis=1)) ** 2),
    "sum axis 0": lambda x, r: ragged.sum(ragged.sum(x, axis=0) ** 2),
    "sum": lambda x, r: ragged.sum(x) ** 2,
    "softmax": lambda x, r: ragged.sum(ragged.softmax(x, axis=1) ** 2),
}


def traced(call: Callable[[], Any]) -> tuple[Any, int, int]:
    """The result, the bytes that it holds, and the most bytes on top of those while it was made."""
    call()  # structure that the operands keep is there from now on
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = call()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    held = after - before
    return result, held, max(peak - after, peak - before - held)


def forward(library: str, data: Data, row: str, content: int) -> dict[str, float]:
    """The peak of one operation."""
    lib = LIBRARIES[library]
    result, held, peak = traced(lambda: ROWS[row].run(lib, data))
    del result
    return {"result": held / content, "peak": peak / content}


def gradient(data: Data, row: str, content: int) -> dict[str, float]:
    """What the tape keeps, and the peak of the walk back beyond what it began with and the gradient."""
    loss = LOSSES[row]

    def run() -> Any:
        return ragged.grad(lambda x: loss(x, data.row_scalars))(data.x)

    result, held, peak = traced(run)
    del result
    kept = traced(lambda: ragged.vjp(lambda x: loss(x, data.row_scalars), data.x))[1]
    return {"result": held / content, "kept": kept / content, "peak": peak / content}


def main() -> None:
    """Measure every row on every shape and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elements", type=float, default=1e6)
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "memory.json")
    options = parser.parse_args()
    results = []
    for shape in options.shapes.split(","):
        case = Case.make(shape, int(options.elements))
        place = {"shape": shape, "elements": case.elements, "nrows": case.nrows}
        data = {library: MAKERS[library](case) for library in LIBRARIES}
        for row in FORWARD:
            for library in LIBRARIES:
                found = forward(library, data[library], row, case.values.nbytes)
                results.append({"row": row, **place, "library": library, **found})
            found = gradient(data["ragged-numpy"], row, case.values.nbytes)
            results.append({"row": f"gradient of {row}", **place, "library": "ragged-numpy", **found})
        for entry in results[-3 * len(FORWARD) :]:
            print({k: round(v, 2) if isinstance(v, float) else v for k, v in entry.items()})
    date = datetime.now(UTC).isoformat(timespec="seconds")
    report = {"schema": SCHEMA, "date": date, "versions": versions(), "results": results}
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
