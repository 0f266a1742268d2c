"""The support matrix: every operation on every backend, filled in by running the checks of `ragged.testing`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from ragged.context import active, use
from ragged.registry import ORDER, adapter, available, entry_points, get_backend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ragged.testing._operations import Operation

__all__ = ["ASPECTS", "Cell", "by_function", "fill", "markdown", "ours", "steps"]

ASPECTS = ("value", "gradient", "jit", "GPU")


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known of an operation on a backend, and why.

    The text is "yes" (its checks have passed), "no", "in part", "not run", or "–" where there is nothing to support.
    """

    text: str
    reason: str = ""


NOTHING = Cell("–")
ABSENT = Cell("not run", "it was not available where this was made")
SINGLE = 1e-5
"""How far a compiled program may be from the same program that is not."""


def by_function() -> dict[str, list[Operation]]:
    """The table's operations by the public function that they show, in alphabetical order."""
    from ragged.testing._operations import OPERATIONS

    found: dict[str, list[Operation]] = {}
    for operation in OPERATIONS:
        found.setdefault(operation.function, []).append(operation)
    return dict(sorted(found.items()))


def ours() -> list[str]:
    """The backends that come with this library, those that are not available here too."""
    return [name for name in entry_points() if name in ORDER]


def steps(backends: Sequence[str]) -> int:
    """How many steps `fill` tells of."""
    return len(set(backends) & set(available())) * len(by_function())


def fill(backends: Sequence[str], tell: Callable[[str], object] = str) -> dict[str, dict[tuple[str, str], Cell]]:
    """For every operation the cells by backend and aspect; runs the checks, telling each step."""
    table: dict[str, dict[tuple[str, str], Cell]] = {function: {} for function in by_function()}
    for name in backends:
        if name not in available():
            for row in table.values():
                row.update({(name, aspect): ABSENT for aspect in ASPECTS})
            continue
        gpu = next((each for each in devices(name) if not each.lower().startswith("cpu")), None)
        for function, operations in by_function().items():
            tell(f"{name}: {function}")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # JAX tells once that it narrows
                cells = of_function(name, operations, gpu)
            table[function] |= {(name, aspect): cell for aspect, cell in zip(ASPECTS, cells, strict=True)}
    return table


def of_function(name: str, operations: Sequence[Operation], gpu: str | None) -> tuple[Cell, Cell, Cell, Cell]:
    """The four cells of one function on one backend."""
    from ragged.testing import _gradients, _values

    b = get_backend(name)
    if operations[0].function in b.unsupported:
        declared = Cell("no", b.unsupported[operations[0].function])
        return declared, declared if operations[0].smooth else NOTHING, declared, declared
    smooth = [operation for operation in operations if operation.smooth]
    value = passed(name, _values.agrees, operations)
    gradient = passed(name, _gradients.smooth, smooth) if smooth else NOTHING
    return value, gradient, of_jit(name, operations), of_gpu(name, operations, gpu)


def passed(
    name: str, check: Callable[[Operation, Any], None], operations: Sequence[Operation], device: Any = None
) -> Cell:
    """Yes if a check of the conformance suite holds for all operations."""

    def all_of_them() -> None:
        with use(name, device=device, precision="float64"):
            for operation in operations:
                check(operation, active())

    return ran(all_of_them)


def ran(check: Callable[[], object]) -> Cell:
    """Yes if the check passes, else no, and why: a matrix tells of whatever goes wrong."""
    try:
        check()
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        line = (
            lines[-1].strip() if lines[0].endswith("in user code:") else lines[0]
        )  # TensorFlow's traceback comes first
        return Cell("no", f"{type(error).__name__}: {line.partition('; ')[0]}"[:200])
    return Cell("yes")


def of_jit(name: str, operations: Sequence[Operation]) -> Cell:
    """Whether `ragged.jit` compiles the operations (where the adapter has no way of its own), and they give what they
    give without."""
    compiled = getattr(adapter(name), "compiled", None)
    if compiled is None and get_backend(name).compiles is not None:
        from ragged.compilation import jit

        compiled = partial(jit, warn_after=None)
    if compiled is None:
        return Cell("no", "the framework does not compile")
    with use(name):
        found = {
            operation.title: cell for operation in operations if (cell := compiles(compiled, operation)) != NOTHING
        }
    refused = {title: cell.reason for title, cell in found.items() if cell.text != "yes"}
    if not found:
        return NOTHING
    if not refused:
        return Cell("yes")
    first, reason = next(iter(refused.items()))
    if all(cell.text == "no" for cell in found.values()):
        return Cell("no", reason)
    return Cell("in part", f"not {', '.join(refused)}: {reason}" if first else reason)


