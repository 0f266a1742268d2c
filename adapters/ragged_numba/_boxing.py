"""Arrays and records on their way into compiled code, and out of it again."""

from __future__ import annotations

from typing import Any

import awkward as ak
from numba.core import cgutils
from numba.core.errors import NumbaNotImplementedError
from numba.core.imputils import lower_constant
from numba.extending import NativeValue, box, unbox

from ragged import Array, Record, to_awkward
from ragged.errors import BackendMismatchError, StructureError, UnsupportedError
from ragged.interchange.awkward import from_awkward_array
from ragged.registry import get_backend
from ragged_numba import _lowering  # noqa: F401 - what compiled code may do with the types
from ragged_numba._fused_tape import computed
from ragged_numba._recorder import Recorder
from ragged_numba._views import ArrayType, RecordType, wrapped

__all__ = ["compiled_type"]

HOSTS = ("numpy", "numba")
BACKEND = "@ragged_backend"  # Awkward does not save attributes with this sign
OWN_RULE = "a function that calls compiled code gets a derivative of its own by ragged.custom_vjp"
FOREVER: list[Any] = []
"""What compiled code holds as a constant."""


def compiled_type(x: Array | Record) -> Any:
    """The type of an array or a record in compiled code.

    Raises:
        UnsupportedError: it is being differentiated, or Numba does not have its numbers.
        BackendMismatchError: it is on a backend whose memory compiled code does not read.
    """
    return seen(x)[1]


def seen(x: Any) -> tuple[Any, Any]:
    """Awkward's array (or record) of the same memory and its type here, kept with `x` until its layout changes."""
    kept = getattr(x, "_compiled", None)
    if kept is not None and kept[0] is x.layout:
        return kept[1], kept[2]
    array = x if isinstance(x, Array) else x._array
    if isinstance(array._backend, Recorder):  # `ragged.jit` goes on with what it had not computed yet
        array = computed(array._backend, [array])[0]
    b = array._backend
    if b.level:
        raise UnsupportedError(f"an array that is being differentiated cannot go into compiled code: {OWN_RULE}")
    if b.name not in HOSTS:
        raise BackendMismatchError(
            f"compiled code takes arrays on {' or '.join(HOSTS)}, and this one is on {b.name}: give it "
            f"x.to_backend('numba'); {OWN_RULE}"
        )
    view = to_awkward(array)
    view.attrs = {**view.attrs, BACKEND: b.name}
    view = view if isinstance(x, Array) else view[0]
    try:
        kind = view.numba_type
    except NumbaNotImplementedError as error:
        raise UnsupportedError(
            f"Numba compiles no code for numbers of dtype {error}: convert them with ragged.values_astype"
        ) from error
    x._compiled = x.layout, view, wrapped(kind)
    return view, x._compiled[2]


def view_of_type(x: Any, kind: Any) -> Any:
    """Awkward's array of the same memory, which must have the type that the code was compiled for."""
    view, found = seen(x)
    if found != kind:
        raise StructureError("the array changed while it was given to a compiled function")
    return view


def array_of(view: Any) -> Array:
    """An array that compiled code returns, on the backend of the one that it is a part of."""
    numpy = get_backend("numpy")
    attrs = dict(view.attrs)
    name = attrs.pop(BACKEND, "numba")
    array = Array._of(from_awkward_array(numpy, view), numpy, attrs or None, view.behavior)
    return array if name == "numpy" else array.to_backend(name)


def record_of(view: Any) -> Record:
    """A record that compiled code returns, likewise."""
    entry = view.layout.array[view.layout.at : view.layout.at + 1]
    return Record(array_of(ak.Array(entry, behavior=view.behavior, attrs=view.attrs)))


@unbox(ArrayType)
@unbox(RecordType)
def unbox_view(kind: Any, x: Any, c: Any) -> Any:
    """The view, with Awkward's object as the owner of the memory."""
    find, wanted = (c.pyapi.unserialize(c.pyapi.serialize_object(each)) for each in (view_of_type, kind))
    found = c.pyapi.call_function_objargs(find, (x, wanted))
    c.pyapi.decref(find)
    c.pyapi.decref(wanted)
    result = cgutils.create_struct_proxy(kind)(c.context, c.builder)
    with c.builder.if_then(cgutils.is_not_null(c.builder, found), likely=True):
        result.view = c.pyapi.to_native_value(kind.inner, found).value
        result.owner = c.pyapi.nrt_meminfo_new_from_pyobject(cgutils.get_null_value(cgutils.voidptr_t), found)
        c.pyapi.decref(found)
    failed = cgutils.is_not_null(c.builder, c.pyapi.err_occurred())
    return NativeValue(result._getvalue(), is_error=failed)


@box(ArrayType)
def box_array(kind: Any, value: Any, c: Any) -> Any:
    """An Array of the view."""
    return boxed(array_of, kind, value, c)


@box(RecordType)
def box_record(kind: Any, value: Any, c: Any) -> Any:
    """A Record of the view."""
    return boxed(record_of, kind, value, c)


def boxed(make: Any, kind: Any, value: Any, c: Any) -> Any:
    """What `make` makes of Awkward's array or record; the reference to the owner ends here."""
    parts = cgutils.create_struct_proxy(kind)(c.context, c.builder, value=value)
    result = cgutils.alloca_once_value(c.builder, c.pyapi.get_null_object())
    found = c.pyapi.from_native_value(kind.inner, parts.view, c.env_manager)
    with c.builder.if_then(cgutils.is_not_null(c.builder, found), likely=True):
        maker = c.pyapi.unserialize(c.pyapi.serialize_object(make))
        c.builder.store(c.pyapi.call_function_objargs(maker, (found,)), result)
        c.pyapi.decref(maker)
        c.pyapi.decref(found)
    c.context.nrt.decref(c.builder, kind, value)
    return c.builder.load(result)


@lower_constant(ArrayType)
@lower_constant(RecordType)
def lower_global(context: Any, builder: Any, kind: Any, x: Any) -> Any:
    """An array or a record that a compiled function has as a constant: its memory is kept for ever."""
    view = view_of_type(x, kind)
    FOREVER.append(view)
    result = cgutils.create_struct_proxy(kind)(context, builder)
    result.view = context.get_constant_generic(builder, kind.inner, view)
    return result._getvalue()
