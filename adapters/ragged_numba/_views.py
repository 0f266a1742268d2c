"""The types that arrays and records have in compiled code.

They wrap the types that Awkward's own extension of Numba gives the same buffers: an operation is typed and lowered on
the view within, and a view that comes out is wrapped again. Beside the view stands what owns the memory it looks at,
counted by Numba, so that slices and NumPy views of an array may leave compiled code and outlive the array.
"""

from __future__ import annotations

from typing import Any

import awkward as ak
from numba import types
from numba.extending import models, register_model

from ragged.errors import MissingBackendError

__all__ = ["ARRAY_VIEW", "RECORD_VIEW", "ArrayType", "IteratorType", "RecordType", "View", "unwrapped", "wrapped"]

if tuple(int(part) for part in ak.__version__.split(".")[:2]) < (2, 12):
    raise MissingBackendError(
        f"ragged arrays in compiled functions need awkward 2.12 or later, which reads text right there; this is "
        f"{ak.__version__}: pip install 'ragged-diff[numba]'"
    )

ARRAY_VIEW = type(ak.Array([0]).numba_type)
RECORD_VIEW = type(ak.Record({"x": 0}).numba_type)


class View:
    """What the types here have in common: the type of the view within."""

    inner: Any


class ArrayType(View, types.IterableType, types.Sized):  # type: ignore[misc]
    """The type of a `ragged.Array` in compiled code."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        super().__init__(name=f"ragged.Array({inner.name})")

    @property
    def iterator_type(self) -> IteratorType:
        """The type of an iterator over the array's entries."""
        return IteratorType(self.inner.iterator_type)


class RecordType(View, types.Type):  # type: ignore[misc]
    """The type of a `ragged.Record` in compiled code."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        super().__init__(name=f"ragged.Record({inner.name})")


class IteratorType(View, types.SimpleIteratorType):  # type: ignore[misc]
    """The type of an iterator over an array's entries."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        super().__init__(f"ragged.Iterator({inner.name})", wrapped(inner.yield_type))


def wrapped(inner: Any) -> Any:
    """The type here of what Awkward's extension gives a type to."""
    if isinstance(inner, types.Optional):
        return types.Optional(wrapped(inner.type))
    if isinstance(inner, ARRAY_VIEW):
        return ArrayType(inner)
    return RecordType(inner) if isinstance(inner, RECORD_VIEW) else inner


def unwrapped(outer: Any) -> Any:
    """The type that `wrapped` was given."""
    if isinstance(outer, types.Optional):
        return types.Optional(unwrapped(outer.type))
    return outer.inner if isinstance(outer, View) else outer


@register_model(ArrayType)
@register_model(RecordType)
@register_model(IteratorType)
class ViewModel(models.StructModel):  # type: ignore[misc]
    """A view, and the owner of the memory that it looks at."""

    def __init__(self, manager: Any, kind: View) -> None:
        owner = types.MemInfoPointer(types.voidptr)
        super().__init__(manager, kind, [("view", kind.inner), ("owner", owner)])
