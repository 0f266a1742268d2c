"""`ragged.jit` under JAX: one program for all arguments of a size class, padded on the way in and trimmed after it."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from ragged._opaque import opaque
from ragged.array import Array
from ragged.compilation._buckets import size_class
from ragged.errors import OutOfRangeError
from ragged_jax._checks import Compilation, compiling
from ragged_jax._compat import Tracer, enable_x64, x64_enabled
from ragged_jax._entering import Entering, Packed
from ragged_jax._leaving import Leaving, on_host
from ragged_jax._padded_backend import PaddedBackend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.backend import Backend
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
        if isinstance(leaf, Array):
            if isinstance(leaf._backend, PaddedBackend):
                return True
            contents = jax.tree_util.tree_leaves(leaf)
        else:
            contents = [leaf]
        for x in contents:
            if isinstance(x, Tracer) and isinstance(jax.lax.stop_gradient(x), Tracer):
                return True
    return False


class Compiled:
    """What `Backend.compile` gives."""

    def __init__(self, b: Any, program: Program, plan: Plan) -> None:
        self.b, self.program, self.plan = b, program, plan
        self.inner = padded_backend(b.device, b.options)
        self.run = jax.jit(self.trace)
        self.packed: Packed | None = None
        self.leaving: Leaving | None = None
        self.checks: list[tuple[str, int | None]] = []
        self.grown: dict[int, int] = {}

    def __call__(self, leaves: list[Any]) -> list[Any]:
        with self.scope():
            self.packed = packed = Packed(leaves, self.plan.capacities)
            outputs, sizes, flags = self.run(packed.arrays)
            while self.checks and self.outgrown(leaves, flags):
                self.run = jax.jit(self.trace)
                outputs, sizes, flags = self.run(packed.arrays)
            assert self.leaving is not None
            return self.leaving.trimmed(self.b, packed, outputs, sizes)

    def scope(self) -> Any:
        """64 bits where they were asked for."""
        return enable_x64() if self.b.precision == "float64" and not x64_enabled() else nullcontext()

    @opaque
    def trace(self, arrays: list[Any]) -> Any:
        """The program of JAX's tracers."""
        assert self.packed is not None
        options = self.plan.options
        with compiling(Compilation(self.inner, options.check, options.capacity, self.grown)) as state:
            entering = Entering(self.inner, self.packed, arrays)
            found = self.program(entering.leaves)
            self.leaving = Leaving(entering, found)
            checks = state.checks if options.check else []
            self.checks = [(check.what, check.place) for check in checks]
            flags = [jnp.asarray(check.bad) for check in checks], [jnp.asarray(check.needed) for check in checks]
            sizes = [jnp.asarray(size, "int32") for size in self.leaving.sizes]
            return self.leaving.arrays, sizes and jnp.stack(sizes), flags[0] and tuple(map(jnp.stack, flags))

    def outgrown(self, leaves: list[Any], flags: Any) -> bool:
        """Whether more room is needed than was estimated, which there will be next time.

        Raises:
            RaggedError: what eager code raises, or more is needed than the caller said.
        """
        bad, needed = (on_host(each) for each in flags)
        if not bad.any():
            return False
        places = {place: int(needed[i]) for i, (_, place) in enumerate(self.checks) if bad[i] and place is not None}
        if places:
            self.grown.update({place: size_class(count) for place, count in places.items()})
            return True
        self.program.eagerly(leaves)  # raises, unless only room was missing
        count = int(needed[bad].max())
        raise OutOfRangeError(
            f"{self.plan.name}: {count} elements are more than capacity={self.plan.options.capacity}; say how many "
            f"there may be, with ragged.jit(..., capacity={count}), or leave it out"
        )

    def explain(self, leaves: list[Any]) -> list[str]:
        """What is padded."""
        return [f"checked after each call: {text}" for text in dict.fromkeys(what for what, _ in self.checks)]


def compiled(b: Backend, program: Program, plan: Plan) -> Compiled:
    """The program under `jax.jit`."""
    return Compiled(b, program, plan)
