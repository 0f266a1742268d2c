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
from ragged.errors import OutOfRangeError
from ragged_jax._checks import Compilation, compiling
from ragged_jax._compat import Tracer, enable_x64, x64_enabled
from ragged_jax._entering import Entering, Packed
from ragged_jax._leaving import Leaving
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
        self.texts: list[str] = []
        self.plant = False

    def __call__(self, leaves: list[Any]) -> list[Any]:
        with self.scope():
            packed = Packed(leaves, self.plan.capacities)
            self.packed = packed
            outputs, sizes, flags = self.run(packed.arrays)
            assert self.leaving is not None
            if self.texts:
                self.report(leaves, flags)
            return self.leaving.trimmed(self.b, packed, outputs, sizes)

    def scope(self) -> Any:
        """64 bits where they were asked for."""
        return enable_x64() if self.b.precision == "float64" and not x64_enabled() else nullcontext()

    @opaque
    def trace(self, arrays: list[Any]) -> Any:
        """The program of JAX's tracers."""
        assert self.packed is not None
        options = self.plan.options
        with compiling(Compilation(options.check, options.capacity, self.plant)) as state:
            entering = Entering(self.inner, self.packed, arrays)
            found = self.program(entering.leaves)
            self.leaving = Leaving(entering, found)
            checks = state.checks if options.check else []
            self.texts = [what for _, what, _ in checks]
            flags = [jnp.asarray(bad) for bad, _, _ in checks], [jnp.asarray(needed) for _, _, needed in checks]
            sizes = [jnp.asarray(size, "int32") for size in self.leaving.sizes]
            return self.leaving.arrays, sizes and jnp.stack(sizes), flags[0] and tuple(map(jnp.stack, flags))

    def report(self, leaves: list[Any], flags: Any) -> None:
        """Raise what eager code raises, where the program found something wrong."""
        bad, needed = flags
        if isinstance(bad, Tracer) or not (bad := np.asarray(bad)).any():
            return
        self.program.eagerly(leaves)
        at = int(np.flatnonzero(bad)[0])
        count = int(np.asarray(needed)[at])
        raise OutOfRangeError(
            f"{self.plan.name}: {self.texts[at]} are {count}, more than was estimated; say how many there may be, with "
            f"ragged.jit(..., capacity={count})"
        )

    def explain(self, leaves: list[Any]) -> list[str]:
        """What is padded."""
        return [f"checked after each call: {text}" for text in dict.fromkeys(self.texts)]


def compiled(b: Backend, program: Program, plan: Plan) -> Compiled:
    """The program under `jax.jit`."""
    return Compiled(b, program, plan)
