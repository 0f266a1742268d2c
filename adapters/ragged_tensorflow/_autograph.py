"""TensorFlow's AutoGraph rewrites what a `tf.function` calls, recursively; the library it leaves as it is."""

from __future__ import annotations

from types import FunctionType

import ragged
from ragged._opaque import opaque
from ragged.errors import RaggedError

__all__ = ["leave_alone"]


def leave_alone() -> None:
    """Mark all functions and methods that users call (what these return is marked where it is made)."""
    RaggedError.ag_pass_through = True  # type: ignore[attr-defined]  # else it comes out as another type
    for name in ragged.__all__:
        found = getattr(ragged, name)
        if isinstance(found, FunctionType) or (isinstance(found, type) and found.__module__.startswith("ragged.")):
            opaque(found)
    for kind in {*ragged.Array.__mro__, *ragged.Record.__mro__} - {object}:
        for found in vars(kind).values():
            if isinstance(found, FunctionType):
                opaque(found)
