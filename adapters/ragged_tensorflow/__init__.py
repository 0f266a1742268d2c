"""TensorFlow as a backend of ragged, differentiated by TensorFlow. Importing this package imports no framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragged_tensorflow._backend import TensorFlowBackend as TensorFlowBackend
    from ragged_tensorflow._data import arrays as arrays
    from ragged_tensorflow._data import dataset as dataset

FRAMEWORK = ("tensorflow",)

__all__ = ["FRAMEWORK", "TensorFlowBackend", "arrays", "dataset", "devices"]


def devices() -> list[str]:
    """The devices that TensorFlow finds here, as `use(device=...)` takes them."""
    import tensorflow as tf

    return [each.name.removeprefix("/device:").lower() for each in tf.config.list_logical_devices()]


def __getattr__(name: str) -> Any:
    if name == "TensorFlowBackend":
        from ragged_tensorflow._autograph import leave_alone
        from ragged_tensorflow._backend import TensorFlowBackend
        from ragged_tensorflow._operators import register

        leave_alone()
        register()
        globals()[name] = TensorFlowBackend  # so that this runs once
        return TensorFlowBackend
    if name in ("arrays", "dataset"):
        from ragged_tensorflow import _data

        return getattr(_data, name)
    raise AttributeError(name)
