"""A library that is measured in a process of its own, in turn with the others.

Awkward's JAX backend corrupts its process's memory at random (wrong lengths, `malloc()` aborting), on the programs
of these tables too. There it can only kill itself: it is started again and asked again, and the failures are counted.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
from functools import lru_cache
from typing import Any

from inputs import Case
from libraries import call
from timing import FAILURES, described, seconds

__all__ = ["Remote"]

ATTEMPTS = 3
PATIENCE = 20
"""Seconds to wait for one measurement: corrupted memory may also make it hang."""


class Remote:
    """A library's process, which lives until it fails."""

    def __init__(self, library: str) -> None:
        self.library = library
        self.process: subprocess.Popen[str] | None = None
        self.failures = 0

    def seconds(self, case: Case, row: str, repeat: int) -> float:
        """The mean seconds of so many calls of a row.

        Raises:
            RuntimeError: it failed several times in a row; the message tells how it did at last.
        """
        question = {
            "library": self.library,
            "case": [case.shape, case.elements, case.values.dtype.name],
            "row": row,
            "repeat": repeat,
        }
        for _ in range(ATTEMPTS):
            answer = self.ask(question)
            if "seconds" in answer:
                return float(answer["seconds"])
            self.failures += 1
        raise RuntimeError(answer["failed"])

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The answer of the process, or how it died."""
        if self.process is None:
            pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
            command = [sys.executable, __file__]
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet, text=True)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answers, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        if line := self.process.stdout.readline() if answers else "":
            answer: dict[str, Any] = json.loads(line)
            return answer
        if not answers:
            self.process.kill()
        code = self.process.wait()
        self.process = None
        died = f"the process died ({'signal' if code < 0 else 'exit code'} {abs(code)})"
        return {"failed": died if answers else f"no answer within {PATIENCE} s"}

    def close(self) -> None:
        """End the process."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process = None


@lru_cache(maxsize=1)
def case_of(shape: str, elements: int, dtype: str) -> Case:
    return Case.make(shape, elements, dtype)


@lru_cache(maxsize=1)
def call_of(library: str, case: tuple[str, int, str], row: str) -> Any:
    return call(library, case_of(*case), row)


def main() -> None:
    """Answer questions, one a line, until there are no more."""
    for line in sys.stdin:
        question = json.loads(line)
        try:
            measured = call_of(question["library"], tuple(question["case"]), question["row"])
            answer: dict[str, Any] = {"seconds": seconds(measured, question["repeat"])}
        except FAILURES as error:
            answer = {"failed": described(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
