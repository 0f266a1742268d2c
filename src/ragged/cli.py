"""The command line: `ragged compare FILE…` and `ragged doctor`."""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragged._compare_run import PROGRAM_ERRORS, first_line
from ragged._progress import progress
from ragged.comparison import compare_checked, write_html, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.comparison import Comparison

__all__ = ["compare_file", "main"]


class UsageError(Exception):
    """Something in the command's arguments that cannot be done; exit code 2."""


def compare_file(
    path: str | Path, backends: Sequence[str] | None = None, tell: Callable[[str], object] = str
) -> Comparison:
    """The comparison of a program file.

    The file has `program(*args)`, which returns one number, and `inputs() -> tuple`; optionally `argnums` and
    `rtol` as for `ragged.compare`, and `check(*args)`, which is run on every backend and raises where something
    that the program relies on does not hold.
    """
    path = Path(path).resolve()
    sys.path.insert(0, os.path.dirname(path))
    try:
        names = runpy.run_path(str(path), run_name="ragged_program")
        absent = [name for name in ("program", "inputs") if not callable(names.get(name))]
        if absent:
            raise UsageError(f"{path.name} has no function {' and no function '.join(absent)}")
        args = names["inputs"]()
    except PROGRAM_ERRORS as error:
        raise UsageError(f"cannot load {path.name}: {first_line(error)}") from error
    finally:
        sys.path.remove(os.path.dirname(path))
    if not isinstance(args, tuple):
        raise UsageError(f"inputs() of {path.name} returned a {type(args).__name__}, not a tuple of arguments")
    return compare_checked(
        names["program"],
        args,
        names.get("argnums", 0),
        backends,
        names.get("rtol"),
        None,
        path.stem,
        names.get("check"),
        tell,
    )


def compare_files(files: list[str], backends: str | None, html: str | None, json: str | None, verbose: bool) -> int:
    """Compare each file, print the tables, write the reports; the exit code."""
    names = None if backends is None else [name.strip() for name in backends.split(",") if name.strip()]
    if names == []:
        raise UsageError("--backends takes names separated by commas, as in --backends numpy,jax")
    for path in (html, json):
        if path is not None and not Path(path).resolve().parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no folder {Path(path).resolve().parent}")
    done = []
    for file in files:
        with progress() as tell:
            comparison = compare_file(file, names, lambda step, file=file: tell(f"{Path(file).stem}: {step}"))  # type: ignore[misc]
        done.append(comparison)
        comparison.print()
        if verbose:
            print_tracebacks(comparison)
    if json is not None:
        write_json(done, json)
    if html is not None:
        write_html(done, html)
    codes = {comparison.exit_code for comparison in done}
    return 1 if 1 in codes else max(codes)


def print_tracebacks(comparison: Comparison) -> None:
    """What Python would have printed where the program raised."""
    for row in comparison.rows:
        if row.traceback is not None:
            print(f"\n{row.backend}:\n{row.traceback}", end="")


def application() -> Any:
    """The typer application."""
    typer = importlib.import_module("typer")
    importlib.import_module("rich")
    app = typer.Typer(add_completion=False, help="Ragged arrays that differentiate on every array framework.")

    def compare(
        files: list[str] = typer.Argument(help="Files with program(*args) and inputs()."),  # noqa: B008
        backends: str = typer.Option(None, help="Names separated by commas; by default all that are available."),
        html: str = typer.Option(None, help="Write a web page that shows it all."),
        json: str = typer.Option(None, help="Write all numbers to this JSON file."),
        verbose: bool = typer.Option(False, "--verbose", "-v", help="Print the traceback of a program that raised."),
    ) -> None:
        """Run each program with its gradient on every backend and compare the results.

        Exit code 0: they agree. 1: they do not. 2: wrong usage, or nothing could run.
        """
        raise typer.Exit(guarded("compare", lambda: compare_files(files, backends, html, json, verbose)))

    def doctor(
        matrix: bool = typer.Option(False, "--matrix", help="Run the checks and tell which backend supports what."),
        backends: str = typer.Option(None, help="With --matrix: names separated by commas; by default all."),
        markdown: bool = typer.Option(False, "--markdown", help="With --matrix: as a page in Markdown."),
    ) -> None:
        """What is installed, on which devices, and how to get what is missing; with --matrix what works where."""
        from ragged import _doctor as checks

        names = None if backends is None else [name.strip() for name in backends.split(",") if name.strip()]
        raise typer.Exit(guarded("doctor", lambda: checks.matrix(names, markdown) if matrix else checks.doctor()))

    app.command("compare")(compare)
    app.command("doctor")(doctor)
    return app


def guarded(command: str, job: Callable[[], int]) -> int:
    """The job's exit code; 2, and one line, where its arguments make no sense."""
    try:
        return job()
    except (UsageError, OSError) as error:
        print(f"ragged {command}: {error}", file=sys.stderr)
        return 2


def main() -> None:
    """The program `ragged`."""
    try:
        app = application()
    except ImportError as error:
        print(f"the command line needs {error.name}: pip install 'ragged-diff[cli]'", file=sys.stderr)
        raise SystemExit(2) from None
    app()
