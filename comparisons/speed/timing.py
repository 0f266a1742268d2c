"""Interleaved timing: every round calls each library once, so that what disturbs the machine disturbs them all."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["FAILURES", "described", "interleaved", "seconds", "summary"]

Call = Callable[[], Any]
Runner = Callable[[int], float]
"""The mean seconds of so many calls in a row."""
SHORTEST = 2e-3
"""Seconds that one measurement takes at least: shorter calls are repeated and divided."""
LONG = 5.0
"""Seconds from which on a call is told of, not measured."""
SLOW = 0.2
"""Seconds from which on a call needs no further warm-up."""
FAILURES = (TypeError, ValueError, LookupError, AttributeError, RuntimeError, MemoryError)


def seconds(call: Call, repeat: int) -> float:
    """Mean seconds of so many calls in a row."""
    begin = time.perf_counter()
    for _ in range(repeat):
        call()
    return (time.perf_counter() - begin) / repeat


def described(error: BaseException) -> str:
    """An error in one line."""
    line = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {line if len(line) <= 150 else line[:150] + '…'}"


class Race:
    """Those that still run, and why the others no longer do."""

    def __init__(self, runners: Mapping[str, Runner]) -> None:
        self.runners = dict(runners)
        self.failed: dict[str, str] = {}

    def seconds(self, name: str, repeat: int) -> float | None:
        """The time of one measurement; None once it has failed."""
        if name not in self.runners:
            return None
        try:
            return self.runners[name](repeat)
        except FAILURES as error:
            self.give_up(name, described(error))
            return None

    def give_up(self, name: str, why: str) -> None:
        """Go on without it."""
        del self.runners[name]
        self.failed[name] = why


def interleaved(
    runners: Mapping[str, Runner], budget: float, rounds: tuple[int, int]
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """The seconds of every round of each, after a warm-up; and why those failed that have none.

    Args:
        runners: what to time, by name.
        budget: seconds that it may take in all, within the bounds of `rounds`.
        rounds: fewest and most rounds.
    """
    race = Race(runners)
    once = {}
    for name in runners:  # compile, fill caches, then look how long it takes
        if (first := race.seconds(name, 1)) is None or (again := race.seconds(name, 1)) is None:
            continue
        if again > LONG:
            race.give_up(name, f"takes {again:.0f} s")
            continue
        if first < SLOW and (third := race.seconds(name, 1)) is not None:
            again = min(again, third)
        once[name] = again
    names = list(once)
    if not names:
        return {}, race.failed
    repeats = {name: max(1, int(SHORTEST / once[name])) for name in names}
    total = sum(once[name] * repeats[name] for name in names)
    fewest = rounds[0] if total < 10 * SLOW else 3
    count = min(max(int(budget / total), fewest), rounds[1])
    times: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.disable()
    try:
        for i in range(count):
            for name in turn(names, i):
                if (measured := race.seconds(name, repeats[name])) is not None:
                    times[name].append(measured)
    finally:
        gc.enable()
    return {name: times[name] for name in race.runners if name in times}, race.failed


def turn(names: Sequence[str], i: int) -> Sequence[str]:
    """The order of a round: each name comes first in turn."""
    begin = i % len(names)
    return [*names[begin:], *names[:begin]]


def summary(times: Mapping[str, list[float]], name: str, peers: tuple[str, ...]) -> dict[str, Any]:
    """The median in seconds, the spread (between the quartiles, relative to the median), and the median of the rounds'
    ratios to each peer."""
    own = times[name]
    median = statistics.median(own)
    low, _, high = statistics.quantiles(own, n=4)
    return {
        "median": median,
        "spread": (high - low) / median,
        "rounds": len(own),
        "ratio": {
            peer: statistics.median(mine / other for mine, other in zip(own, times[peer], strict=True))
            for peer in peers
            if peer in times
        },
    }
