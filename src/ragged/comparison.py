"""`compare`: one program's value and gradient on every backend, against each other and against finite differences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from ragged._compare_evidence import Evidence
    from ragged._compare_numbers import Leaf
    from ragged._compare_run import Run

__all__ = ["Comparison", "Row", "compare"]

SCHEMA = "ragged.comparison/1"
FINITE = "finite differences"


@dataclass(frozen=True, slots=True)
class Row:
    """One backend's result, and how far it is from the first backend's that ran.

    `status` is "agrees", "disagrees", "failed" (the program raised) or "unavailable" (the backend cannot run it);
    `reason` says why where it is not "agrees". Deviations are relative to the largest number of what is compared;
    seconds are those of value and gradient together, the first call (compilation included) and the best of later
    ones; `peak_memory` is in bytes, of a process of its own that computes both once; `traceback` is that of a program
    that raised.
    """

    backend: str
    status: str
    value: Any = None
    gradient: Any = None
    value_deviation: float | None = None
    gradient_deviation: float | None = None
    seconds_first: float | None = None
    seconds: float | None = None
    peak_memory: int | None = None
    reason: str | None = None
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found; `print(comparison)` shows it as a table, `to_html` on a page."""

    name: str
    rows: tuple[Row, ...]
    named: frozenset[str] = frozenset()
    """Backends that the caller asked for by name: one of them that cannot run is not passed over."""
    arguments: tuple[str, ...] = ()
    """Names of the arguments that the gradient is by."""
    argnums: int | tuple[int, ...] = 0
    tolerances: tuple[float | None, float | None] = (None, None)
    """The relative and the absolute one, where the caller set them."""
    evidence: tuple[Evidence, ...] = ()
    """Where gradients differ: numeric derivatives, and which backend each confirms."""
    versions: dict[str, str] = field(default_factory=dict)
    """Python's and those of all libraries that took part."""

    @property
    def ok(self) -> bool:
        """Whether some backend ran and nothing disagrees, failed, or was asked for in vain."""
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """0 agree, 1 disagree (or the program failed on some backend only), 2 nothing could run as asked."""
        statuses = {row.status for row in self.rows if row.backend != FINITE}
        if not statuses & {"agrees", "disagrees"}:
            return 2
        if any(row.status in ("disagrees", "failed") for row in self.rows):
            return 1
        return 2 if any(row.status == "unavailable" and row.backend in self.named for row in self.rows) else 0

    @property
    def verdict(self) -> str:
        """The outcome in a sentence; where gradients differ, whose the numeric derivatives confirm."""
        from ragged._compare_print import verdict

        return verdict(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values; numbers that JSON cannot hold are strings."""
        from ragged._compare_print import plain_row

        return {
            "program": self.name,
            "ok": self.ok,
            "verdict": self.verdict,
            "rows": [plain_row(row) for row in self.rows],
            "evidence": [plain_row(each) for each in self.evidence],
            "versions": self.versions,
        }

    def to_json(self, path: str | Path) -> None:
        """Write the comparison to a JSON file, with the version of its schema."""
        write_json([self], path)

    def to_html(self, path: str | Path) -> None:
        """Write the comparison as one web page that needs nothing else: the table, the gradients side by side, where
        they differ, times, versions, and which side the numeric derivatives confirm."""
        write_html([self], path)

    def _repr_html_(self) -> str:
        from ragged.report import fragment

        return fragment(self)

    def print(self) -> None:
        """Print the table, in colour where rich is installed."""
        from ragged._compare_print import print_table

        print_table(self)

    def __str__(self) -> str:
        from ragged._compare_print import text_table

        return text_table(self)


def write_html(comparisons: Iterable[Comparison], path: str | Path) -> None:
    """All comparisons on one page."""
    from pathlib import Path

    from ragged.report import page

    Path(path).write_text(page(list(comparisons)), encoding="utf-8")


def write_json(comparisons: Iterable[Comparison], path: str | Path) -> None:
    """All comparisons in one JSON file."""
    import json
    from pathlib import Path

    document = {"schema": SCHEMA, "comparisons": [comparison.to_dict() for comparison in comparisons]}
    Path(path).write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def compare(
    program: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    backends: str | Sequence[str] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> Comparison:
    """The value and gradient of `program(*args)` on every backend, compared.

    Args:
        program: returns one real number; a function at the top of a file also gets its peak memory measured.
        *args: what it is called with: ragged arrays, dense arrays, numbers, and trees of them.
        argnums: by which arguments to differentiate.
        backends: names (or one); by default all that are available. Every backend is held against the first that runs.
        rtol: relative to the largest number of an array; by default 1e-10, or 1e-4 where 32-bit floats take part.
        atol: added to that; by default 1e-14, or 1e-7.

    The row "finite differences" holds the first gradient against fourth-order central differences in a random
    direction. A terminal shows what is being done.

    Raises:
        ValueError: no backends at all.

    >>> import ragged
    >>> x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    >>> comparison = ragged.compare(lambda x: ragged.sum(x**2), x, backends=["numpy"])
    >>> comparison.ok, float(comparison.rows[0].value), comparison.rows[0].gradient
    (True, 55.0, <Array [[2, 4, 6], [], [8, 10]] type='3 * var * float64'>)
    """
    from ragged._progress import progress

    names = (backends,) if isinstance(backends, str) else backends
    if names is not None and not names:
        raise ValueError("backends=[] leaves nothing to compare; leave it out for all that are available")
    with progress() as tell:
        return compare_checked(program, args, argnums, names, rtol, atol, tell=tell)


def compare_checked(
    program: Callable[..., Any],
    args: Sequence[Any],
    argnums: int | Sequence[int] = 0,
    backends: Sequence[str] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    name: str | None = None,
    check: Callable[..., Any] | None = None,
    tell: Callable[[str], object] = str,
) -> Comparison:
    """`compare`, with the program's own `check(*args)` run on every backend too; `tell` is told what is being done."""
    from ragged._compare_numbers import measure
    from ragged._compare_run import argument_names, peak_memory, run
    from ragged._installed import versions
    from ragged.registry import available

    argnums = argnums if isinstance(argnums, int) else tuple(argnums)
    rows: list[Row] = []
    runs: list[Run] = []
    reference: tuple[Run, list[Leaf], list[Leaf]] | None = None
    for backend in available() if backends is None else backends:
        tell(backend)
        done = run(program, args, argnums, backend, check)
        if done.failure is not None:
            rows.append(Row(backend, done.status, reason=done.failure, traceback=done.traceback))
            continue
        value, gradient = measure(done.value), measure(done.gradient)
        reference = reference or (done, value, gradient)
        tell(f"{backend}: peak memory")
        memory = peak_memory(program, args, argnums, backend)
        rows.append(judge(done, value, gradient, reference, (rtol, atol), memory))
        runs.append(done)
    found = numeric_evidence(program, args, argnums, rows, runs, tell)
    if reference is not None:
        tell(FINITE)
        rows.append(finite_row(program, args, argnums, reference[0]))
    return Comparison(
        name or str(getattr(program, "__name__", program)),
        tuple(rows),
        frozenset(backends or ()),
        argument_names(program, argnums),
        argnums,
        (rtol, atol),
        found,
        versions([row.backend for row in rows]),
    )


def numeric_evidence(
    program: Any,
    args: Sequence[Any],
    argnums: int | tuple[int, ...],
    rows: Sequence[Row],
    runs: Sequence[Run],
    tell: Callable[[str], object],
) -> tuple[Evidence, ...]:
    """The numeric derivatives where some gradient differs from the first."""
    differ = {row.backend for row in rows if row.status == "disagrees" and "gradient: " in (row.reason or "")}
    if not differ:
        return ()
    from ragged._compare_evidence import evidence

    tell("numeric derivatives")
    return tuple(
        found for other in runs if other.backend in differ for found in evidence(program, args, argnums, runs[0], other)
    )


def judge(
    done: Run,
    value: list[Leaf],
    gradient: list[Leaf],
    reference: tuple[Run, list[Leaf], list[Leaf]],
    tolerances: tuple[float | None, float | None],
    memory: int | None,
) -> Row:
    """The row of a backend that ran."""
    from ragged._compare_numbers import deviation

    first, reference_value, reference_gradient = reference
    in_value = deviation(value, reference_value, *tolerances)
    in_gradient = deviation(gradient, reference_gradient, *tolerances)
    apart = [f"{what}: {d.reason}" for what, d in (("value", in_value), ("gradient", in_gradient)) if d.reason]
    return Row(
        backend=done.backend,
        status="disagrees" if apart else "agrees",
        value=done.value,
        gradient=done.gradient,
        value_deviation=in_value.relative,
        gradient_deviation=in_gradient.relative,
        seconds_first=done.seconds_first,
        seconds=done.seconds,
        peak_memory=memory,
        reason=f"unlike {first.backend}: {'; '.join(apart)}" if apart else None,
    )


def finite_row(program: Any, args: Sequence[Any], argnums: int | tuple[int, ...], done: Run) -> Row:
    """The row of the gradient's slope in one direction against finite differences."""
    from ragged._compare_run import finite_differences

    found = finite_differences(program, args, argnums, done)
    if isinstance(found, str):
        return Row(FINITE, "failed", reason=found)
    slope, expected, relative, agrees = found
    reason = None if agrees else f"slope {expected:.9g} by the gradient of {done.backend}, {slope:.9g} by differences"
    return Row(FINITE, "agrees" if agrees else "disagrees", slope, gradient_deviation=relative, reason=reason)
