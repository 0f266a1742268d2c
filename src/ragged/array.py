"""`Array`: a layout on a backend, with the operators and methods that users expect of an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged._conversions import Conversions, Printed
from ragged._nested import Nested, NestedRecord
from ragged._operators import Operators
from ragged.errors import FieldError, StructureError
from ragged.nodes import Record as RecordNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ragged.backend import Backend
    from ragged.nodes import Node

__all__ = ["Array", "Record"]


class Array(Conversions, Operators, Nested):
    """A ragged array.

    Args:
        data: nested lists, dicts, None and strings; NumPy, Awkward or Arrow arrays; a dense array of an installed
            framework; another Array.
        backend: name of the backend to hold the content; by default the active one (`ragged.use`), else the data's own.
        with_name: name for the records of the array.
        check_valid: verify all structure, not only what is cheap to verify.

    Raises:
        StructureError: data that has no ragged form.
        MissingBackendError: no such backend.

    >>> import ragged
    >>> ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    <Array [[1, 2, 3], [], [4, 5]] type='3 * var * float64'>
    """

    __slots__ = ("__weakref__", "_attrs", "_backend", "_behavior", "_compiled", "_node", "_pending")

    _attrs: dict[str, Any] | None
    _backend: Backend
    _behavior: Mapping[Any, Any] | None
    _node: Any
    _pending: Any

    def __init__(
        self, data: Any, *, backend: str | None = None, with_name: str | None = None, check_valid: bool = False
    ) -> None:
        from ragged.construct import build

        built = build(data, backend=backend, with_name=with_name, check_valid=check_valid)
        if not isinstance(built, Array):
            raise StructureError(f"an Array is made of an array or a sequence, not of the single value {data!r}")
        self._node, self._backend, self._pending = built.layout, built._backend, None
        self._attrs, self._behavior = built._attrs, built._behavior

    @classmethod
    def _of(cls, node: Node, backend: Backend, attrs: Any = None, behavior: Any = None) -> Array:
        """An Array around a finished layout."""
        array = object.__new__(cls)
        array._node, array._backend, array._pending = node, backend, None
        array._attrs, array._behavior = attrs, behavior
        return array

    @classmethod
    def _lazily(cls, build: Any, backend: Backend, attrs: Any = None, behavior: Any = None) -> Array:
        """An Array whose layout `build()` makes on first use: frameworks unflatten with all sorts of leaves."""
        array = object.__new__(cls)
        array._node, array._backend, array._pending = None, backend, build
        array._attrs, array._behavior = attrs, behavior
        return array

    @property
    def layout(self) -> Node:
        """The tree of nodes (see `ragged.nodes`)."""
        if self._node is None:
            self._node, self._pending = self._pending(), None
        node: Node = self._node
        return node

    @property
    def attrs(self) -> dict[str, Any]:
        """Metadata that the user attached."""
        if self._attrs is None:
            self._attrs = {}
        return self._attrs

    @attrs.setter
    def attrs(self, value: Mapping[str, Any]) -> None:
        self._attrs = dict(value)

    @property
    def behavior(self) -> Mapping[Any, Any] | None:
        """The behaviors that this array was given, as Awkward's."""
        return self._behavior

    # ------------------------------------------------------------------ structure

    def __len__(self) -> int:
        return int(self.layout.length)

    def __iter__(self) -> Iterator[Any]:
        from ragged._contents import entries

        return entries(self)

    def __contains__(self, element: object) -> bool:
        """Whether a value equals the element, at any depth."""
        import ragged

        return bool(ragged.any(self == element, axis=None))

    def __getitem__(self, key: Any) -> Any:
        from ragged.slicing import getitem

        return getitem(self, key)

    def __setitem__(self, key: str | tuple[str, ...] | list[str], value: Any) -> None:
        """Bind a new layout with the field set; other arrays that share this one's nodes keep theirs."""
        import ragged

        if not (isinstance(key, str) or (isinstance(key, tuple | list) and all(isinstance(k, str) for k in key))):
            raise TypeError(
                "arrays are immutable but for their fields: x['name'] = values; use ragged.where for new values"
            )
        changed = ragged.with_field(self, value, list(key) if isinstance(key, tuple) else key)
        self._node, self._backend = changed.layout, changed._backend

    def __delitem__(self, key: Any) -> None:
        import ragged

        self._node = ragged.without_field(self, key).layout

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "layout":  # frameworks look for what they know; that must make no layout
            raise AttributeError(f"no attribute {name!r}")
        if name not in self.fields:
            raise AttributeError(f"no attribute or field {name!r}; fields: {self.fields}")
        return self[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(field for field in self.fields if field.isidentifier())})

    @property
    def fields(self) -> list[str]:
        """Names of the record fields; [] where the array has none."""
        from ragged.records import fields

        return fields(self)

    @property
    def ndim(self) -> int:
        """Number of axes, ragged and regular."""
        from ragged.traverse import depth_range

        return depth_range(self.layout)[1]

    @property
    def mask(self) -> Any:
        """`x.mask[condition]`: the array with None where the condition is false."""
        from ragged.missing import Masker

        return Masker(self)

    @property
    def is_tuple(self) -> bool:
        """Whether the records of the array are tuples."""
        from ragged.records import is_tuple

        return is_tuple(self)

    @property
    def nbytes(self) -> int:
        """Bytes of the array's content and structure; what several nodes share counts once."""
        from ragged._contents import nbytes

        return nbytes(self)

    @property
    def type(self) -> Any:
        """The type, as an `awkward.types.ArrayType`."""
        from ragged.types import array_type

        return array_type(self)

    def __repr__(self) -> str:
        from ragged.printing import representation

        return representation(self)

    def __bool__(self) -> bool:
        if len(self) == 1:
            return bool(self[0])
        raise StructureError("the truth of an array of several values is ambiguous; use ragged.any or ragged.all")

    def __reduce__(self) -> tuple[Any, ...]:
        from ragged._pickling import reduced

        return reduced(self)

    def __copy__(self) -> Array:
        return Array._of(self.layout, self._backend, dict(self._attrs or {}), self._behavior)

    def __deepcopy__(self, memo: Any) -> Array:
        from ragged._pickling import copied

        return copied(self, memo)


