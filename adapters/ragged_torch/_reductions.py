"""Which kernel reduces which numbers: contiguous or not, real or complex, differentiated or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ragged_torch import _kernels, _segments
from ragged_torch._arrays import place, to_numpy
from ragged_torch._host import NUMPY, on_host

__all__ = ["extremum", "total"]


def total(x: torch.Tensor, rows: Any, many: bool, tracked: bool) -> torch.Tensor:
    """The sum of each segment of `many` elements or few, whose derivative may be `tracked`."""
    if x.dtype == torch.bool:
        return _kernels.segment_sum(x.to(torch.int32), rows) != 0
    if rows.offsets is not None and (x.is_floating_point() or x.is_complex()):
        if not tracked:
            return _segments.reduced(x, rows, "sum")
        if many:
            return _segments.total(x, rows)
    return _kernels.segment_sum(x, rows)


def extremum(x: torch.Tensor, rows: Any, identity: Any, largest: bool) -> torch.Tensor:
    """The maximum (or minimum) of each segment of constants, `identity` where one is empty."""
    if x.is_complex():  # in the order of their parts, which torch does not know
        found = (NUMPY.segment_max if largest else NUMPY.segment_min)(to_numpy(x), on_host(rows), identity)
        return place(found, None, x.device)
    identity = np.asarray(identity).item()
    if rows.offsets is None or not x.is_floating_point():
        return _kernels.segment_extremum(x, rows, identity, largest)
    way = "max" if largest else "min"
    best = _segments.best(x, rows, way)
    if identity == _segments.NEUTRAL[way]:
        return best
    return torch.where((rows.lengths == 0).reshape(-1, *(1,) * (x.ndim - 1)), identity, best)
