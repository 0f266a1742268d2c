"""Which configuration of TensorFlow runs what, and what compiles it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged.backend import Backend
from ragged_tensorflow import _compile
from ragged_tensorflow._compat import is_symbolic
from ragged_tensorflow._xla_checks import at_work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.compilation._program import Plan, Program

__all__ = ["Configuration"]


class Configuration(Backend):
    """The part of the protocol that chooses a backend; `TensorFlowBackend` adds what that computes."""

    name = "tensorflow"
    device: Any = None
    compiles = "one graph (tf.function) for arrays of all lengths"
    compiles_padded = "one program of XLA (tf.function, jit_compile=True) for each size class"

    def serving(self, x: Any) -> Backend:
        state = at_work() if is_symbolic(x) else None
        return self if state is None else state.b  # the program of XLA that is being compiled

    def hosting(self, other: Backend) -> Backend:
        return other if is_program(other) else self

    def joined(self, other: Backend) -> Backend:
        if is_program(other):  # which takes constants in
            return other
        if isinstance(other, Configuration):
            return self.configured(self.device or other.device)
        return super().joined(other)

    def configured(self, device: Any = None, precision: str | None = None) -> Backend:
        from ragged_tensorflow._configured import configure

        return configure(device, precision)

    def tracing(self, leaves: Sequence[Any]) -> bool:
        return not tf.executing_eagerly()

    def compile(self, program: Program, plan: Plan) -> Callable[[list[Any]], list[Any]]:
        return _compile.compiled(self, program, plan)


def is_program(b: Backend) -> bool:
    """Whether this is the backend of the program of XLA that is being compiled."""
    state = at_work()
    return state is not None and state.b is b
