"""Derivatives of many numbers by many: jacobian, hessian, and their products with a vector."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._opaque import opaque
from ragged.array import Array, Record
from ragged.autodiff.transforms import by_arguments, grad, jvp
from ragged.autodiff.trees import Slot, Static, gradient_node, replace_numbers, scalar
from ragged.errors import DTypeError
from ragged.nodes import Flat, regular, take
from ragged.operands import map_flats
from ragged.sizes import is_known

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.autodiff.trees import Skeleton
    from ragged.backend import Backend
    from ragged.nodes import Node

__all__ = ["hessian", "hvp", "jacobian"]


def jacobian(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that returns the Jacobian: the output's structure, each number replaced by the input's structure.

    `jacobian(f)(x)[i, j]` is the gradient of `f(x)[i, j]`, an array like `x`.

    Args:
        f: a program of ragged arrays, dense arrays and trees of them.
        argnums: which positional arguments to differentiate by; a tuple gives a tuple in each number's place.

    Raises:
        DTypeError: an argument has no floats, or the output is complex.

    >>> import ragged
    >>> x = ragged.Array([[1.0, 2.0], [3.0]])
    >>> ragged.jacobian(lambda x: ragged.sum(x * x, axis=1))(x)
    <Array [[[2, 4], [0]], [[0, 0], [6]]] type='2 * 2 * var * float64'>
    """
    several = isinstance(argnums, tuple | list)
    numbers = tuple(argnums) if isinstance(argnums, tuple | list) else (argnums,)

    @opaque
    @functools.wraps(f)
    def differentiated(*args: Any) -> Any:
        program = by_arguments(f, args, {}, numbers, False)
        b = program.b
        outputs, _, pullback = b.vjp(program, program.values)
        blocks = [pull_each(b, pullback, outputs, i) for i in range(len(outputs))]
        leaves = [out_leaf(b, leaf, program.primals, blocks, several) for leaf in program.out.leaves]
        return program.out.treedef.unflatten(leaves)

    return differentiated


def pull_each(b: Backend, pullback: Callable[..., Any], outputs: Sequence[Any], i: int) -> list[Any]:
    """For each number of the i-th output its gradient by every input, stacked along a new first axis."""
    if b.dtype(outputs[i]).kind == "c":
        raise DTypeError("jacobian of a complex output: differentiate its real and imaginary parts")
    cotangents = [b.full(b.shape(x), 0, b.dtype(x)) for x in outputs]
    shape, dtype = b.shape(outputs[i]), b.dtype(outputs[i])
    n = math.prod(shape)
    if is_known(n) and not n:
        zeros = pullback(cotangents)
        return [b.full((0, *b.shape(x)), 0, b.dtype(x)) for x in zeros]
    many = getattr(pullback, "many", None)
    if many is not None:  # a framework that can map its pullback over an axis
        stacked = [b.broadcast_to(b.reshape(x, (1, *b.shape(x))), (n, *b.shape(x))) for x in cotangents]
        place = np.arange(n) if is_known(n) else b.home().arange(n)
        stacked[i] = b.reshape(b.asarray(place[:, None] == place[None, :], dtype), (n, *shape))
        return list(many(stacked))
    rows = []
    for unit in np.eye(n, dtype=dtype):  # one walk of the tape for each number: a tape has no axis to map over
        cotangents[i] = b.asarray(unit.reshape(shape))
        rows.append(pullback(cotangents))
    return [b.concat([b.reshape(x, (1, *x.shape)) for x in column]) for column in zip(*rows, strict=True)]


def out_leaf(b: Backend, leaf: Any, primals: Skeleton, blocks: list[list[Any]], several: bool) -> Any:
    """One leaf of the output, with the tree of inputs in place of its numbers."""

    def by_input(build: Any) -> Any:
        tree = primals.treedef.unflatten([build(input_leaf) for input_leaf in primals.leaves])
        return tree if several else tree[0]

    if isinstance(leaf, Static) or (isinstance(leaf, Slot) and not leaf.smooth):
        return by_input(lambda _: None)
    if isinstance(leaf, Slot):
        return by_input(lambda input_leaf: dense_block(b, leaf, input_leaf, blocks[leaf.index]))
    kind, node, attrs, behavior = leaf

    def block(input_leaf: Any) -> Any:
        if isinstance(input_leaf, Static) or (isinstance(input_leaf, Slot) and not input_leaf.smooth):
            return None
        array = Array._of(matrix_node(b, node, input_leaf, blocks), b, attrs, behavior)
        return Record(array) if kind is Record else array

    return by_input(block)


