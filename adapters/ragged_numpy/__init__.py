"""NumPy, the reference backend of ragged; the core's tape differentiates it."""

from ragged_numpy._backend import NumpyBackend

FRAMEWORK = ("numpy",)

__all__ = ["FRAMEWORK", "NumpyBackend"]
