"""Arguments that the caller gives away: results take their memory, and JAX deletes them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import jax

from ragged_jax._compat import Tracer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged_jax._entering import Packed

__all__ = ["Donating"]


class Donating:
    """A program of a list of arrays that takes the memory of those at `places`, where a result has that shape."""

    def __init__(self, trace: Callable[[list[Any]], Any], packed: Packed, outputs: Any) -> None:
        self.trace = trace
        self.places = matching(packed, jax.tree_util.tree_leaves(outputs))
        self.run = jax.jit(self.joined, donate_argnums=1)

    def joined(self, kept: list[Any], given: list[Any]) -> Any:
        """The program, the arrays in their order."""
        arrays = list(kept)
        for place, x in zip(self.places, given, strict=True):
            arrays.insert(place, x)
        return self.trace(arrays)

    def __call__(self, arrays: list[Any]) -> Any:
        chosen = set(self.places)
        given = [arrays[place] for place in self.places]
        return self.run([x for i, x in enumerate(arrays) if i not in chosen], given)

    def can_take(self, arrays: Sequence[Any]) -> bool:
        """Whether all of them are arrays of JAX, and no derivative needs them afterwards."""
        return all(isinstance(arrays[i], jax.Array) for i in self.places) and not any(
            isinstance(x, Tracer) for x in arrays
        )


def matching(packed: Packed, outputs: Sequence[Any]) -> tuple[int, ...]:
    """Those of the donated arrays, once each, of whose shape and dtype there are results."""
    free = Counter((x.shape, x.dtype) for x in outputs)
    uses = Counter(map(id, packed.arrays))
    found = []
    for place in packed.donated:
        x = packed.arrays[place]
        kind = getattr(x, "shape", None), getattr(x, "dtype", None)
        if free[kind] and uses[id(x)] == 1:
            free[kind] -= 1
            found.append(place)
    return tuple(found)
