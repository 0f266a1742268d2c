"""`ragged.jit(..., jit_compile=True)` under TensorFlow: one program of XLA for all arguments of a size class, padded on
the way in and trimmed after it."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged.compilation._buckets import size_class
from ragged.compilation._results import Trimming
from ragged.context import _context
from ragged.errors import OutOfRangeError, UnsupportedError
from ragged_tensorflow._xla_backend import PaddedBackend
from ragged_tensorflow._xla_checks import WAY_OUT, Check, Compilation, compiling
from ragged_tensorflow._xla_entering import Entering, Packed
from ragged_tensorflow._xla_leaving import Results
from ragged_tensorflow._xla_operators import install

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.compilation._program import Plan, Program

__all__ = ["Compiled"]

REFUSED = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError, tf.errors.NotFoundError)
"""What TensorFlow raises where XLA has no form of an operation."""


@cache
def padded_backend(device: Any) -> PaddedBackend:
    """The backend of what is compiled for a device."""
    return PaddedBackend(device)


install()


class Compiled:
    """What `Backend.compile` gives."""

    def __init__(self, b: Any, program: Program, plan: Plan) -> None:
        self.b, self.program, self.plan = b, program, plan
        self.inner = padded_backend(b.device)
        self.packed: Packed | None = None
        self.leaving: Results | None = None
        self.checks: list[Check] = []
        self.grown: dict[int, int] = {}
        self.written: Any = None
        self.graph = self.fresh()

    def fresh(self) -> Any:
        """The function that TensorFlow compiles, anew."""
        return tf.function(Body(self), jit_compile=True, autograph=False)

    def __call__(self, leaves: list[Any]) -> list[Any]:
        with nullcontext() if self.b.device is None else tf.device(self.b.device):
            self.packed = packed = Packed(leaves, self.plan.capacities, self.b.device)
            (outputs, sizes, flags), before = self.execute(packed)
            while self.outgrown(leaves, flags, before):
                self.graph = self.fresh()
                (outputs, sizes, flags), before = self.execute(packed)
            assert self.leaving is not None
            return Trimming(self.b, packed, outputs, sizes).leaves(self.leaving.templates)

    def execute(self, packed: Packed) -> tuple[Any, list[tuple[Any, Any]]]:
        """One run of the compiled program, and its compilation before the first; and what variables held before it.

        Raises:
            UnsupportedError: XLA cannot compile it.
        """
        if not self.graph.experimental_get_tracing_count():
            self.written = Written(self.graph.get_concrete_function(packed.arrays).graph)
        before = self.written.now(packed.arrays) if self.checks else []
        try:
            return self.graph(packed.arrays), before
        except REFUSED as error:
            reason = next((line for line in error.message.splitlines() if line), "").strip()
            raise UnsupportedError(f"{self.plan.name}: XLA does not compile this; {WAY_OUT}: {reason}") from error

    def trace(self, arrays: list[Any]) -> Any:
        """The program of the graph's tensors."""
        assert self.packed is not None
        options = self.plan.options
        with compiling(Compilation(self.inner, options.check, options.capacity, self.grown)) as state:
            entering = Entering(self.inner, self.packed, arrays)
            token = _context.set(self.inner)  # transforms of what has no slack run there, too
            try:
                found = self.program(entering.leaves)
            finally:
                _context.reset(token)
            self.leaving = Results(entering, found)
            self.checks = [check._replace(bad=None, needed=None) for check in state.checks]
            flags = [tf.cast(c.bad, tf.bool) for c in state.checks], [tf.cast(c.needed, tf.int64) for c in state.checks]
            arrays, sizes = self.leaving.outputs()
            numbers = [tf.cast(size, tf.int64) for size in sizes]
            return arrays, numbers and tf.stack(numbers), flags[0] and tuple(map(tf.stack, flags))

    def outgrown(self, leaves: list[Any], flags: Any, before: list[tuple[Any, Any]]) -> bool:
        """Whether more room is needed than was estimated, which there will be next time.

        Raises:
            RaggedError: what eager code raises, or more is needed than the caller said.
        """
        if not self.checks:
            return False
        bad, needed = map(np.asarray, flags)
        wrong = [(self.checks[i], int(needed[i])) for i in np.flatnonzero(bad)]
        if not wrong:
            return False
        for variable, value in before:  # as if this call had not been
            variable.assign(value)
        places = {check.place: count for check, count in wrong if check.place is not None}
        if places:
            self.grown.update({place: size_class(count) for place, count in places.items()})
            return True
        self.program.eagerly(leaves)  # raises, unless only room was missing, or what is 1 by chance stretched
        check, count = max(wrong, key=lambda each: each[1])
        if not count:
            raise UnsupportedError(
                f"{check.what}: eager code takes this, a program for all lengths does not. Avoid the case (an index "
                "repeats a single entry), or call the function without ragged.jit"
            )
        raise OutOfRangeError(
            f"{self.plan.name}: {count} elements are more than capacity={self.plan.options.capacity}; say how many "
            f"there may be, with ragged.jit(..., capacity={count}), or leave it out"
        )

    def explain(self, leaves: list[Any]) -> list[str]:
        """What is checked."""
        return [f"checked after each call: {text}" for text in dict.fromkeys(check.what for check in self.checks)]


class Body:
    """What the graph is made of. An object of its own each, as TensorFlow counts what it traces by the function."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled, self.__name__ = compiled, compiled.plan.name

    def __call__(self, arrays: Sequence[Any]) -> Any:
        return self.compiled.trace(list(arrays))


READERS = frozenset({"Placeholder", "ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape"})


class Written:
    """The variables that a graph writes to (or may, in a branch or a loop): its own, and those among its arguments."""

    def __init__(self, graph: Any) -> None:
        names = {tensor.name for op in graph.get_operations() if op.type not in READERS for tensor in op.inputs}
        captured = {inner.name: outer for outer, inner in graph.captures}
        changed = {id(outer) for name, outer in captured.items() if name in names}
        self.variables = [variable for variable in graph.variables if id(variable.handle) in changed]
        given = [x for x in graph.inputs if x.dtype == tf.resource and x.name not in captured]
        self.arguments = any(x.name in names for x in given)

    def now(self, arrays: Sequence[Any]) -> list[tuple[Any, Any]]:
        """Each of them, and what it holds."""
        given = [x for x in arrays if self.arguments and isinstance(x, tf.Variable)]
        return [(variable, tf.identity(variable)) for variable in (*self.variables, *given)]
