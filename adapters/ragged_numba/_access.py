"""Numbers in memory without a question: a position is never negative, so no processor need look whether it is."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import load_item, store_item

__all__ = ["get", "prefetch", "put"]


def address(context: Any, builder: Any, kind: Any, x: Any, i: Any) -> Any:
    """Where `x[i]` is."""
    array = context.make_array(kind)(context, builder, x)
    return cgutils.get_item_pointer(context, builder, kind, array, [i], wraparound=False)


@intrinsic
def get(typing: Any, x: Any, i: Any) -> Any:
    """`x[i]` of a flat array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.args[0]
        return load_item(context, builder, kind, address(context, builder, kind, *args))

    return x.dtype(x, types.int64), generate


@intrinsic
def put(typing: Any, x: Any, i: Any, value: Any) -> Any:
    """`x[i] = value` of a flat array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.args[0]
        store_item(context, builder, kind, args[2], address(context, builder, kind, *args[:2]))
        return context.get_dummy_value()

    return types.void(x, types.int64, x.dtype), generate


@intrinsic
def prefetch(typing: Any, x: Any, i: Any) -> Any:
    """Asks the memory for `x[i]`, which is read later."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        where = builder.bitcast(address(context, builder, signature.args[0], *args), place)
        builder.call(function, [where, number(0), number(3), number(1)])  # for a read, and to be kept
        return context.get_dummy_value()

    return types.void(x, types.int64), generate
