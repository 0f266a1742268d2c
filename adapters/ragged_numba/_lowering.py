"""What compiled code may do with arrays and records: how each operation is typed, and the code that it becomes."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.errors import NumbaError, NumbaTypeError
from numba.core.imputils import RefType, call_iternext, iternext_impl
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer,
    infer_getattr,
    infer_global,
    signature,
)
from numba.extending import intrinsic, lower_builtin, lower_cast, lower_getattr_generic, overload, type_callable
from numba.np.arrayobj import make_array

from ragged_numba._views import ARRAY_VIEW, RECORD_VIEW, ArrayType, IteratorType, RecordType, unwrapped, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

INDICES = (
    "in compiled code a ragged array takes an integer, a slice start:stop, the name of a field written out, or a tuple "
    "of integers with any of these at its end; make other selections before the call: f(x[mask])"
)


def parts(context: Any, builder: Any, kind: Any, value: Any = None) -> Any:
    """The members of a structure, to read and to set."""
    return cgutils.create_struct_proxy(kind)(context, builder, value=value)


def rewrapped(context: Any, builder: Any, outer: Any, value: Any, owner: Any) -> Any:
    """A result of the view's type as one of the type here: a new reference to the memory where it looks at any."""
    inner = unwrapped(outer)
    if inner is outer or inner == outer:
        return value
    result = parts(context, builder, outer)
    if isinstance(outer, types.Optional):
        given, content = parts(context, builder, inner, value), parts(context, builder, outer.type)
        content.view, content.owner = given.data, owner
        result.data, result.valid = content._getvalue(), given.valid
    else:
        result.view, result.owner = value, owner
    context.nrt.incref(builder, outer, result._getvalue())
    return result._getvalue()


def on_the_view(function: Any) -> Callable[..., Any]:
    """The lowering of a call of `function` on an array or a record: the same call on the view within."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind, *others = sig.args
        called = context.get_function(function, signature(unwrapped(sig.return_type), kind.inner, *others))
        given = parts(context, builder, kind, args[0])
        return rewrapped(context, builder, sig.return_type, called(builder, (given.view, *args[1:])), given.owner)

    return lower


@infer_global(len)
class Length(AbstractTemplate):  # type: ignore[misc]
    """`len(x)`."""

    def generic(self, args: Any, kws: Any) -> Any:
        return signature(types.intp, args[0]) if isinstance(args[0], ArrayType) else None


lower_builtin(len, ArrayType)(on_the_view(len))


# ---------------------------------------------------------------------- indexing


@infer_global(operator.getitem)
class GetItem(AbstractTemplate):  # type: ignore[misc]
    """`x[i]`, `x[start:stop]`, `x["name"]`, and `x[i, j]` for `x[i][j]`."""

    def generic(self, args: Any, kws: Any) -> Any:
        x, where = args
        if isinstance(x, RecordType) and isinstance(where, types.StringLiteral):
            place = where
        elif not isinstance(x, ArrayType):
            return None
        elif isinstance(where, types.BaseTuple) and by_integers(where):
            return signature(steps(self.context, x, where)[-1].return_type, x, where)
        elif isinstance(where, types.Integer):
            place = types.intp
        elif isinstance(where, types.StringLiteral) or (isinstance(where, types.SliceType) and not where.has_step):
            place = where
        else:
            raise NumbaTypeError(INDICES)
        found = self.context.resolve_function_type(operator.getitem, (x.inner, place), {})
        return signature(wrapped(found.return_type), x, place)


def by_integers(where: Any) -> bool:
    """Whether all but the last of a tuple are integers."""
    return len(where) > 0 and all(isinstance(each, types.Integer) for each in where.types[:-1])


def steps(context: Any, x: Any, where: Any) -> list[Any]:
    """The signatures of one index after the other."""
    found: list[Any] = []
    for each in where.types:
        found.append(context.resolve_function_type(operator.getitem, (x, each), {}))
        x = found[-1].return_type
    return found


@lower_builtin(operator.getitem, ArrayType, types.BaseTuple)
def lower_path(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """One index after the other."""
    kind, where = sig.args
    value, owned = args[0], False
    for i, step in enumerate(steps(context.typing_context, kind, where)):
        index = context.cast(builder, builder.extract_value(args[1], i), where.types[i], step.args[1])
        view = context.cast(builder, value, kind, step.args[0])
        result = context.get_function(operator.getitem, step)(builder, (view, index))
        if owned:
            context.nrt.decref(builder, kind, value)
        kind, value, owned = step.return_type, result, True
    return value


for index in (types.SliceType, types.StringLiteral):
    lower_builtin(operator.getitem, ArrayType, index)(on_the_view(operator.getitem))
lower_builtin(operator.getitem, RecordType, types.StringLiteral)(on_the_view(operator.getitem))


@lower_builtin(operator.getitem, ArrayType, types.Integer)
def lower_entry(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """An entry: as Python has it, negative places count from the end, and an index out of range is an IndexError."""
    x, place = args
    n = on_the_view(len)(context, builder, signature(types.intp, sig.args[0]), (x,))
    zero = context.get_constant(types.intp, 0)
    place = builder.select(builder.icmp_signed("<", place, zero), builder.add(place, n), place)
    outside = builder.or_(builder.icmp_signed("<", place, zero), builder.icmp_signed(">=", place, n))
    with builder.if_then(outside, likely=False):
        context.call_conv.return_user_exc(builder, IndexError, ("index out of range of a ragged array",))
    return on_the_view(operator.getitem)(context, builder, sig, (x, place))


@infer_getattr
class ArrayFields(AttributeTemplate):  # type: ignore[misc]
    """`x.name`, on arrays."""

    key: Any = ArrayType

    def generic_resolve(self, x: Any, name: str) -> Any:
        return wrapped(self.context.resolve_getattr(x.inner, name))


@infer_getattr
class RecordFields(ArrayFields):
    """`x.name`, on records."""

    key = RecordType


@lower_getattr_generic(ArrayType)
@lower_getattr_generic(RecordType)
def lower_field(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
    """A field, of the view within."""
    given = parts(context, builder, kind, value)
    found = context.get_getattr(kind.inner, name)(context, builder, kind.inner, given.view, name)
    outer = context.typing_context.resolve_getattr(kind, name)
    return rewrapped(context, builder, outer, found, given.owner)


@lower_cast(ArrayType, ARRAY_VIEW)
@lower_cast(RecordType, RECORD_VIEW)
def lower_within(context: Any, builder: Any, kind: Any, inner: Any, value: Any) -> Any:
    """The view within: methods that Awkward's behaviors bring take it."""
    return parts(context, builder, kind, value).view


