"""The one table of elementwise functions: NumPy's form, a safe point of the domain, and the derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Function", "functions", "table"]


@dataclass(frozen=True, slots=True)
class Function:
    """One elementwise function.

    `safe` is a point inside the domain, put in for values that do not count. `vjps` holds one derivative an
    argument, `(b, g, ans, *args) -> cotangent`, written over the backend `b` so that it differentiates again;
    None in an argument's place means a derivative of zero.
    """

    name: str
    numpy: Callable[..., Any]
    safe: float = 1.0
    vjps: tuple[Callable[..., Any] | None, ...] = ()


table: dict[str, Function] = {
    name: Function(name, getattr(np, name)) for name in dir(np) if isinstance(getattr(np, name), np.ufunc)
}
functions: dict[str, Callable[..., Any]] = {name: entry.numpy for name, entry in table.items()}
