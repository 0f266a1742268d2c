"""The command line: `ragged compare FILE…`."""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragged._compare_run import PROGRAM_ERRORS, first_line
from ragged.comparison import compare_checked, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.comparison import Comparison

__all__ = ["compare_file", "main"]


class UsageError(Exception):
    """Something in the command's arguments that cannot be done; exit code 2."""


def compare_file(path: str | Path, backends: Sequence[str] | None = None) -> Comparison:
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
    )


def compare_files(files: list[str], backends: str | None, html: str | None, json: str | None) -> int:
    """Compare each file, print the tables, write the report; the exit code."""
    if html is not None:
        raise UsageError("--html comes with the next version; --json PATH writes the same numbers now")
    names = None if backends is None else [name.strip() for name in backends.split(",") if name.strip()]
    if names == []:
        raise UsageError("--backends takes names separated by commas, as in --backends numpy,jax")
    done = []
    for file in files:
        done.append(compare_file(file, names))
        done[-1].print()
    if json is not None:
        write_json(done, json)
    codes = {comparison.exit_code for comparison in done}
    return 1 if 1 in codes else max(codes)


def application() -> Any:
    """The typer application."""
    typer = importlib.import_module("typer")
    importlib.import_module("rich")
    app = typer.Typer(add_completion=False, help="Ragged arrays that differentiate on every array framework.")

    def root() -> None:
        pass

    def command(
        files: list[str] = typer.Argument(help="Files with program(*args) and inputs()."),  # noqa: B008
        backends: str = typer.Option(None, help="Names separated by commas; by default all that are available."),
        html: str = typer.Option(None, help="Write a web page (in the next version)."),
        json: str = typer.Option(None, help="Write all numbers to this JSON file."),
    ) -> None:
        """Run each program with its gradient on every backend and compare the results.

        Exit code 0: they agree. 1: they do not. 2: wrong usage, or nothing could run.
        """
        try:
            code = compare_files(files, backends, html, json)
        except UsageError as error:
            print(f"ragged compare: {error}", file=sys.stderr)
            code = 2
        raise typer.Exit(code)

    app.callback()(root)  # keeps `compare` a subcommand while it is the only one
    app.command("compare")(command)
    return app


def main() -> None:
    """The program `ragged`."""
    try:
        app = application()
    except ImportError as error:
        print(f"the command line needs {error.name}: pip install 'ragged-diff[cli]'", file=sys.stderr)
        raise SystemExit(2) from None
    app()