def compiles(compiled: Callable[[Any], Any], operation: Operation) -> Cell:
    """The same of one operation: values and types on every sample, and the gradient on the first."""
    from ragged.testing._gradients import OWN
    from ragged.testing._samples import SMOOTH, sample

    if not numeric(operation.program(sample(operation.samples[0]))):
        return NOTHING

    run, gradient = compiled(operation.program), slope_of(operation.program)

    def sampled(name: str) -> None:
        agree(run(sample(name)), operation.program(sample(name)))

    def differentiated() -> None:
        agree(compiled(gradient)(sample(SMOOTH[0])), gradient(sample(SMOOTH[0])))

    cells = {f"the sample {name!r}": ran(partial(sampled, name)) for name in operation.samples}
    if operation.smooth and operation.function not in OWN:
        cells["the gradient"] = ran(differentiated)
    refused = [what for what, cell in cells.items() if cell.text == "no"]
    if not refused:
        return Cell("yes")
    reason = cells[refused[0]].reason
    return Cell("no", reason) if len(refused) == len(cells) else Cell("in part", f"not {', '.join(refused)}: {reason}")


def slope_of(program: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The gradient of the sum of squares of what a program gives."""
    import ragged

    def loss(x: Any) -> Any:
        result = program(x)
        squares = [ragged.sum(part * part) for part in (result if isinstance(result, tuple) else (result,))]
        return reduce(ragged.add, squares)  # TensorFlow's own sum takes tensors of one dtype

    return ragged.grad(loss)


def agree(found: Any, wanted: Any) -> None:
    """What is compiled gives the same type and, as closely as single precision allows, the same values."""
    from ragged.testing._expect import plain, same_values

    (values, kind), (wanted_values, wanted_kind) = plain(found), plain(wanted)
    if kind != wanted_kind:
        raise AssertionError(f"compiled, it has type {kind}, not {wanted_kind}")
    if not same_values(values, wanted_values, SINGLE, SINGLE):
        raise AssertionError(f"compiled, it gives {values}, not {wanted_values}")


def numeric(result: Any) -> bool:
    """Whether a result is made of arrays, which a compiled function can return."""
    if isinstance(result, tuple | list):
        return all(map(numeric, result))
    return hasattr(result, "layout") or hasattr(result, "dtype")


def of_gpu(name: str, operations: Sequence[Operation], gpu: str | None) -> Cell:
    """The values on a GPU, where there is one."""
    if not hasattr(adapter(name), "devices"):
        return Cell("no", "the framework runs on the CPU only")
    if gpu is None:
        return Cell("not run", "there was no GPU where this was made")
    from ragged.testing import _values

    return passed(name, _values.agrees, operations, "gpu")


def devices(name: str) -> list[str]:
    """The devices that a backend's framework finds here."""
    found = getattr(adapter(name), "devices", None)
    return ["cpu"] if found is None else list(found())


def columns(backends: Iterable[str]) -> list[tuple[str, str]]:
    """Backend and aspect of each column."""
    return [(name, aspect) for name in backends for aspect in ASPECTS]


def markdown(table: dict[str, dict[tuple[str, str], Cell]], backends: Sequence[str], versions: dict[str, str]) -> str:
    """The matrix as a page; reasons stand below the table."""
    heads = columns(backends)
    lines = [
        "# What works where",
        "",
        "Made by `ragged doctor --matrix --markdown`, which runs the checks of `ragged.testing`: a cell says yes only",
        "where they have run. *gradient*: first and second order, against finite differences and against NumPy; *jit*:",
        "`ragged.jit` (PyTorch's graphs run as they were traced there); –: there is nothing",
        "to support.",
        "",
        f"With {', '.join(f'{name} {version}' for name, version in versions.items())}.",
        "",
        "| operation | " + " | ".join(f"{name} {aspect}" for name, aspect in heads) + " |",
        "| --- |" + " --- |" * len(heads),
    ]
    lines += [
        f"| `{function}` | " + " | ".join(cells[head].text for head in heads) + " |"
        for function, cells in table.items()
    ]
    return "\n".join([*lines, "", "## Why not", "", *reasons(table, backends)]) + "\n"


def reasons(table: dict[str, dict[tuple[str, str], Cell]], backends: Sequence[str]) -> list[str]:
    """A line for each reason with all the operations that it holds for."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for name, aspect in columns(backends):
        for function, cells in table.items():
            cell = cells[name, aspect]
            if cell.reason:
                found.setdefault((name, aspect, cell.reason), []).append(function)
    most = len(table) // 2
    return [
        f"- {name}, {aspect}: {reason}"
        + ("" if len(names) > most else f" ({', '.join(f'`{each}`' for each in names)})")
        for (name, aspect, reason), names in found.items()
    ]
