"""What a long run is doing, in one line of the terminal or notebook that goes away; nothing where nobody watches."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["progress"]


@contextlib.contextmanager
def progress(total: int | None = None) -> Iterator[Callable[[str], None]]:
    """A function that is told the step which begins now; with a bar where the number of steps is known."""
    try:
        module: Any = importlib.import_module("rich.progress")
        console = importlib.import_module("rich.console").Console(stderr=True)
    except ImportError:
        yield lambda step: None
        return
    bar = (module.BarColumn(), module.MofNCompleteColumn()) if total else ()
    columns = (module.SpinnerColumn(), *bar, module.TextColumn("{task.description}"), module.TimeElapsedColumn())
    watched = console.is_terminal or console.is_jupyter
    shown = module.Progress(*columns, console=console, transient=True, disable=not watched)
    with shown:
        task = shown.add_task("", total=total)
        begun = [0]

        def tell(step: str) -> None:
            shown.update(task, description=markup_free(step), completed=begun[0])
            begun[0] += 1

        yield tell


def markup_free(text: str) -> str:
    """Text in which rich sees no markup."""
    return text.replace("[", "\\[")
