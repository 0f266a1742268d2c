"""The protocol on NumPy's arrays with compiled kernels where NumPy takes several passes."""

from __future__ import annotations

from ragged_numpy import NumpyBackend

__all__ = ["NumbaBackend"]


class NumbaBackend(NumpyBackend):
    """Eager arrays on the CPU, NumPy's own: dense results belong to NumPy, which joins whatever it meets."""

    name = "numba"
