"""The speed tables: every row (operation) on every library, interleaved in one process a framework.

    python comparisons/speed/run.py [--quick] [--rows exp,sort] [--sizes 5,1e4] [--shapes fifth,ones] [--out FILE]
                                    [--libraries ragged-torch,torch-handwritten]

Writes JSON, from which report.py makes the tables and plots. All libraries wait for their results; sizes are numbers
of elements in a fifth as many rows, other shapes are measured at a million. Awkward on JAX, which corrupts its memory,
takes its turns in a process of its own. What the file has of other rows, cases and libraries is kept; `--quick`, which
only shows that it runs, writes to a file of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import inputs
from inputs import Case
from libraries import FAMILIES, LIBRARIES, PEERS, call, family_of, machine, threads, versions
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


def earlier(path: Path) -> dict[str, Any]:
    """What the file has of an earlier run."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"results": []}
    return found


def kept(entries: Sequence[Any], rows: Sequence[str], measured: Sequence[Case], libraries: Sequence[str]) -> list[Any]:
    """The entries of an earlier run that this one does not measure again."""
    places = [place_of(case) for case in measured]

    def again(entry: Any) -> bool:
        place = {name: entry[name] for name in places[0]}
        return entry["row"] in rows and place in places and entry["library"] in libraries

    return [entry for entry in entries if not again(entry)]


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
    parser.add_argument("--out", type=Path, help="the results; what else it has is kept")
    chosen = parser.parse_args()
    chosen.out = chosen.out or (Path(tempfile.mkdtemp()) if chosen.quick else RESULTS) / "speed.json"
    return chosen


def main() -> None:
    """Measure each family in a process of its own; write after each."""
    chosen = options()
    print(f"writing to {chosen.out}", flush=True)
    libraries = chosen.libraries.split(",")
    families = list(dict.fromkeys(map(family_of, libraries)))
    report = new_report(chosen)
    if len(families) > 1:
        for family in families:
            add(report, measured_apart([name for name in libraries if name in FAMILIES[family]]))
            write(report, chosen.out)
        return
    report["machine"]["threads"] |= threads(families[0])
    rows = split_rows(chosen.rows) if chosen.rows else list(ROWS)
    bench = Bench(libraries, report["settings"]["budget"], (3, 3) if chosen.quick else (5, 41))
    for case in cases_of(chosen):
        for row in rows:
            entries = bench.measure(row, case)
            report["results"] += entries
            print(line(entries), flush=True)
        write(report, chosen.out)
    for remote in bench.remote.values():
        remote.close()


def cases_of(chosen: argparse.Namespace) -> list[Case]:
    """The cases that the command line asks for."""
    sizes = [int(float(n)) for n in chosen.sizes.split(",")] if chosen.sizes else (5, 1000) if chosen.quick else SIZES
    return cases(sizes, chosen.shapes.split(","), 1000 if chosen.quick else ONE_SIZE, chosen.dtype)


def new_report(chosen: argparse.Namespace) -> dict[str, Any]:
    """What is known before anything is measured: all that will not be measured again."""
    before = earlier(chosen.out)
    rows = split_rows(chosen.rows) if chosen.rows else list(ROWS)
    budget = 0.02 if chosen.quick else chosen.budget
    return {
        "schema": SCHEMA,
        "date": now(),
        "versions": versions(),
        "machine": machine() | {"threads": before.get("machine", {}).get("threads", {})},
        "settings": {"dtype": chosen.dtype, "budget": budget, "quick": chosen.quick},
        "results": kept(before["results"], rows, cases_of(chosen), chosen.libraries.split(",")),
    }


def measured_apart(libraries: Sequence[str]) -> dict[str, Any]:
    """The report of a child process with the same command line, but for these libraries alone."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "part.json"
        own = ["--libraries", ",".join(libraries), "--out", str(out)]
        subprocess.run([sys.executable, __file__, *sys.argv[1:], *own], check=True)
        return earlier(out)


def add(report: dict[str, Any], part: dict[str, Any]) -> None:
    """A family's part to the whole."""
    report["results"] += part["results"]
    report["machine"]["threads"] |= part["machine"]["threads"]


def write(report: dict[str, Any], path: Path) -> None:
    """The file as far as it is."""
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


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
