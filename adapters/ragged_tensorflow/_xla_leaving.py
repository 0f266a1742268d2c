"""Results on their way out of a program of XLA."""

from __future__ import annotations

from typing import Any

from ragged.compilation._results import Leaving
from ragged_tensorflow._xla_padded import Padded
from ragged_tensorflow._xla_structure import is_unknown

__all__ = ["Results"]


class Results(Leaving):
    """What a program gives, in tensors."""

    def is_unknown(self, x: Any) -> bool:
        return is_unknown(x)

    def output(self, x: Any) -> tuple[Any, tuple[Any, ...]]:
        return x.data if type(x) is Padded else x, self.entering.b.shape(x)
