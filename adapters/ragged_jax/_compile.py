"""`ragged.jit` under JAX: one program for all arguments of a size class, padded on the way in and trimmed after it."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ragged._opaque import opaque
from ragged.array import Array
from ragged.autodiff.trees import contents
from ragged.compilation._buckets import size_class
from ragged.context import _context
from ragged.errors import OutOfRangeError, UnsupportedError
from ragged_jax._checks import Check, Compilation, compiling
from ragged_jax._compat import Tracer, enable_x64, trace_of, x64_enabled
from ragged_jax._donating import Donating
from ragged_jax._entering import Entering, Packed
from ragged_jax._leaving import Results, on_host
from ragged_jax._padded import NOT_JAX, Padded
from ragged_jax._padded_backend import PaddedBackend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.compilation._program import Plan, Program

__all__ = ["Compiled", "is_inner"]


@cache
def padded_backend(device: Any, options: tuple[Any, str | None]) -> PaddedBackend:
    """The backend of what is compiled for one configuration of JAX."""
    b = PaddedBackend()
    b.device, b.options, b.precision = device, options, options[1]
    return b


def is_inner(leaves: Sequence[Any]) -> bool:
    """Whether JAX traces the leaves for another compiler: then the function becomes part of that program."""
    for leaf in leaves:
        if not isinstance(leaf, Array):
            if is_traced(leaf):
                return True
        elif isinstance(leaf._backend, PaddedBackend) or any(map(is_traced, contents(leaf.layout))):
            return True
    return False


def is_traced(x: Any) -> bool:
    """Whether the value is known to a running program alone."""
    return issubclass(type(x), Tracer) and isinstance(jax.lax.stop_gradient(x), Tracer)


class Compiled:
    """What `Backend.compile` gives."""

    def __init__(self, b: Any, program: Program, plan: Plan, differentiated: bool = False) -> None:
        self.b, self.program, self.plan, self.differentiated = b, program, plan, differentiated
        self.twin: Compiled | None = None  # for calls that are differentiated as a whole, where this is for others
        self.inner = padded_backend(b.device, b.options)
        self.run = jax.jit(self.trace)
        self.donating: Donating | None = None
        self.packed: Packed | None = None
        self.leaving: Results | None = None
        self.state: Compilation | None = None
        self.checks: list[Check] = []
        self.grown: dict[int, int] = {}

    def __call__(self, leaves: list[Any]) -> list[Any]:
        with self.scope():
            packed = Packed(leaves, self.plan.capacities, self.b.device, self.plan.donated)
            if not self.differentiated and any(issubclass(type(x), Tracer) for x in packed.arrays):
                self.twin = self.twin or Compiled(self.b, self.program, self.plan, True)
                return self.twin(leaves)
            self.packed = packed
            outputs, sizes, flags = self.execute(packed)
            while self.outgrown(packed, flags):
                self.run = jax.jit(self.trace)
                outputs, sizes, flags = self.execute(packed)
            assert self.leaving is not None
            return self.leaving.trimmed(self.b, packed, outputs, sizes)

    def execute(self, packed: Packed) -> Any:
        """One run of the compiled program, and its compilation before the first.

        Raises:
            UnsupportedError: structure that is made within a transformation and used outside; an array of unknown
                length that was given to a function of JAX or NumPy.
        """
        try:
            if packed.donated and self.leaving is None:
                self.prepare(packed)
            if self.misfits(packed):
                return (), (), ()
            run = self.donating if self.donating and self.donating.can_take(packed.arrays) else self.run
            return run(packed.arrays)
        except jax.errors.UnexpectedTracerError as error:
            raise UnsupportedError(
                f"{self.plan.name}: lists whose lengths are found within jax.checkpoint, lax.scan or lax.cond cannot "
                "leave it; find them before it, or reduce them within"
            ) from error
        except TypeError as error:
            if Padded.__name__ not in str(error):
                raise
            raise UnsupportedError(NOT_JAX) from error

    def prepare(self, packed: Packed) -> None:
        """Find which of the arrays that are given away a result can use. None, where the program checks anything: then
        the function is called once more with all of them."""
        outputs = jax.eval_shape(self.trace, packed.arrays)
        if not (self.checks or (self.state and self.state.late)):
            self.donating = Donating(self.trace, packed, outputs)

    def scope(self) -> Any:
        """64 bits where they were asked for."""
        return enable_x64() if self.b.precision == "float64" and not x64_enabled() else nullcontext()

    @opaque
    def trace(self, arrays: list[Any]) -> Any:
        """The program of JAX's tracers."""
        assert self.packed is not None
        options = self.plan.options
        with compiling(Compilation(self.inner, options.check, options.capacity, self.grown)) as state:
            state.traces = tuple(map(trace_of, arrays[:1]))
            state.final = None if self.differentiated else state.traces
            entering = Entering(self.inner, self.packed, arrays)
            state.given = entering.known
            token = _context.set(self.inner)  # transforms of what has no slack run there, too
            try:
                found = self.program(entering.leaves)
            finally:
                _context.reset(token)
            self.leaving = Results(entering, found)
            self.state = state
            self.checks = [check._replace(bad=None, needed=None) for check in state.checks]
            flags = [jnp.asarray(c.bad) for c in state.checks], [jnp.asarray(c.needed, "int32") for c in state.checks]
            state.checks, state.equal, state.given = [], set(), {}
            arrays, sizes = self.leaving.outputs()
            numbers = [jnp.asarray(size, "int32") for size in sizes]
            return arrays, numbers and jnp.stack(numbers), flags[0] and tuple(map(jnp.stack, flags))

    def outgrown(self, packed: Packed, flags: Any) -> bool:
        """Whether more room is needed than was estimated, which there will be next time.

        Raises:
            RaggedError: what eager code raises, or more is needed than the caller said.
        """
        wrong = self.found_wrong(packed, flags)
        if not wrong:
            return False
        places = {check.place: needed for check, needed in wrong if check.place is not None}
        if places:
            self.grown.update({place: size_class(count) for place, count in places.items()})
            return True
        self.program.eagerly(packed.leaves)  # raises, unless only room was missing, or what is 1 by chance stretched
        check, count = max(wrong, key=lambda each: each[1])
        if not count:
            raise UnsupportedError(
                f"{check.what}: eager code takes this, a program for all lengths does not. Call the function without "
                "ragged.jit, or avoid the case: an index repeats a single entry, mask_identity=False stands for None"
            )
        raise OutOfRangeError(
            f"{self.plan.name}: {count} elements are more than capacity={self.plan.options.capacity}; say how many "
            f"there may be, with ragged.jit(..., capacity={count}), or leave it out"
        )

    def found_wrong(self, packed: Packed, flags: Any) -> list[tuple[Check, int]]:
        """The checks that failed, and how many elements each needs."""
        wrong = self.misfits(packed)
        if wrong:
            return wrong
        if self.checks:
            bad, needed = map(on_host, flags)
            wrong = [(self.checks[i], int(needed[i])) for i in np.flatnonzero(bad)]
        if self.state is not None and self.state.late:
            jax.effects_barrier()  # type: ignore[no-untyped-call]
            reported = dict(self.state.reported)
            self.state.reported.clear()
            wrong += [(self.state.late[i], needed) for i, needed in reported.items()]
        return wrong

    def misfits(self, packed: Packed) -> list[tuple[Check, int]]:
        """The same of what the sizes of the arguments tell before the call."""
        if self.state is None:
            return []
        sizes = (*packed.sizes, 0)  # a number is a shift of nothing
        return [(check, 0) for (i, n), (j, m), check in self.state.early if sizes[i] + n != sizes[j] + m]

    def explain(self, leaves: list[Any]) -> list[str]:
        """What is checked, and what is given away."""
        early = [check for *_, check in self.state.early] if self.state else []
        lines = [f"checked before each call: {text}" for text in dict.fromkeys(check.what for check in early)]
        lines += [f"checked after each call: {text}" for text in dict.fromkeys(check.what for check in self.checks)]
        if self.plan.donated:
            count = len(self.donating.places) if self.donating else 0
            lines.append(f"donated: results take the memory of {count} arrays")
        return lines