# ---------------------------------------------------------------------- iteration


@infer
class GetIter(AbstractTemplate):  # type: ignore[misc]
    """`for entry in x`."""

    key = "getiter"

    def generic(self, args: Any, kws: Any) -> Any:
        return signature(args[0].iterator_type, args[0]) if isinstance(args[0], ArrayType) else None


lower_builtin("getiter", ArrayType)(on_the_view("getiter"))


@lower_builtin("iternext", IteratorType)
@iternext_impl(RefType.NEW)
def lower_next(context: Any, builder: Any, sig: Any, args: Any, result: Any) -> None:
    """The next entry."""
    (kind,) = sig.args
    given = parts(context, builder, kind, args[0])
    step = call_iternext(context, builder, kind.inner, given.view)
    result.set_valid(step.is_valid())
    with builder.if_then(step.is_valid()):
        result.yield_(rewrapped(context, builder, kind.yield_type, step.yielded_value(), given.owner))


# ---------------------------------------------------------------------- NumPy and membership


@type_callable(np.asarray)
def type_asarray(context: Any) -> Any:
    """`np.asarray(x)` of plain numbers: read-only, the array's own memory."""

    def typer(x: Any) -> Any:
        if not isinstance(x, ArrayType):
            return None
        try:
            found = context.resolve_function_type(np.asarray, (x.inner,), {})
        except NumbaError:
            raise NumbaTypeError(
                "np.asarray takes one list of numbers; np.array copies lists of equal lengths"
            ) from None
        return found.return_type.copy(readonly=True)

    return typer


@lower_builtin(np.asarray, ArrayType)
def lower_asarray(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Awkward's view of the numbers, which then owns the memory too."""
    (kind,) = sig.args
    plain = sig.return_type.copy(readonly=False)
    given = parts(context, builder, kind, args[0])
    numbers = context.get_function(np.asarray, signature(plain, kind.inner))(builder, (given.view,))
    result = make_array(sig.return_type)(context, builder, numbers)
    result.meminfo = given.owner
    context.nrt.incref(builder, sig.return_type, result._getvalue())
    return result._getvalue()


@intrinsic
def within(typing: Any, x: Any) -> Any:
    """The view within, for what Awkward's extension has written in Python."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return parts(context, builder, sig.args[0], args[0]).view

    return signature(x.inner, x), lower


@overload(np.array, strict=False)
def overload_array(x: Any, dtype: Any = None) -> Any:
    """`np.array(x)`: a copy of equally long lists."""
    return (lambda x, dtype=None: np.array(within(x), dtype)) if isinstance(x, ArrayType) else None


@overload(operator.contains, strict=False)
def overload_contains(x: Any, element: Any) -> Any:
    """`element in x`, at any depth."""
    return (lambda x, element: element in within(x)) if isinstance(x, ArrayType | RecordType) else None


@overload(sum, strict=False)
def overload_sum(x: Any, start: Any = 0) -> Any:
    """`sum(x)`, entry by entry."""

    def total(x, start=0):  # type: ignore[no-untyped-def]
        for entry in x:
            start = start + entry
        return start

    return total if isinstance(x, ArrayType) else None
