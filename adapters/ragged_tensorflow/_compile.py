"""`ragged.jit` under TensorFlow: one `tf.function`, whose one graph serves arrays and dense values of all lengths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged.array import Array
from ragged.errors import UnsupportedError
from ragged.nodes import Flat
from ragged_tensorflow._sizes import NO_NONE, unchecked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend
    from ragged.compilation._program import Plan, Program

__all__ = ["compiled"]


def compiled(b: Backend, program: Program, plan: Plan) -> Callable[[list[Any]], list[Any]]:
    """The program as a graph; errors that it finds while it runs are raised as eager code has them."""
    if plan.options.jit_compile:
        from ragged_tensorflow._xla import Compiled

        return Compiled(b, program, plan)
    graph = tf.function(Body(program, plan), autograph=False)

    def run(leaves: Sequence[Any]) -> list[Any]:
        try:
            return list(graph(*(closed(b, leaf) for leaf in leaves)))
        except tf.errors.InvalidArgumentError as error:
            program.eagerly(leaves)  # raises what eager code does: its type and text
            if found := NOTHING.search(error.message):
                raise UnsupportedError(f"{plan.name}: {found[0]}") from error
            raise

    return run


class Body:
    """What the graph is made of. An object of its own each: TensorFlow warns of functions of one place in the source
    that it traces too often, and would count all programs together."""

    def __init__(self, program: Program, plan: Plan) -> None:
        self.program, self.check, self.__name__ = program, plan.options.check, plan.name

    def __call__(self, *leaves: Any) -> list[Any]:
        with unchecked(not self.check):
            return self.program([opened(leaf) for leaf in leaves])


NOTHING = re.compile(r"\w+" + re.escape(NO_NONE))
"""What the running program says where eager code gives None."""

DENSE = {"__ragged__": "dense"}
"""Marks the array that stands for a dense value."""


def closed(b: Backend, leaf: Any) -> Any:
    """A dense value as an array, whose first axis the graph takes at any length; a single entry, which stretches along
    others, stays what it is."""
    if isinstance(leaf, Array | tf.Variable) or not leaf.shape.rank or leaf.shape[0] == 1:
        return leaf
    return Array._of(Flat(leaf, leaf.shape[0], DENSE), b)


def opened(leaf: Any) -> Any:
    """The leaf as the program was given it; an array of its own, in which fields may be set."""
    if not isinstance(leaf, Array):
        return leaf
    node = leaf.layout
    if isinstance(node, Flat) and node.parameters == DENSE:
        return node.data
    return Array._of(node, leaf._backend, leaf._attrs, leaf._behavior)
