"""What a program is differentiated by, and the one number that `grad` differentiates: the errors where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.array import Array
from ragged.autodiff.trees import Skeleton, Slot, split
from ragged.errors import DTypeError
from ragged.nodes import Flat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.backend import Backend

__all__ = ["require_floats", "require_scalar"]


def require_floats(b: Backend, primals: Sequence[Any], numbers: Sequence[int]) -> None:
    """Every argument holds something that can be differentiated by."""
    for n, x in zip(numbers, primals, strict=True):
        skeleton, smooth, _ = split(b, x)
        if not smooth:
            what = f"it is {describe(skeleton)}"
            raise DTypeError(
                f"argument {n} holds no floating-point numbers to differentiate by ({what}); "
                "convert it, for example with ragged.values_astype(x, 'float64')"
            )


def describe(skeleton: Skeleton) -> str:
    """A short word on what a tree is."""
    if len(skeleton.leaves) != 1 or skeleton.treedef.num_nodes != 1:
        return f"a tree of {len(skeleton.leaves)} values"
    leaf = skeleton.leaves[0]
    if isinstance(leaf, Slot):
        return f"a dense value of shape {leaf.shape} and dtype {leaf.dtype}"
    if isinstance(leaf, tuple):
        return f"a ragged {leaf[0].__name__} of {leaf[1].length} entries, {type(leaf[1]).__name__} of " + (
            ", ".join(dict.fromkeys(str(slot.dtype) for slot in skeleton.slots())) or "unknown"
        )
    return f"the {type(leaf.value).__name__} {leaf.value!r}"


def require_scalar(skeleton: Skeleton) -> Slot:
    """The slot of a program's only number.

    Raises:
        DTypeError: there are several, or it has no derivative.
    """
    slots = list(skeleton.slots())
    leaf = skeleton.leaves[0] if len(skeleton.leaves) == 1 and skeleton.treedef.num_nodes == 1 else None
    if isinstance(leaf, tuple):
        is_scalar = leaf[0] is Array and isinstance(leaf[1], Flat) and slots[0].shape == (1,)
    else:
        is_scalar = isinstance(leaf, Slot) and leaf.shape == ()
    if not is_scalar:
        raise DTypeError(
            f"grad needs a program with one number as its output; this one gave {describe(skeleton)}. "
            "Reduce it (ragged.sum(...)), or use ragged.vjp or ragged.jacobian"
        )
    slot = slots[0]
    if not slot.smooth or slot.dtype.kind == "c":
        way = "take its real or absolute value" if slot.smooth else "an integer has no derivative"
        raise DTypeError(f"grad needs a real floating-point output; this one has dtype {slot.dtype}: {way}")
    return slot
