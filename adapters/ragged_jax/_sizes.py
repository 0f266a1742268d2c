"""Sizes in a compiled program, as JAX's numbers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ragged._bounded import BoundedSize, capacity_of, value_of
from ragged_jax._checks import check, expect

__all__ = ["NOT_KNOWN", "Size", "capacity_of", "value_of"]

NOT_KNOWN = (
    "not known while ragged.jit compiles the function: len, iteration, printing, conversions and Python's own `if` "
    "need it now; use operations of ragged (num, where, slices, fill_none), lax.cond, or take this step outside of it"
)


class Size(BoundedSize):
    """A size whose number is a traced integer."""

    __slots__ = ()
    shape = ()
    not_known = NOT_KNOWN
    check = staticmethod(check)

    def expect(self, other: Any, what: str) -> None:
        expect(self, other, what)

    @staticmethod
    def least(x: Any, y: Any) -> Any:
        return jnp.minimum(x, y)

    @staticmethod
    def most(x: Any, y: Any) -> Any:
        return jnp.maximum(x, y)

    @staticmethod
    def is_array(x: Any) -> bool:
        return isinstance(x, np.ndarray | jax.Array) or hasattr(x, "data")

    @property
    def dtype(self) -> Any:
        """That of the traced number."""
        return self.root.dtype
