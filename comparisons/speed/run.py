"""The speed tables: every row (operation) on every library, interleaved in one process.

    python comparisons/speed/run.py [--quick] [--rows exp,sort] [--sizes 5,1e4] [--shapes fifth,ones] [--out FILE]

Writes JSON, from which report.py makes the tables and plots. All libraries wait for their results; sizes are numbers
of elements in a fifth as many rows, other shapes are measured at a million. Awkward on JAX, which corrupts its memory,
takes its turns in a process of its own.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import inputs
from inputs import Case
from libraries import LIBRARIES, PEERS, call, machine, versions
from programs import ROWS
from remote import Remote
from timing import Runner, interleaved, seconds, summary

SCHEMA = 1
APART = ("awkward-jax",)
SIZES = (5, 10_000, 1_000_000, 5_000_000)
ONE_SIZE = 1_000_000
RESULTS = Path(__file__).parent / "results"


def cases(sizes: Sequence[int], shapes: Sequence[str], one_size: int, dtype: str) -> list[Case]:
    """A fifth as many rows at every size, the other shapes at one."""
    found = [Case.make("fifth", n, dtype) for n in sizes] if "fifth" in shapes else []
    return found + [Case.make(shape, one_size, dtype) for shape in shapes if shape != "fifth"]


def now() -> str:
    """The time, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def place_of(case: Case) -> dict[str, Any]:
    """What identifies a case in the results."""
    return {"shape": case.shape, "elements": case.elements, "nrows": case.nrows}


def kept(path: Path, rows: Sequence[str], measured: Sequence[Case]) -> list[Any]:
    """The entries of an earlier run that this one does not measure again."""
    places = [place_of(case) for case in measured]
    entries = json.loads(path.read_text(encoding="utf-8"))["results"] if path.exists() else []
    return [e for e in entries if e["row"] not in rows or {k: e[k] for k in places[0]} not in places]


class Bench:
    """What is measured: which libraries, for how long, and the processes of those that need their own."""

    def __init__(self, libraries: Sequence[str], budget: float, rounds: tuple[int, int]) -> None:
        self.libraries = libraries
        self.budget = budget
        self.rounds = rounds
        self.remote = {name: Remote(name) for name in libraries if name in APART}

    def runner(self, library: str, case: Case, row: str) -> Runner | None:
        """What measures a row; None where the library has no such row."""
        if library in self.remote:
            return lambda repeat: self.remote[library].seconds(case, row, repeat)
        found = call(library, case, row)
        return None if found is None else lambda repeat: seconds(found, repeat)

    def measure(self, row: str, case: Case) -> list[Any]:
        """The entries of one row on one case: a time or the reason why there is none, for each library."""
        place = {"row": row, "kind": ROWS[row].kind, **place_of(case), "date": now()}
        if not ROWS[row].fits(case.lengths):
            return [{**place, "library": library, "missing": "too large to hold"} for library in self.libraries]
        before = {name: remote.failures for name, remote in self.remote.items()}
        quick = [n for n in self.libraries if ROWS[row].awkward(case.lengths) or not n.startswith("awkward")]
        runners = {name: self.runner(name, case, row) for name in quick}
        times, missing = interleaved({n: r for n, r in runners.items() if r}, self.budget, self.rounds)
        missing |= {name: "minutes: its cost is rows × the longest row" for name in self.libraries if name not in quick}
        entries = [{**place, "library": name, **summary(times, name, PEERS.get(name, ()))} for name in times]
        entries += [{**place, "library": name, "missing": why} for name, why in missing.items()]
        for entry in entries:
            if entry["library"] in self.remote:
                entry["failures"] = self.remote[entry["library"]].failures - before[entry["library"]]
        return entries


def line(entries: Sequence[Any]) -> str:
    """What is shown while it runs."""
    first = entries[0]
    times = " ".join(f"{e['library']} {e['median'] * 1e6:.0f}" for e in entries if "median" in e)
    ratios = " ".join(f"{p}: {q:.2f}" for e in entries for p, q in e.get("ratio", {}).items())
    return f"{first['row']:22} {first['shape']:9} {first['elements']:8}  us: {times} | ratios: {ratios}"


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes, few rounds: to see that it runs")
    parser.add_argument("--rows", help="some of: " + ", ".join(ROWS).replace("%", "%%"))
    parser.add_argument("--sizes", help="numbers of elements in a fifth as many rows")
    parser.add_argument("--shapes", default=",".join(inputs.SHAPES))
    parser.add_argument("--libraries", default=",".join(LIBRARIES))
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--budget", type=float, default=3.0, help="seconds for one row on one case")
    parser.add_argument("--update", action="store_true", help="keep what the file has of other rows and cases")
    parser.add_argument("--out", type=Path, default=RESULTS / "speed.json")
    return parser.parse_args()


def main() -> None:
    """Measure, and write after every row."""
    chosen = options()
    rows = split_rows(chosen.rows) if chosen.rows else list(ROWS)
    sizes = [int(float(n)) for n in chosen.sizes.split(",")] if chosen.sizes else (5, 1000) if chosen.quick else SIZES
    budget, rounds = (0.02, (3, 3)) if chosen.quick else (chosen.budget, (5, 41))
    measured = cases(sizes, chosen.shapes.split(","), 1000 if chosen.quick else ONE_SIZE, chosen.dtype)
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "date": now(),
        "versions": versions(),
        "machine": machine(),
        "settings": {"dtype": chosen.dtype, "budget": budget, "quick": chosen.quick},
        "results": kept(chosen.out, rows, measured) if chosen.update else [],
    }
    bench = Bench(chosen.libraries.split(","), budget, rounds)
    for row in rows:
        for case in measured:
            entries = bench.measure(row, case)
            report["results"] += entries
            print(line(entries), flush=True)
        chosen.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for remote in bench.remote.values():
        remote.close()


def split_rows(text: str) -> list[str]:
    """Names of rows parted by commas, which the names themselves may hold."""
    found, rest = [], text
    while rest:
        name = max((name for name in ROWS if rest == name or rest.startswith(name + ",")), key=len, default=None)
        if name is None:
            raise SystemExit(f"no row {rest!r}; there are {'; '.join(ROWS)}")
        found.append(name)
        rest = rest[len(name) + 1 :]
    return found


if __name__ == "__main__":
    main()
