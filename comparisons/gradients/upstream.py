"""Where the gradients of Awkward Array's own JAX backend are right, wrong, NaN or refused, beside ours.

Shows: programs written once for both libraries (`lib` is `ragged` or `awkward`), most of them one line; the derivative
of each by differences, element by element: by the complex step where every operation of the program continues
analytically, else by central differences, which at a kink give the mean of both sides' slopes.

`ragged compare` takes the sum of all programs and checks that our gradient of each equals the numeric one on every
backend. Run as a script, it also asks Awkward, prints a table, and says where Awkward's answer is not the one
recorded here. Exit code 0 if ours are right, whatever Awkward's are. `--page FILE` writes the table in Markdown.

    ragged compare comparisons/gradients/upstream.py
    python comparisons/gradients/upstream.py
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import math
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

import ragged

X = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
ZEROS = [[2.0, 0.0, 3.0], [], [0.0, 0.0], [4.0]]
TIES = [[2.0, 2.0], [], [1.0, 3.0, 3.0]]
FULL = [[1.0, 2.0, 4.0], [3.0]]

ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Case:
    """A program `f(lib, x)` at a point; `recorded` is what Awkward 2.14 made of it.

    Its derivative is that of the sum of its result or, with a `cotangent`, what the pullback makes of that.
    """

    name: str
    f: Callable[[Any, Any], Any]
    x: list[list[float]]
    recorded: str
    cotangent: list[Any] | None = None

    def loss(self, x: Any) -> Any:
        """One number with the derivative in question."""
        result = self.f(ragged, x)
        return ragged.sum(result if self.cotangent is None else result * ragged.Array(self.cotangent))


CASES = (
    Case("prod, a zero in the list", lambda lib, x: lib.prod(x, axis=1), ZEROS, "wrong"),
    Case("prod along axis 0, a zero", lambda lib, x: lib.prod(x, axis=0), [[2.0, 0.0], [3.0]], "wrong"),
    Case("prod of everything, a zero", lambda lib, x: lib.prod(x), [[2.0, 0.0], [], [3.0]], "wrong"),
    Case("prod, negative numbers", lambda lib, x: lib.prod(-x, axis=1), X, "right"),
    Case("sine of sums", lambda lib, x: np.sin(lib.sum(x, axis=1)), X, "right"),
    Case("mean", lambda lib, x: lib.mean(x, axis=1) ** 2, FULL, "right"),
    Case("var, one element", lambda lib, x: lib.var(x, axis=1), FULL, "right"),
    Case("std, one element", lambda lib, x: lib.std(x, axis=1), FULL, "NaN"),
    Case("std, equal elements", lambda lib, x: lib.std(x, axis=1), [[2.0, 2.0], [1.0, 3.0]], "NaN"),
    Case("ptp, one element", lambda lib, x: lib.ptp(x, axis=1), FULL, "right"),
    Case("max, ties", lambda lib, x: lib.max(x, axis=1), TIES, "right"),
    Case("min, ties", lambda lib, x: lib.min(x, axis=1), TIES, "right"),
    Case("max along axis 0, ties", lambda lib, x: lib.max(x, axis=0), TIES, "right"),
    Case("softmax of large numbers", lambda lib, x: lib.softmax(x, axis=1) ** 2, [[1000.0, 1001.0], [3.0]], "NaN"),
    Case("the largest by argmax", lambda lib, x: x[lib.argmax(x, axis=1, keepdims=True)] ** 2, X, "right"),
    Case("sort", lambda lib, x: lib.sort(x, axis=1)[:, :1], FULL, "refused"),
    Case("argsort as an index", lambda lib, x: x[lib.argsort(x, axis=1)][:, :1], FULL, "refused"),
    Case("abs at 0", lambda lib, x: abs(x), [[-1.0, 0.0], [2.0]], "wrong"),
    Case("hypot at 0", lambda lib, x: np.hypot(x, x), [[0.0, 1.0]], "wrong"),
    Case("x ** 0 at 0", lambda lib, x: x**0.0, [[0.0, 1.0]], "NaN"),
    Case("maximum, a tie", lambda lib, x: np.maximum(x, 2.0), X, "right"),
    Case("clip", lambda lib, x: np.clip(x, 1.5, 4.5), X, "refused"),
    Case("sqrt under a mask", lambda lib, x: np.sqrt(lib.mask(x, x > 0)), [[4.0, -1.0], [0.25]], "right"),
    Case(
        "log in one branch", lambda lib, x: lib.where(x > 0, np.log(lib.mask(x, x > 0)), 0.0), [[4.0, -1.0]], "refused"
    ),
    Case("x[1:]", lambda lib, x: x[1:] ** 2, X, "right"),
    Case("x[:, 1:]", lambda lib, x: x[:, 1:] ** 2, X, "right"),
    Case("x[:, ::-1]", lambda lib, x: x[:, ::-1] ** 2, X, "right"),
    Case("x[x > 1.5]", lambda lib, x: x[x > 1.5] ** 2, X, "right"),
    Case("x[NumPy mask]", lambda lib, x: x[np.array([True, False, True])] ** 2, X, "refused"),
    Case("x[[2, 0]]", lambda lib, x: x[[2, 0]] ** 2, X, "right"),
    Case("pullback of x[1:]", lambda lib, x: x[1:], X, "refused", [[], [5.0, 7.0]]),
    Case("pullback of x[:, 1:]", lambda lib, x: x[:, 1:], X, "right", [[5.0, 7.0], [], [3.0]]),
    Case("pullback of x[::-1]", lambda lib, x: x[::-1], X, "refused", [[5.0, 7.0], [], [1.0, 2.0, 3.0]]),
    Case("pullback of x[[2, 0]]", lambda lib, x: x[[2, 0]], X, "refused", [[5.0, 7.0], [1.0, 2.0, 3.0]]),
    Case("pullback of x[x > 1.5]", lambda lib, x: x[x > 1.5], X, "right", [[5.0, 7.0], [], [1.0, 2.0]]),
    Case("pullback of a mask", lambda lib, x: lib.mask(x, x > 1.5), X, "refused", [[None, 5.0, 7.0], [], [1.0, 2.0]]),
    Case("pullback of max, an empty list", lambda lib, x: lib.max(x, axis=1), X, "refused", [5.0, None, 7.0]),
    Case("pullback of firsts", lambda lib, x: lib.firsts(x), X, "refused", [5.0, None, 7.0]),
    Case("pullback of other rows", lambda lib, x: 2.0 * x, X, "accepted", [[1.0], [2.0, 3.0, 4.0], [5.0]]),
    Case("concatenate within lists", lambda lib, x: lib.concatenate([x, x**2], axis=1), X, "refused"),
    Case(
        "unflatten by NumPy counts", lambda lib, x: lib.unflatten(lib.flatten(x), np.array([2, 3])) ** 2, X, "refused"
    ),
    Case("combinations", lambda lib, x: lib.combinations(x, 2)["0"] * lib.combinations(x, 2)["1"], X, "right"),
    Case("pad_none, fill_none", lambda lib, x: lib.fill_none(lib.pad_none(x, 3), 1.0) ** 2, X, "right"),
)


# ---------------------------------------------------------------------- the numeric derivative


def numeric(case: Case) -> tuple[Any, str]:
    """The derivative by differences as nested lists, and which; or why there is none."""
    lengths = [len(row) for row in case.x]
    point = np.array(list(chain(*case.x)))

    def loss(values: Any) -> Any:
        return case.loss(ragged.from_lengths(values, lengths))

    with ragged.use("numpy"), np.errstate(all="ignore"):
        try:
            ragged.check_grads(case.loss, ragged.Array(case.x), order=1, method="complex")
            slopes, way = [np.imag(loss(point + 1e-20j * e)) / 1e-20 for e in np.eye(len(point))], "complex step"
        except NotImplementedError:
            steps = 1e-6 * np.diag(np.maximum(np.abs(point), 1.0))
            slopes = [(loss(point + e) - loss(point - e)) / (2 * np.max(e)) for e in steps]
            way = "differences"
        except ragged.StructureError as error:
            return refusal(error), "none"
    return ragged.from_lengths(slopes, lengths).to_list(), way


# ---------------------------------------------------------------------- ours and Awkward's


def ours(case: Case, backend: str) -> Any:
    """Our derivative on one backend, as nested lists; or the error."""
    with ragged.use(backend, precision="float64"):
        x = ragged.Array(case.x)
        try:
            if case.cotangent is None:
                return ragged.grad(case.loss)(x).to_list()
            _, pullback = ragged.vjp(lambda x: case.f(ragged, x), x)
            return pullback(ragged.Array(case.cotangent))[0].to_list()
        except ERRORS as error:
            return refusal(error)


def awkwards(case: Case) -> Any:
    """The derivative of Awkward's JAX backend, as nested lists; or the error."""
    try:
        import awkward as ak
        import jax

        x = ak.to_backend(ak.Array(case.x), "jax")
        if case.cotangent is None:
            return jax.grad(lambda x: total(ak, case.f(ak, x)))(x).to_list()
        _, pullback = jax.vjp(lambda x: case.f(ak, x), x)
        return pullback(ak.to_backend(ak.Array(case.cotangent), "jax"))[0].to_list()
    except ERRORS as error:
        return refusal(error)


