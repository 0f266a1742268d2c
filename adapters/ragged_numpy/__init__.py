"""NumPy, the reference backend of ragged; the core's tape differentiates it."""

from ragged_numpy._backend import NumpyBackend
from ragged_numpy._memory import keep_memory

FRAMEWORK = ("numpy",)

__all__ = ["FRAMEWORK", "NumpyBackend", "keep_memory"]
