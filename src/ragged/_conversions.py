"""What arrays and records share: their types, how they print, and the ways out to other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from ragged.array import Array

__all__ = ["Conversions", "Printed"]


class Printed:
    """Mixin: printing, and what others ask an array or a record for."""

    __slots__ = ()

    type: Any
    fields: Any

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.fields)

    @property
    def typestr(self) -> str:
        """The type as a string, equal to Awkward's."""
        return str(self.type)

    @property
    def _numba_type_(self) -> Any:
        """The type that Numba asks an argument of a compiled function for."""
        from ragged.registry import adapter

        return adapter("numba").compiled_type(self)

    def _repr_html_(self) -> str:
        from ragged.printing import html

        return html(self)

    def show(self, limit_rows: int = 20, limit_cols: int = 80, **options: Any) -> str | None:
        """Print the values in columns, as Awkward does (`type=True` prints the type first)."""
        from ragged.printing import show

        return show(self, limit_rows, limit_cols, **options)

    def to_list(self) -> Any:
        """Nested Python lists, dicts, tuples and None."""
        from ragged.interchange import to_list

        return to_list(self)

    def tolist(self) -> Any:
        """The same as `to_list`."""
        return self.to_list()

    def to_awkward(self) -> Any:
        """The same values as an Awkward object, sharing NumPy's buffers."""
        from ragged.interchange import to_awkward

        return to_awkward(self)


class Conversions(Printed):
    """Mixin: an array's ways out to other libraries."""

    __slots__ = ()

    def to_numpy(self, *, allow_missing: bool = True) -> np.ndarray[Any, Any]:
        """A NumPy array, where all lists of an axis have one length (masked if values are missing)."""
        from ragged.interchange import to_numpy

        return to_numpy(self, allow_missing=allow_missing)

    def to_backend(self, name: str, device: Any = None) -> Array:
        """The same array with its content on another backend, shared where the frameworks allow."""
        from ragged.interchange import to_backend

        return to_backend(self, name, device)

    def to(self, *where: Any, device: Any = None, dtype: Any = None) -> Any:
        """The array on another device, in another dtype, or both: `x.to("cuda")`, `x.to(torch.float32)`."""
        from ragged.interchange import to

        return to(self, *where, device=device, dtype=dtype)

    def detach(self) -> Any:
        """The same array as a constant for differentiation, over the same memory."""
        import ragged

        return ragged.stop_gradient(self)

    def to_native(self) -> Any:
        """The framework's own ragged type, or its dense array where nothing is ragged."""
        from ragged.interchange import to_native

        return to_native(self)

    def to_arrow(self, **options: Any) -> Any:
        """A `pyarrow.Array` of the same values."""
        from ragged.interchange.arrow import to_arrow

        return to_arrow(self, **options)

    def to_parquet(self, destination: Any, **options: Any) -> Any:
        """Write the array to a Parquet file; gives the file's metadata."""
        from ragged.interchange.arrow import to_parquet

        return to_parquet(self, destination, **options)

    def to_padded(self, fill: Any = 0, max_len: int | None = None) -> tuple[Any, Any]:
        """A rectangular array of the rows, and a mask that is True where a value is."""
        from ragged.partitions import to_padded

        return to_padded(self, fill, max_len)

    def to_regular(self, axis: int | None = 1) -> Any:
        """The array with lists of one length as a regular axis."""
        import ragged

        return ragged.to_regular(self, axis)

    def to_packed(self) -> Any:
        """The array without anything in its buffers that it does not show."""
        import ragged

        return ragged.to_packed(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        import numpy as np

        refuse_traced(self)
        values = self.to_numpy(allow_missing=False)
        if copy is False and not shares(self, values):
            raise ValueError("NumPy cannot view this array without a copy; leave out copy=False")
        return np.array(values, dtype=dtype, copy=copy)

    def __arrow_array__(self, type: Any = None) -> Any:
        array = self.to_arrow(extensionarray=False)
        return array if type is None else array.cast(type)

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self.to_arrow(extensionarray=False).__arrow_c_array__(requested_schema)

    def __dlpack__(self, **options: Any) -> Any:
        data = flat_data(self)
        try:
            return data.__dlpack__(**options)
        except BufferError:  # NumPy exports no read-only memory to consumers that could write to it
            if options.get("copy") is False:
                raise
            return data.copy().__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return flat_data(self).__dlpack_device__()


def shares(x: Any, values: Any) -> bool:
    """Whether NumPy's array is the memory of a dense array on NumPy itself."""
    from ragged.nodes import Flat

    return isinstance(x.layout, Flat) and x.layout.data is values


def refuse_traced(x: Any) -> None:
    """Raise the framework's own error of a value that is being differentiated and meets NumPy, where it has one."""
    import numpy as np

    from ragged.autodiff.trees import contents

    for data in contents(x.layout):
        if x._backend.differentiating(data):
            np.asarray(data)


def flat_data(x: Any) -> Any:
    """The dense array of an Array that is one; what DLPack can carry."""
    from ragged.errors import StructureError
    from ragged.nodes import Flat

    if not isinstance(x.layout, Flat):
        raise StructureError(
            f"DLPack carries dense arrays, not {x.typestr}; use to_padded(), ragged.flatten or to_awkward()"
        )
    return x.layout.data
