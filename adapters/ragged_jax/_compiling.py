"""What JAX's backend says to `ragged.jit`; the compiler itself is loaded with the first function that is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ragged.array import Array
from ragged.backend import Backend
from ragged.nodes import Flat
from ragged.traverse import contents_of
from ragged_jax._compat import Tracer, x64_enabled
from ragged_jax._dtypes import NARROWER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.compilation._program import Plan, Program

__all__ = ["Compiling"]

HELD = frozenset(map(np.dtype, ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")))
"""What JAX and NumPy both have."""


class Compiling(Backend):
    """The part of the protocol that `ragged.jit` asks for."""

    compiles = "one program of jax.jit for each size class"
    static_sizes = True
    traces_floats = True
    options: tuple[Any, str | None]

    def takes(self, x: Any) -> bool:
        """Arrays of JAX, and those of NumPy whose numbers JAX holds as they are: they are padded on the host."""
        if self.options[0] is not None:
            return False
        wide = self.options[1] == "float64" or x64_enabled()
        if not isinstance(x, Array):
            return is_taken(x, wide)
        return x._backend is self or (not x._backend.level and all_taken(x.layout, wide))

    def tracing(self, leaves: Sequence[Any]) -> bool:
        from ragged_jax._compile import is_inner

        return is_inner(leaves)

    def compile(self, program: Program, plan: Plan) -> Callable[[list[Any]], list[Any]]:
        from ragged_jax._compile import Compiled

        return Compiled(self, program, plan)


def is_taken(x: Any, wide: bool) -> bool:
    """Whether a dense array enters a compiled program without a step on the way."""
    if isinstance(x, np.ndarray | np.generic):
        return x.dtype in HELD and (wide or x.dtype not in NARROWER)
    return isinstance(x, jax.Array) and not isinstance(x, Tracer)


def all_taken(node: Any, wide: bool) -> bool:
    """The same of all that a layout holds."""
    if type(node) is Flat:
        return is_taken(node.data, wide)
    return all(all_taken(content, wide) for content in contents_of(node))