def total(ak: Any, x: Any) -> Any:
    """The sum; `ak.sum` of a number raises."""
    return ak.sum(x) if isinstance(x, ak.Array) else x


@contextlib.contextmanager
def awkward_on_jax():
    """Awkward's JAX backend at work; the settings that it changes for the whole process are put back afterwards."""
    import awkward as ak
    import jax

    names = ("jax_enable_x64", "jax_platform_name")
    before = [jax.config.read(name) for name in names]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and says so
        with contextlib.suppress(AttributeError):  # gone in some later version: every program is refused then
            ak.jax.register_and_check()
        try:
            yield
        finally:
            for name, value in zip(names, before, strict=True):
                jax.config.update(name, value)


def refusal(error: BaseException) -> str:
    """An error in a few words."""
    return shortened(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}", 80)


def verdict(found: Any, wanted: Any) -> str:
    """What a derivative is worth beside the numeric one."""
    if isinstance(wanted, str):
        return "right" if isinstance(found, str) else "accepted"
    if isinstance(found, str):
        return "refused"
    if list(map(len, found)) != list(map(len, wanted)):
        return "wrong"
    pairs = list(zip(chain(*found), chain(*wanted), strict=True))
    if any(math.isnan(a) for a, _ in pairs):
        return "NaN"
    return "right" if all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6) for a, b in pairs) else "wrong"


