"""How fast ragged is on a CUDA device: times, and the share of the device's own copy bandwidth that each row reaches.

    python comparisons/speed/gpu.py [--elements 1e8] [--mean 10] [--libraries "cupy,jax jit"] [--rows sum,max]
                                    [--rounds 21] [--out FILE] [--verify]

Every row is warmed up, then timed by CUDA events, while the device still has copies to finish when the first is
recorded, so that what the host prepares is not in the time (JAX, whose stream is its own: by the clock, over several
calls, of which the last is waited for); the median counts. Beside it stands what a copy of the same content reaches in
the same run. A row's share is the bytes that its operations cannot do without, per second, over those of the copy: each
operation reads what it is given and writes its result once, and so does its part of a gradient, which is that for a
given cotangent, the operation itself included. JAX is measured as it is, and compiled by `ragged.jit`. `--verify`
compares the results with NumPy's at a smaller size first. Without a device it says so, and ends with code 2.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import ragged
from ragged._matrix import devices

RESULTS = Path(__file__).parent / "results"
PLACES = {"cupy": "cuda", "torch": "cuda", "jax": "gpu"}
WARM = 3
BUSY = 3
"""Copies that the device has to finish first."""
CALLS = 5
"""Calls that the clock times at once."""
PACKAGES = ("ragged-diff", "numpy", "cupy-cuda12x", "cupy-cuda13x", "jax", "jaxlib", "torch")


@dataclass(frozen=True)
class Data:
    """One array of rows, and a number for each."""

    x: Any
    y: Any


@dataclass(frozen=True)
class Row:
    """A program, and the bytes that it moves at least, in contents and rows: those are all of one size."""

    run: Callable[[Any, Any], Any]
    contents: float
    rows: float = 0.0


Program = Callable[[Any, Any], Any]
"""Of an array and a number for each of its rows."""


def gradient(program: Program, cotangent: Program | None = None, both: bool = False) -> Program:
    """The array's gradient for a cotangent (by default the program's result); the numbers', if `both` have one."""

    def run(x: Any, y: Any) -> Any:
        if both:
            value, pull = ragged.vjp(program, x, y)
        else:
            value, pull = ragged.vjp(lambda x: program(x, y), x)
        return pull(value if cotangent is None else cotangent(x, y))[-1]

    return run


def largest(x: Any, y: Any) -> Any:
    """The largest of each row."""
    return ragged.max(x, axis=1, mask_identity=False)


ROWS = {
    "exp": Row(lambda x, y: ragged.exp(x), 2),
    "x*x+1": Row(lambda x, y: x * x + 1, 4),
    "sum": Row(lambda x, y: ragged.sum(x, axis=1), 1, 1),
    "max": Row(largest, 1, 1),
    "x - row scalar": Row(lambda x, y: x - y, 2, 1),
    "x[x > 0]": Row(lambda x, y: x[x > 0], 1.25 + 1.75),
    "softmax": Row(lambda x, y: ragged.softmax(x, axis=1), 2),
    "sort": Row(lambda x, y: ragged.sort(x, axis=1), 2),
    "gradient of exp": Row(gradient(lambda x, y: ragged.exp(x), lambda x, y: x), 2 + 3),
    "gradient of sum": Row(gradient(lambda x, y: ragged.sum(x, axis=1), lambda x, y: y), 1 + 1, 1 + 1),
    "gradient of max": Row(gradient(largest, lambda x, y: y), 1 + 2, 1 + 2),
    "gradient of x - row scalar": Row(gradient(lambda x, y: x - y, lambda x, y: x, both=True), 2 + 1, 1 + 1),
    "gradient of x[x > 0]": Row(gradient(lambda x, y: x[x > 0]), 3 + 1.75),
}


class Clock:
    """What times calls on one framework's device, and copies its arrays."""

    def __init__(self, library: str, content: Any) -> None:
        self.library = library
        self.framework: Any = importlib.import_module(library)
        self.copying = self.copy(content)

    def seconds(self, call: Callable[[], Any]) -> float:
        """The time of one call, from its first kernel to its last."""
        if self.library == "jax":
            begin = time.perf_counter()
            for _ in range(CALLS):
                kept = call()
            self.wait(kept)
            return (time.perf_counter() - begin) / CALLS
        if self.library == "torch":
            events = [self.framework.cuda.Event(enable_timing=True) for _ in range(2)]
        else:
            events = [self.framework.cuda.Event() for _ in range(2)]
        for _ in range(BUSY):
            kept = self.copying()
        events[0].record()
        kept = call()
        events[1].record()
        events[1].synchronize()
        del kept
        if self.library == "torch":
            return float(events[0].elapsed_time(events[1])) / 1e3
        return float(self.framework.cuda.get_elapsed_time(*events)) / 1e3

    def wait(self, result: Any) -> None:
        """Until JAX is done with a result."""
        self.framework.block_until_ready(contents(result))

    def copy(self, x: Any) -> Callable[[], Any]:
        """A copy of a dense array on its device."""
        if self.library == "torch":
            return lambda: x.clone()
        if self.library == "cupy":
            return lambda: x.copy()
        run = self.framework.jit(lambda x: self.framework.numpy.negative(x))  # which reads and writes the same
        return lambda: ragged.Array(run(x))

    def device(self) -> str:
        """The device's name."""
        if self.library == "torch":
            return str(self.framework.cuda.get_device_name())
        if self.library == "jax":
            return str(self.framework.devices("gpu")[0].device_kind)
        return str(self.framework.cuda.runtime.getDeviceProperties(0)["name"].decode())


