"""Functions of segments as one kernel each: what is composed in the core is compiled whole."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import lax

from ragged_jax._index import INT32, ids_of, lengths_of, width_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from ragged.backend import Backend
    from ragged.rows import Rows

__all__ = ["Given", "fused"]


class Given:
    """Contiguous segments inside a kernel: what the protocol asks of `Rows`, handed in."""

    __slots__ = ("ids", "lengths", "nrows", "offsets", "width")

    def __init__(self, ids: Any, lengths: Any, nrows: int, width: int | None) -> None:
        if width is not None:
            ids = lax.iota(np.int32, nrows * width)[:, None] // width
        self.ids, self.lengths, self.nrows, self.width = ids, lengths, nrows, width
        self.offsets = ids  # there are some; no kernel looks at them


def fused(
    b: Backend,
    f: Callable[..., Any],
    tangent: Callable[..., Any] | None,
    x: Any,
    rows: Rows,
    device: Any,
    options: tuple[Any, ...],
) -> Any:
    """`f(b, x, rows, *options)`, compiled once for the shapes of the arrays, a number of rows and the other options."""
    arrays = [each for each in options if isinstance(each, jax.Array)]
    constants = tuple([None if isinstance(each, jax.Array) else (each,) for each in options])
    width = width_of(rows) if rows.total <= INT32 else None
    ids, lengths = None if width else ids_of(rows, device), lengths_of(rows, device)
    return _run(b, f, tangent, rows.nrows, width, constants, x, ids, lengths, arrays)


@partial(jax.jit, static_argnums=(0, 1, 2, 3, 4, 5))
def _run(
    b: Backend,
    f: Callable[..., Any],
    tangent: Callable[..., Any] | None,
    nrows: int,
    width: int | None,
    constants: tuple[tuple[Hashable] | None, ...],
    x: Any,
    ids: Any,
    lengths: Any,
    arrays: list[Any],
) -> Any:
    """`constants` has None where one of the `arrays` belongs."""

    def plain(x: Any, ids: Any, lengths: Any, arrays: Any) -> Any:
        remaining = iter(arrays)
        options = [next(remaining) if each is None else each[0] for each in constants]
        return f(b, x, Given(ids, lengths, nrows, width), *options)

    if tangent is None:
        return plain(x, ids, lengths, arrays)
    ruled = jax.custom_jvp(plain)

    @ruled.defjvp
    def rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
        _, ids, lengths, _ = primals
        y = ruled(*primals)
        return y, tangent(b, y, tangents[0], Given(ids, lengths, nrows, width))

    return ruled(x, ids, lengths, arrays)
