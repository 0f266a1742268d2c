"""How fast ragged is on a CUDA device: times, and the share of the device's own copy bandwidth that each row reaches.

    python comparisons/speed/gpu.py [--elements 1e8] [--mean 10] [--libraries cupy,torch,jax] [--rows sum,max]
                                    [--rounds 21] [--out FILE] [--verify]

Every row is warmed up, then timed by CUDA events (JAX, whose stream is its own, by the clock, its results waited for);
the median counts. Beside it stands what a copy of the same content reaches in the same run: a row's share is the bytes
that it cannot do without (content read, and results written, once), per second, over those of the copy. `--verify`
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
PACKAGES = ("ragged-diff", "numpy", "cupy-cuda12x", "cupy-cuda13x", "jax", "jaxlib", "torch")


@dataclass(frozen=True)
class Data:
    """One array of rows, and a number for each."""

    x: Any
    y: Any


@dataclass(frozen=True)
class Row:
    """A program, and the bytes that it moves at least, in contents and rows: those are all of one size."""

    run: Callable[[Data], Any]
    contents: float
    rows: float = 0.0


def gradient(program: Callable[[Any, Any], Any]) -> Callable[[Data], Any]:
    """The gradient of a sum of squares of a program's results."""
    return lambda d: ragged.grad(lambda x: ragged.sum(ragged.fill_none(program(x, d.y), 0.0) ** 2))(d.x)


ROWS = {
    "x*x+1": Row(lambda d: d.x * d.x + 1, 2),
    "exp": Row(lambda d: ragged.exp(d.x), 2),
    "sum": Row(lambda d: ragged.sum(d.x, axis=1), 1, 1),
    "max": Row(lambda d: ragged.max(d.x, axis=1, mask_identity=False), 1, 1),
    "x - row scalar": Row(lambda d: d.x - d.y, 2, 1),
    "x[x > 0]": Row(lambda d: d.x[d.x > 0], 1.5),
    "softmax": Row(lambda d: ragged.softmax(d.x, axis=1), 2),
    "sort": Row(lambda d: ragged.sort(d.x, axis=1), 2),
    "gradient of exp": Row(gradient(lambda x, y: ragged.exp(x)), 2),
    "gradient of sum": Row(gradient(lambda x, y: ragged.sum(x, axis=1)), 2),
    "gradient of max": Row(gradient(lambda x, y: ragged.max(x, axis=1, mask_identity=False)), 2),
    "gradient of x - row scalar": Row(gradient(lambda x, y: x - y), 2, 1),
    "gradient of x[x > 0]": Row(gradient(lambda x, y: x[x > 0]), 2),
}


class Clock:
    """What times calls on one framework's device, and copies its arrays."""

    def __init__(self, library: str) -> None:
        self.library = library
        self.framework: Any = importlib.import_module(library)

    def seconds(self, call: Callable[[], Any]) -> float:
        """The time of one call, from its first kernel to its last."""
        if self.library == "jax":
            begin = time.perf_counter()
            self.wait(call())
            return time.perf_counter() - begin
        if self.library == "torch":
            events = [self.framework.cuda.Event(enable_timing=True) for _ in range(2)]
        else:
            events = [self.framework.cuda.Event() for _ in range(2)]
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


def verified(library: str, rows: list[str]) -> None:
    """Results at a smaller size are NumPy's.

    Raises:
        AssertionError: they are not.
    """
    d = inputs(library, 100_000, 10)
    host = Data(d.x.to_backend("numpy"), d.y.to_backend("numpy"))
    for row in rows:
        found, wanted = ROWS[row].run(d), ROWS[row].run(host)
        values = found._backend.to_numpy(contents(found))
        np.testing.assert_allclose(values, contents(wanted), rtol=2e-5, atol=2e-5, err_msg=f"{row} on {library}")


def measured(library: str, chosen: argparse.Namespace, rows: list[str]) -> list[dict[str, Any]]:
    """The entries of one framework."""
    clock = Clock(library)
    with ragged.use(library, device=PLACES[library]):
        if chosen.verify:
            verified(library, rows)
        d = inputs(library, int(chosen.elements), chosen.mean)
        content = contents(d.x)
        size, per_row = 4 * int(content.shape[0]), 4 * int(contents(d.y).shape[0])
        copied, spread = median(clock, clock.copy(content), chosen.rounds)
        bandwidth = 2 * size / copied
        place = {"library": f"ragged-{library}", "device": clock.device(), "elements": size // 4, "rows": per_row // 4}
        found = [{**place, "row": "copy", "median": copied, "spread": spread, "bytes_per_second": bandwidth}]
        for row in rows:
            taken, spread = median(clock, lambda row=row: ROWS[row].run(d), chosen.rounds)  # type: ignore[misc]
            moved = ROWS[row].contents * size + ROWS[row].rows * per_row
            share = moved / taken / bandwidth
            found.append({**place, "row": row, "median": taken, "spread": spread, "share_of_copy": share})
            print(f"{library:6} {row:28} {taken * 1e3:9.3f} ms  {share:6.1%} of the copy", flush=True)
    return found


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elements", type=float, default=1e8)
    parser.add_argument("--mean", type=float, default=10, help="elements of a row, on average")
    parser.add_argument("--libraries", default=",".join(PLACES))
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS / "gpu.json")
    return parser.parse_args()


def with_gpu(library: str) -> bool:
    """Whether the framework is here and has a device."""
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