def contents(result: Any) -> Any:
    """The dense array of an array, or a number as it is."""
    node = getattr(result, "layout", None)
    while node is not None and not hasattr(node, "data"):
        node = node.content
    return result if node is None else node.data


def inputs(library: str, elements: int, mean: float) -> Data:
    """Normal float32 numbers in rows of none to twice the mean."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, int(2 * mean) + 1, int(elements / mean))
    lengths[-1] += max(0, elements - int(lengths.sum()))
    total = int(lengths.sum())
    x = ragged.from_lengths(rng.standard_normal(total, dtype=np.float32), lengths)
    y = ragged.Array(rng.standard_normal(len(lengths), dtype=np.float32))
    return Data(*(each.to_backend(library, PLACES[library]) for each in (x, y)))


def median(clock: Clock, call: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """The median of the rounds, and their spread between the quartiles relative to it."""
    for _ in range(WARM):
        clock.seconds(call)
    times = [clock.seconds(call) for _ in range(rounds)]
    middle = statistics.median(times)
    low, _, high = statistics.quantiles(times, n=4)
    return middle, (high - low) / middle


def program(library: str, row: str) -> Program:
    """The row's program as the library runs it."""
    run = ROWS[row].run
    return ragged.jit(run) if library.endswith(" jit") else run


def verified(library: str, rows: list[str]) -> None:
    """Results at a smaller size are NumPy's.

    Raises:
        AssertionError: they are not.
    """
    d = inputs(library.partition(" ")[0], 100_000, 10)
    host = Data(d.x.to_backend("numpy"), d.y.to_backend("numpy"))
    for row in rows:
        found = program(library, row)(d.x, d.y)
        with ragged.use("numpy"):  # else the gradient would be taken on the device, too
            wanted = ROWS[row].run(host.x, host.y)
        values = found._backend.to_numpy(contents(found))
        np.testing.assert_allclose(values, contents(wanted), rtol=2e-5, atol=2e-5, err_msg=f"{row} on {library}")


def measured(library: str, chosen: argparse.Namespace, rows: list[str]) -> list[dict[str, Any]]:
    """The entries of one framework."""
    framework = library.partition(" ")[0]
    with ragged.use(framework, device=PLACES[framework]):
        if chosen.verify:
            verified(library, rows)
        d = inputs(framework, int(chosen.elements), chosen.mean)
        content = contents(d.x)
        clock = Clock(framework, content)
        size, per_row = 4 * int(content.shape[0]), 4 * int(contents(d.y).shape[0])
        copied, spread = median(clock, clock.copying, chosen.rounds)
        bandwidth = 2 * size / copied
        place = {"library": f"ragged-{library}", "device": clock.device(), "elements": size // 4, "rows": per_row // 4}
        found = [{**place, "row": "copy", "median": copied, "spread": spread, "bytes_per_second": bandwidth}]
        for row in rows:
            run = program(library, row)
            taken, spread = median(clock, lambda run=run: run(d.x, d.y), chosen.rounds)  # type: ignore[misc]
            moved = ROWS[row].contents * size + ROWS[row].rows * per_row
            share = moved / taken / bandwidth
            found.append({**place, "row": row, "median": taken, "spread": spread, "share_of_copy": share})
            print(f"{library:8} {row:28} {taken * 1e3:9.3f} ms  {share:6.1%} of the copy", flush=True)
    return found


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elements", type=float, default=1e8)
    parser.add_argument("--mean", type=float, default=10, help="elements of a row, on average")
    parser.add_argument("--libraries", default=",".join((*PLACES, "jax jit")))
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS / "gpu.json")
    return parser.parse_args()


def with_gpu(library: str) -> bool:
    """Whether the framework is here and has a device."""
    library = library.partition(" ")[0]
    return library in ragged.available() and any(each.startswith(("cuda", "gpu")) for each in devices(library))


def versions() -> dict[str, str]:
    """The versions of what takes part."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main() -> int:
    """Measure each framework that has a device; write what was measured."""
    chosen = options()
    libraries = [name for name in chosen.libraries.split(",") if with_gpu(name)]
    if not libraries:
        print(f"none of {chosen.libraries} has a GPU here; nothing was measured, and nothing written")
        return 2
    report: dict[str, Any] = {"schema": 1, "date": datetime.now(UTC).isoformat(timespec="seconds")}
    report |= {"versions": versions(), "settings": {"mean": chosen.mean, "rounds": chosen.rounds}, "results": []}
    for library in libraries:
        report["results"] += measured(library, chosen, chosen.rows.split(","))
        chosen.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
