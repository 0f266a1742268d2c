"""What TensorFlow keeps to itself and an adapter has to know: whether anyone would differentiate.

Without it everything still works: each operation would then bring its derivative, asked for or not.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

__all__ = ["is_asked_by_autograph", "is_eager", "is_recorded", "is_symbolic", "make_dispatchable", "variadic_sort"]

ON_THE_WAY = ("ragged", "tensorflow.python.util.nest")
"""Modules between those that map over a nested structure and an array in it."""

try:
    from tensorflow.python import pywrap_tfe

    _possible = pywrap_tfe.TFE_Py_TapeSetPossibleGradientTypes
    _is_empty = pywrap_tfe.TFE_Py_TapeSetIsEmpty
    _accumulated = pywrap_tfe.TFE_Py_PackJVPs
except (ImportError, AttributeError):  # pragma: no cover
    _possible = _is_empty = _accumulated = None

try:
    from tensorflow.python.util.dispatch import register_dispatchable_type
except ImportError:  # pragma: no cover
    register_dispatchable_type = None

try:
    from tensorflow.compiler.tf2xla.python.xla import variadic_sort as _variadic_sort
except ImportError:  # pragma: no cover
    _variadic_sort = None


def variadic_sort(operands: list[Any], is_before: Callable[..., Any]) -> Any:
    """Vectors in the order of a function of two entries of each, those that it does not tell apart as they were.

    Raises:
        UnsupportedError: TensorFlow has it no more.
    """
    if _variadic_sort is None:  # pragma: no cover
        raise UnsupportedError("this TensorFlow has no stable sort for XLA; leave jit_compile=True out")
    kinds = [tf.TensorSpec([], x.dtype, f"x{i}{j}") for i, x in enumerate(operands) for j in range(2)]
    comparator = tf.function(lambda *pairs: is_before(*pairs), autograph=False).get_concrete_function(*kinds)
    return _variadic_sort(operands, 0, comparator, True)


def make_dispatchable(kind: type) -> bool:
    """Whether TensorFlow's functions now ask what was registered for this type before they convert it."""
    if register_dispatchable_type is None:  # pragma: no cover
        return False
    register_dispatchable_type(kind)
    return True


def is_eager(x: Any) -> bool:
    """Whether a tensor (or a variable) has a value now."""
    return hasattr(x, "numpy") and not is_symbolic(x)


def is_asked_by_autograph() -> bool:
    """Whether it is AutoGraph, checking the variables of a loop, that maps over a nested structure right now.

    It maps to None, which for a tape means that there is no derivative.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and (name := frame.f_globals.get("__name__", "")).startswith(ON_THE_WAY):
        frame = frame.f_back
    return frame is not None and name.endswith(".autograph.operators.control_flow")


def is_symbolic(x: Any) -> bool:
    """Whether `x` is a tensor of a graph that is being built."""
    return isinstance(x, tf.Tensor) and tf.is_symbolic_tensor(x)


def is_recorded(tensors: Iterable[Any]) -> bool:
    """Whether a tape or an accumulator follows any of the tensors, or might: of a symbolic one nobody knows.

    Raises:
        UnsupportedError: an accumulator that follows a symbolic one, which it would do wrongly.
    """
    found = [x for x in tensors if isinstance(x, tf.Tensor)]
    if not found:
        return False
    symbolic = [x for x in found if tf.is_symbolic_tensor(x)]
    if symbolic and _accumulated is not None and _accumulated(symbolic)[1]:
        raise UnsupportedError(
            "within a tf.function a ForwardAccumulator passes by whatever has a derivative of its own; use ragged.jvp "
            "there, or the accumulator outside of tf.function"
        )
    if _possible is None or symbolic:  # pragma: no branch
        return True
    return not _is_empty() and _possible(found) != 0
