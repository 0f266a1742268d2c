"""A backend of ragged over array-api-strict, which has the functions of the array API standard and no others."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ragged import Backend

FRAMEWORK = ("array_api_strict",)
"""The packages that its arrays come from: so ragged knows, without importing them, whom an array belongs to."""


class StrictBackend(Backend):
    """Eager arrays on the CPU. Structure lives on NumPy (`self.home()`); derivatives come from ragged's tape."""

    name = "strict"
    zero_copy = frozenset({"asarray", "to_numpy", "slice", "reshape"})

    @cached_property
    def xp(self) -> Any:
        import array_api_strict  # here, not above: naming the backends must load no framework

        return array_api_strict

    @cached_property
    def array_type(self) -> Any:
        return type(self.xp.empty(0))

    def owns(self, x: Any) -> bool:
        return isinstance(x, self.array_type)

    # The standard has no segment reductions. Here NumPy does them, in the same memory; a framework calls its own.

    def segment_sum(self, x: Any, rows: Any) -> Any:
        return self.asarray(self.home().segment_sum(self.to_numpy(x), rows))

    def segment_max(self, x: Any, rows: Any, identity: Any) -> Any:
        return self.asarray(self.home().segment_max(self.to_numpy(x), rows, identity))

    def segment_argsort(self, x: Any, rows: Any, descending: bool = False) -> Any:
        return self.home().segment_argsort(self.to_numpy(x), rows, descending)
