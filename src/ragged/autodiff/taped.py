"""`Backend.vjp` and `Backend.jvp` of a backend without autodiff: the program runs on a `Tape` over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.autodiff.box import Box
from ragged.autodiff.pullback import Pullback
from ragged.autodiff.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend

__all__ = ["tape_jvp", "tape_vjp"]


def tape_vjp(b: Backend, f: Callable[..., Any], primals: Sequence[Any]) -> tuple[list[Any], Any, Pullback]:
    """`Backend.vjp` by the tape: outputs, aux and the pullback.

    NumPy inputs are copied, unless `f` is pulled back `at_once`: one overwritten meanwhile would change the gradient.
    """
    tape, shared = Tape(b), getattr(f, "at_once", False)
    leaves = [tape.leaf(x.copy() if isinstance(x, np.ndarray) and not shared else x) for x in primals]
    outputs, aux = f(*leaves)
    aux = [tape.value(x) for x in aux] if isinstance(aux, list | tuple) else aux
    steps = [x.step if type(x) is Box and x.tape is tape else None for x in outputs]
    return [tape.value(x) for x in outputs], aux, Pullback(b, steps, [x.step for x in leaves])


def tape_jvp(
    b: Backend, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[list[Any], list[Any], Any]:
    """`Backend.jvp` by the tape: outputs, their tangents, and aux.

    The pullback is linear in the cotangents; its transpose, by a second tape, pushes tangents forward.
    """
    outputs, aux, pullback = tape_vjp(b, f, primals)
    zeros = [b.full(x.shape, 0, b.dtype(x)) for x in outputs]
    if not zeros:
        return outputs, zeros, aux
    _, _, forward = tape_vjp(b, lambda *cotangents: (pullback.once(cotangents), ()), zeros)
    return outputs, forward.once(list(tangents)), aux
