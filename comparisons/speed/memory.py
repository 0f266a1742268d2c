"""The memory table: what an operation holds at its peak, beyond its operands and its result.

    python comparisons/speed/memory.py [--elements 1e6] [--out FILE]

Allocations are traced (NumPy reports its own to tracemalloc), in units of the content's size, while the NumPy backend
keeps no memory for later results. Three things are told apart: structure that a row partition makes once and keeps (its
lengths, the row of each element), what the tape keeps from the forward pass, and the temporaries on top of both. They
are what the peak has beyond the result and what is kept when everything kept is counted as if it stayed to the end.
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
from ragged_numpy import keep_memory

SCHEMA = 2
LIBRARIES = {"ragged-numpy": ragged, "awkward-numpy": ak}
FORWARD = ("x*x+1", "exp", "x - row scalar", "sum axis 1", "max axis 1", "mean axis 1", "sum axis 0", "sum", "softmax")
LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "x*x+1": lambda x, r: ragged.sum(x * x + 1),
    "exp": lambda x, r: ragged.sum(np.exp(x)),
    "x - row scalar": lambda x, r: ragged.sum((x - r) ** 2),
    "sum axis 1": lambda x, r: ragged.sum(ragged.sum(x, axis=1) ** 2),
    "max axis 1": lambda x, r: ragged.sum(ragged.max(x, axis=1, mask_identity=False) ** 2),
    "mean axis 1": lambda x, r: ragged.sum(ragged.mean(x, axis=1) ** 2),
    "sum axis 0": lambda x, r: ragged.sum(ragged.sum(x, axis=0) ** 2),
    "sum": lambda x, r: ragged.sum(x) ** 2,
    "softmax": lambda x, r: ragged.sum(ragged.softmax(x, axis=1) ** 2),
}


def traced(call: Callable[[], Any]) -> tuple[Any, int, int]:
    """The result, the bytes that it holds, and the most bytes on top of those while it was made."""
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


def structure(call: Callable[[], Any]) -> int:
    """The bytes that the operands hold since their first call: structure that they keep."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        call()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def in_units(content: int, **sizes: int) -> dict[str, float]:
    """Bytes as shares of the content's."""
    return {name: round(size / content, 2) for name, size in sizes.items()}


def forward(library: str, data: Data, row: str, content: int) -> dict[str, float]:
    """What one operation needs."""
    lib = LIBRARIES[library]

    def run() -> Any:
        return ROWS[row].run(lib, data)

    kept = structure(run)
    result, held, peak = traced(run)
    del result
    return in_units(content, structure=kept, result=held, temporaries=peak)


def gradient(data: Data, row: str, content: int) -> dict[str, float]:
    """What a gradient needs, and what of that the tape keeps from the forward pass."""
    loss, kept = LOSSES[row], [0]

    def watched(x: Any) -> Any:
        value = loss(x, data.row_scalars)
        kept.append(tracemalloc.get_traced_memory()[0])
        return value

    def run() -> Any:
        kept[0] = tracemalloc.get_traced_memory()[0]
        return ragged.grad(watched)(data.x)

    made_once = structure(run)
    result, held, peak = traced(run)
    del result
    tape = kept[-1] - kept[0]
    return in_units(content, structure=made_once, result=held, kept=tape, temporaries=max(peak - tape, 0))


def main() -> None:
    """Measure every row on every shape and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elements", type=float, default=1e6)
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "memory.json")
    options = parser.parse_args()
    keep_memory(0)
    results = []
    for shape in options.shapes.split(","):
        case = Case.make(shape, int(options.elements))
        place = {"shape": shape, "elements": case.elements, "nrows": case.nrows}
        done = len(results)
        for row in FORWARD:
            for library in LIBRARIES if ROWS[row].awkward(case.lengths) else ["ragged-numpy"]:
                found = forward(library, MAKERS[library](case), row, case.values.nbytes)
                results.append({"row": row, **place, "library": library, **found})
            found = gradient(MAKERS["ragged-numpy"](case), row, case.values.nbytes)
            results.append({"row": f"gradient of {row}", **place, "library": "ragged-numpy", **found})
        for entry in results[done:]:
            print(entry)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    report = {"schema": SCHEMA, "date": date, "versions": versions(), "results": results}
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