# ---------------------------------------------------------------------- for `ragged compare`


def program(points):
    """The sum of all programs at their points."""
    return sum(case.loss(x) for case, x in zip(usual(), points, strict=True))


def inputs():
    return ([ragged.Array(case.x) for case in usual()],)


def usual():
    """The cases that have a derivative."""
    return [case for case in CASES if case.recorded != "accepted"]


def check(points):
    """Our derivative of every program is the numeric one, on the backend in use."""
    backend = ragged.current() or "numpy"
    for case in CASES:
        wanted, way = numeric(case)
        found = ours(case, backend)
        assert verdict(found, wanted) == "right", f"{case.name}: {found} on {backend}, {wanted} by {way}"


# ---------------------------------------------------------------------- the table

COLUMNS = ("program", "at", "numeric derivative", "by", "ragged", "Awkward's JAX backend", "is")


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    case: Case
    numeric: Any
    way: str
    ours: dict[str, Any]
    awkwards: Any

    @property
    def agrees(self) -> bool:
        """Whether ours is the numeric derivative on every backend."""
        return all(verdict(each, self.numeric) == "right" for each in self.ours.values())

    @property
    def upstream(self) -> str:
        """What Awkward's is."""
        return verdict(self.awkwards, self.numeric)

    def cells(self) -> list[str]:
        """The line's texts."""
        wrong = [
            f"{name}: {text(found)}" for name, found in self.ours.items() if verdict(found, self.numeric) != "right"
        ]
        mine = "; ".join(wrong) or f"right ({', '.join(self.ours)})"
        theirs = "the same" if self.upstream == "right" else text(self.awkwards)
        return [self.case.name, text(self.case.x), text(self.numeric), self.way, mine, theirs, self.upstream]


