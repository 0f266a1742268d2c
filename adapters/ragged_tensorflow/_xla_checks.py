"""What a program of XLA reports beside its results, as it drops assertions; and the state of one compilation."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ragged.compilation._checks import Check, Checking, Scope
from ragged.errors import UnsupportedError
from ragged_tensorflow._compat import is_symbolic

__all__ = ["WAY_OUT", "Check", "Compilation", "at_work", "check", "compilation", "compiling", "room"]

WAY_OUT = "leave jit_compile=True out"


class Compilation(Checking):
    """One compilation, in one graph."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.graph = tf.compat.v1.get_default_graph()

    def is_reached(self, check: Check) -> bool:
        return not any(is_symbolic(x) and x.graph is not self.graph for x in (check.bad, check.needed))

    def add_within(self, check: Check) -> bool:
        """Nothing is entered.

        Raises:
            UnsupportedError: a branch or a loop hands nothing out.
        """
        what = "how many elements there are" if check.place is not None else check.what
        raise UnsupportedError(
            f"within tf.cond, tf.while_loop or tf.map_fn a program of XLA cannot report an error ({what}); take "
            f"this step before it, or {WAY_OUT}"
        )


scope: Scope[Compilation] = Scope("ragged_tensorflow_compilation")
at_work, check, compilation, compiling, room = (
    scope.at_work,
    scope.check,
    scope.compilation,
    scope.compiling,
    scope.room,
)