def matrix_node(b: Backend, node: Any, input_leaf: Any, blocks: list[list[Any]]) -> Node:
    """The output's layout with an input in place of each number."""

    def number(flat: Flat) -> Node:
        slot = flat.data
        return folded(b, entries(b, input_leaf, blocks[slot.index], math.prod(slot.shape)), slot.shape)

    return replace_numbers(b, node, number)


def dense_block(b: Backend, slot: Slot, input_leaf: Any, values: list[Any]) -> Any:
    """A dense output's block: an input for each of its numbers."""
    if isinstance(input_leaf, Static) or (isinstance(input_leaf, Slot) and not input_leaf.smooth):
        return None
    if isinstance(input_leaf, Slot):
        return scalar(b.reshape(values[input_leaf.index], (*slot.shape, *input_leaf.shape)))
    kind, node, attrs, behavior = input_leaf
    if slot.shape == ():
        array = Array._of(tiled(b, node, values, 1), b, attrs, behavior)
        return Record(array) if kind is Record else array
    return Array._of(folded(b, entries(b, input_leaf, values, math.prod(slot.shape)), slot.shape), b)


def entries(b: Backend, input_leaf: Any, values: list[Any], n: int) -> Node:
    """`n` entries, each an input filled with its gradient."""
    if isinstance(input_leaf, Slot):
        return Flat(values[input_leaf.index], n)
    kind, node, _, _ = input_leaf
    copies = tiled(b, node, values, n)
    return copies if kind is Record else regular(b, copies, node.length, n)


def tiled(b: Backend, node: Any, values: list[Any], n: int) -> Node:
    """`n` copies of an input's layout, one after the other, filled with gradients (stacked along axis 0)."""
    ops = b.home()
    size = node.length
    index = ops.reshape(ops.arange(n)[:, None] * 0 + ops.arange(size)[None, :], (n * size,))
    slots: list[Any] = []

    def place(flat: Flat) -> Flat:
        slots.append(flat.data)
        return Flat(ops.arange(flat.length), flat.length, flat.parameters)

    copies = take(ops, map_flats(node, place), index)
    remaining = iter(slots)
    filled: dict[int, Any] = {}

    def refill(flat: Flat) -> Flat:
        slot = next(remaining)
        shape = (flat.length, *slot.shape[1:])
        if slot.smooth:
            filled[slot.index] = b.reshape(values[slot.index], shape)
        return Flat(Slot(slot.index, slot.smooth, shape, slot.dtype), flat.length, flat.parameters)

    return gradient_node(b, map_flats(copies, refill), filled)


def folded(b: Backend, node: Node, shape: tuple[int, ...]) -> Node:
    """A node of prod(shape) entries as nested regular lists: one node of shape[0] entries."""
    for axis in range(len(shape) - 1, 0, -1):
        node = regular(b, node, shape[axis], math.prod(shape[:axis]))
    return node


def hessian(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that returns the Hessian: the Jacobian of the gradient, in the type of x times the type of x.

    Raises:
        DTypeError: the output is not one real number, or an argument has no floats.

    >>> import ragged
    >>> x = ragged.Array([[1.0, 2.0], [3.0]])
    >>> ragged.hessian(lambda x: ragged.sum(x * x * x))(x)[0, 1]
    <Array [[0, 12], [0]] type='2 * var * float64'>
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of `f` at `primals` times `tangents`, without the Hessian: like the primal, or a tuple of several.

    Raises:
        DTypeError: the output is not one real number, or a primal has no floats.
        StructureError: a tangent does not line up with its primal.

    >>> import ragged
    >>> x = ragged.Array([[1.0, 2.0], [3.0]])
    >>> ragged.hvp(lambda x: ragged.sum(x * x * x), (x,), (x,))
    <Array [[6, 24], [54]] type='2 * var * float64'>
    """
    product = jvp(grad(f, tuple(range(len(primals)))), primals, tangents)[1]
    return product[0] if len(primals) == 1 else product
