"""What frameworks that know nothing of registration ask a class for: TensorFlow's protocols for nested structures."""

from __future__ import annotations

from typing import Any

__all__ = ["Nested", "NestedRecord"]


def tensorflow() -> Any:
    """The adapter's module that answers; only TensorFlow itself asks, so it is there."""
    from ragged_tensorflow import _nest

    return _nest


class Nested:
    """Mixin: an array as a nested structure of tensors, and as an argument of a `tf.function`."""

    __slots__ = ()

    def __tf_flatten__(self) -> tuple[Any, tuple[Any, ...]]:
        return tensorflow().flatten(self)  # type: ignore[no-any-return]

    @classmethod
    def __tf_unflatten__(cls, metadata: Any, components: Any) -> Any:
        return tensorflow().unflatten(metadata, components)

    def __tf_tracing_type__(self, context: Any) -> Any:
        return tensorflow().tracing_type(self)

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return tensorflow().as_tensor(self, dtype)


class NestedRecord:
    """Mixin: a record as a structure around its array."""

    __slots__ = ()

    _array: Any

    def __tf_flatten__(self) -> tuple[None, tuple[Any]]:
        return None, (self._array,)

    @classmethod
    def __tf_unflatten__(cls, metadata: None, components: Any) -> Any:
        (array,) = components
        if array is None:
            return None
        record = object.__new__(cls)
        record._array = array
        return record