class Record(Printed, Operators, NestedRecord):
    """One entry of an array of records (or tuples).

    Args:
        data: a dict, a tuple, an Awkward Record, or an Array of one record.

    >>> import ragged
    >>> ragged.Record({"x": 1.5, "y": [1, 2]})
    <Record {x: 1.5, y: [1, 2]} type='{x: float64, y: var * int64}'>
    """

    __slots__ = ("__weakref__", "_array", "_compiled")

    _array: Array
    __iter__ = None  # a record is no sequence, though it can be indexed

    def __init__(self, data: Any) -> None:
        from ragged.construct import build

        if isinstance(data, dict | tuple):
            data = Array([data])
        elif not isinstance(data, Array):
            data = build(data)
        array = data._array if isinstance(data, Record) else data
        if not isinstance(array, Array) or not isinstance(array.layout, RecordNode) or len(array) != 1:
            raise StructureError("a Record is made of one dict or tuple")
        self._array = array

    @property
    def fields(self) -> list[str]:
        """Names of the fields."""
        return self._array.fields

    @property
    def is_tuple(self) -> bool:
        """Whether the record is a tuple."""
        return self._array.is_tuple

    @property
    def layout(self) -> Node:
        """The record node, of length 1."""
        return self._array.layout

    @property
    def attrs(self) -> dict[str, Any]:
        """Metadata that the user attached."""
        return self._array.attrs

    @property
    def behavior(self) -> Mapping[Any, Any] | None:
        """The behaviors that the record was given, as Awkward's."""
        return self._array.behavior

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple) and key:
            first = self[key[0]]
            return first[key[1:]] if len(key) > 1 else first
        if isinstance(key, str):
            return self._array[key][0]
        if isinstance(key, list):
            return Record(self._array[key])
        raise FieldError(f"a record is indexed by the name of a field, not by {key!r}; fields: {self.fields}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.fields:
            raise AttributeError(f"no attribute or field {name!r}; fields: {self.fields}")
        return self[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(field for field in self.fields if field.isidentifier())})

    def __contains__(self, name: object) -> bool:
        return name in self.fields

    @property
    def type(self) -> Any:
        """The type, as an `awkward.types.ScalarType`."""
        from awkward.types import ScalarType

        return ScalarType(self._array.type.content)

    def __repr__(self) -> str:
        from ragged.printing import record_representation

        return record_representation(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Record, (self._array,)
