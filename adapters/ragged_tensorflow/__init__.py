"""TensorFlow as a backend of ragged, differentiated by TensorFlow. Importing this package does not import TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragged_tensorflow._backend import TensorFlowBackend as TensorFlowBackend

FRAMEWORK = ("tensorflow",)

__all__ = ["FRAMEWORK", "TensorFlowBackend"]


def __getattr__(name: str) -> Any:
    if name == "TensorFlowBackend":
        from ragged_tensorflow._backend import TensorFlowBackend

        globals()[name] = TensorFlowBackend  # so that this runs once
        return TensorFlowBackend
    raise AttributeError(name)
