"""`ragged doctor`: what is installed, where it runs, how precisely, and the command that gets what is missing."""

from __future__ import annotations

import importlib
import platform
import shutil
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._installed import OURS, extras, requirements, version, versions
from ragged._matrix import ASPECTS, columns, devices, fill, markdown, ours, steps
from ragged._progress import progress
from ragged.errors import MissingBackendError, RaggedError
from ragged.registry import ORDER, adapter, available, entry_points, get_backend

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["doctor", "matrix"]

BACKENDS = ("backend", "state", "versions", "devices", "precision")
EXTRAS = ("extra", "state", "versions", "get it")


def doctor() -> int:
    """Print the state of the installation; the exit code is 0 whatever is missing."""
    print(f"ragged {version(OURS) or '(not installed)'} in {sys.prefix}")
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    print_table("needed by every program", ("library", "version"), needed())
    print_table("backends", BACKENDS, [backend_line(name) for name in backends()])
    print_table("extras", EXTRAS, [extra_line(name, names) for name, names in extras().items()])
    for line in advice():
        print(line)
    return 0


def needed() -> list[list[str]]:
    """The libraries that we cannot do without."""
    return [[name, version(name) or "missing: pip install " + name] for name in requirements().get("", ())]


def backends() -> list[str]:
    """All backends that there are or will be."""
    return [*ORDER, *(name for name in entry_points() if name not in ORDER)]


def found_versions(names: Sequence[str]) -> str:
    """The versions of those distributions that are installed."""
    return ", ".join(f"{name} {known}" for name in dict.fromkeys(names) if (known := version(name)) is not None)


def backend_line(name: str) -> list[str]:
    """One backend: whether it is there, its framework's versions, its devices and its precision."""
    if name not in entry_points():
        state = "no adapter in this version of ragged"
        return [name, state, found_versions(requirements().get(name, ())), "", ""]
    known = found_versions([*requirements().get(name, ()), *getattr(adapter(name), "FRAMEWORK", ())])
    if name not in available():
        return [name, "framework missing", known, "", ""]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that JAX narrows is what the line tells
            return [name, "ready", known, ", ".join(devices(name)), precision(name)]
    except (ImportError, OSError, RuntimeError, AttributeError, RaggedError) as error:  # installed, but broken
        return [name, f"does not start: {type(error).__name__}: {str(error).partition(chr(10))[0]}", known, "", ""]


def precision(name: str) -> str:
    """What becomes of a 64-bit float on the backend."""
    b = get_backend(name)
    bits = b.dtype(b.asarray(np.ones(1))).itemsize * 8
    return "64 bits" if bits == 64 else f"{bits} bits; 64 under use({name!r}, precision='float64')"


def extra_line(name: str, names: Sequence[str]) -> list[str]:
    """One extra: complete, or the command that gets it."""
    missing = [each for each in names if version(each) is None]
    if missing and name == "cupy" and shutil.which("nvidia-smi") is None:
        return [name, "not for this machine", "", "needs a CUDA device"]
    command = f"pip install '{OURS}[{name}]'" if missing else ""
    return [name, f"missing {', '.join(missing)}" if missing else "complete", found_versions(names), command]


def advice() -> list[str]:
    """What else could be better here."""
    if shutil.which("nvidia-smi") is None or "jax" not in available():
        return []
    try:
        seen = devices("jax")
    except (ImportError, RuntimeError):
        return []
    if all(each.startswith("cpu") for each in seen):
        return ["There is a CUDA device that JAX does not see: pip install 'jax[cuda12]'"]
    return []


def matrix(names: Sequence[str] | None, as_markdown: bool) -> int:
    """Run the checks of each backend and print the support matrix; exit code 2 for a backend that is not there."""
    chosen = ours() if not names else list(names)
    for name in names or ():
        if name not in available():
            print(f"ragged doctor: {missing(name)}", file=sys.stderr)
            return 2
    with progress(steps(chosen)) as tell:
        table = fill(chosen, tell)
    if as_markdown:
        print(markdown(table, chosen, versions(chosen)), end="")
    else:
        heads = columns(chosen)
        lines = [[function, *(cells[head].text for head in heads)] for function, cells in table.items()]
        print_table("what works where", ("operation", *(f"{name} {aspect}" for name, aspect in heads)), lines)
        for function, cells in table.items():
            for (name, aspect), cell in cells.items():
                if cell.text == "no" and aspect in ASPECTS[:2]:
                    print(f"{function} on {name}, {aspect}: {cell.reason}")
    return 0


def missing(name: str) -> str:
    """Why a backend cannot be had."""
    try:
        get_backend(name)
    except MissingBackendError as error:
        return str(error)
    return f"the {name} backend is not available here"


def print_table(title: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """A table by rich, or in plain columns where it is not installed or nobody watches."""
    if sys.stdout.isatty() and len(heads) < 8:
        try:
            module: Any = importlib.import_module("rich.table")
            text: Any = importlib.import_module("rich.text").Text
            table = module.Table(title=title, title_justify="left")
            for head in heads:
                table.add_column(head, overflow="fold")
            for line in lines:
                table.add_row(*map(text, line))
            importlib.import_module("rich.console").Console().print(table)
            return
        except ImportError:
            pass
    rows = [list(heads), *map(list, lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    print(f"\n{title}")
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