def text(x: Any) -> str:
    """Nested lists, numbers in four digits (differences are not exact)."""
    if isinstance(x, list):
        return f"[{', '.join(map(text, x))}]"
    return f"{round(x, 8) + 0.0:.4g}" if isinstance(x, float) else str(x)


def results(backends):
    """Every case on every side."""
    mine = [(case, *numeric(case), {name: ours(case, name) for name in backends}) for case in CASES]
    with awkward_on_jax():
        theirs = [awkwards(case) for case in CASES]
    return [Result(*each, found) for each, found in zip(mine, theirs, strict=True)]


def versions() -> str:
    """What was compared."""
    found = []
    for name in ("ragged-diff", "awkward", "jax", "numpy"):
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return ", ".join(found)


def shortened(words: str, most: int = 44) -> str:
    """At most so many characters."""
    return words if len(words) <= most else f"{words[: most - 1]}…"


def show(lines) -> None:
    """Print the table, with rich where it is installed."""
    try:
        table_type = importlib.import_module("rich.table").Table
        text_type = importlib.import_module("rich.text").Text
        console = importlib.import_module("rich.console").Console()
    except ImportError:
        print("\n".join("  ".join(line.cells()) for line in lines))
        return
    table = table_type(title=f"gradients: {versions()}")
    for name in COLUMNS:
        if name != "at":
            table.add_column(name, no_wrap=True)
    for line in lines:
        style = "bold red" if not line.agrees else "" if line.upstream == "right" else "yellow"
        cells = (shortened(cell) for name, cell in zip(COLUMNS, line.cells(), strict=True) if name != "at")
        table.add_row(*(text_type(cell, style=style) for cell in cells))
    console.width = max(console.width, 180)
    console.print(table)


PAGE = """# Awkward's JAX backend beside ours

Awkward Array's JAX backend is deprecated. These are its gradients beside ours, and beside the derivative by
differences: the complex step where every operation of a program continues analytically, elsewhere central differences
(at a kink: the mean of both sides' slopes). The programs are in
[comparisons/gradients/upstream.py](../comparisons/gradients/upstream.py), which made this page; a test runs it again
and fails when an answer changes.

| Awkward's is | which means |
| --- | --- |
| right | the numeric derivative |
| wrong | another number |
| NaN | no number where there is a derivative |
| refused | an error |
| accepted | a number where there is none: the cotangent's rows are not those of the result |

With {versions}, Awkward's answers to {count} programs are: {summary}.

"""


def page(lines) -> str:
    """The table in Markdown."""
    rows = [COLUMNS, ["---"] * len(COLUMNS), *(line.cells() for line in lines)]
    body = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
    found = [line.upstream for line in lines]
    summary = ", ".join(f"{found.count(kind)} {kind}" for kind in ("right", "wrong", "NaN", "refused", "accepted"))
    return f"{PAGE.format(versions=versions(), count=len(lines), summary=summary)}{body}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Awkward's JAX backend beside ours.")
    parser.add_argument("--page", type=Path, metavar="FILE", help="also write the table in Markdown")
    options = parser.parse_args()
    if "jax" not in ragged.available():
        parser.error("there is nothing to compare with: Awkward's side needs jax (pip install jax)")
    lines = results([name for name in ragged.available() if name in ("numpy", "jax")])
    show(lines)
    if options.page is not None:
        options.page.write_text(page(lines), encoding="utf-8")
    for line in lines:
        if line.upstream != line.case.recorded:
            print(f"Awkward's answer to {line.case.name!r} was {line.case.recorded}, now it is {line.upstream}")
    wrong = [line.case.name for line in lines if not line.agrees]
    print(f"ours is wrong: {', '.join(wrong)}" if wrong else f"ours is right in all {len(lines)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
