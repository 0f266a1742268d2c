"""`Array`: a layout on a backend, with the operators and methods that users expect of an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged._operators import Operators
from ragged.errors import StructureError
from ragged.nodes import Flat, Record as RecordNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from ragged.backend import Backend
    from ragged.nodes import Node

__all__ = ["Array", "Record"]


class Array(Operators):
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

    __slots__ = ("__weakref__", "_attrs", "_backend", "_behavior", "_node", "_pending")

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
        return self._node

    @property
    def attrs(self) -> dict[str, Any]:
        """Metadata that the user attached."""
        if self._attrs is None:
            self._attrs = {}
        return self._attrs  # type: ignore[no-any-return]

    @property
    def behavior(self) -> Mapping[Any, Any] | None:
        """The behaviors that this array was given, as Awkward's."""
        return self._behavior  # type: ignore[no-any-return]

    # ------------------------------------------------------------------ structure

    def __len__(self) -> int:
        return int(self.layout.length)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

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
        if name.startswith("_") or name not in self.fields:
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

    # ------------------------------------------------------------------ types and printing

    @property
    def type(self) -> Any:
        """The type, as an `awkward.types.ArrayType`."""
        from ragged.types import array_type

        return array_type(self)

    @property
    def typestr(self) -> str:
        """The type as a string, equal to Awkward's."""
        return str(self.type)

    def __repr__(self) -> str:
        from ragged.printing import representation

        return representation(self)

    def _repr_html_(self) -> str:
        from ragged.printing import html

        return html(self)

    def show(self, limit_rows: int = 20, limit_cols: int = 80, *, type: bool = False, **options: Any) -> None:
        """Print the values in columns, as Awkward does (`type=True` prints the type first)."""
        from ragged.printing import show

        show(self, limit_rows, limit_cols, type=type, **options)

    # ------------------------------------------------------------------ conversion

    def to_list(self) -> list[Any]:
        """Nested Python lists, dicts and None."""
        from ragged.interchange import to_list

        return to_list(self)  # type: ignore[no-any-return]

    tolist = to_list

    def to_numpy(self, allow_missing: bool = True) -> np.ndarray[Any, Any]:
        """A NumPy array, where all lists of an axis have one length (masked if values are missing)."""
        from ragged.interchange import to_numpy

        return to_numpy(self, allow_missing)

    def to_backend(self, name: str, device: Any = None) -> Array:
        """The same array with its content on another backend, shared where the frameworks allow."""
        from ragged.interchange import to_backend

        return to_backend(self, name, device)

    def to_native(self) -> Any:
        """The framework's own ragged type, or its dense array where nothing is ragged."""
        from ragged.interchange import to_native

        return to_native(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        import numpy as np

        return np.array(self.to_numpy(), dtype=dtype, copy=copy)

    def __bool__(self) -> bool:
        if isinstance(self.layout, Flat) and len(self) == 1 and self.ndim == 1:
            return bool(self[0])
        raise ValueError("the truth of an array of several values is ambiguous; use ragged.any or ragged.all")

    def __reduce__(self) -> tuple[Any, ...]:
        return Array._of, (self.layout, self._backend, self._attrs, self._behavior)


class Record:
    """One entry of an array of records (or tuples)."""

    __slots__ = ("__weakref__", "_array")

    def __init__(self, data: Any) -> None:
        self._array = data if isinstance(data, Array) else Array([data])
        if not isinstance(self._array.layout, RecordNode) or len(self._array) != 1:
            raise StructureError("a Record is made of one dict or tuple")

    @property
    def fields(self) -> list[str]:
        """Names of the fields."""
        return self._array.fields

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple) and key:
            first = self._array[key[0]][0]
            return first[key[1:]] if len(key) > 1 else first
        value = self._array[key]
        if isinstance(key, list):
            return Record(value)
        return value[0]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.fields:
            raise AttributeError(f"no attribute or field {name!r}; fields: {self.fields}")
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self.fields

    def to_list(self) -> Any:
        """A dict, or a tuple."""
        return self._array.to_list()[0]

    tolist = to_list

    @property
    def type(self) -> Any:
        """The type of the record."""
        return self._array.type.content

    def __repr__(self) -> str:
        from ragged.printing import record_representation

        return record_representation(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Record, (self._array,)


