"""The methods of a `Tape` that are alike for many primitives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.autodiff.box import Box
from ragged.autodiff.rules import primitives

if TYPE_CHECKING:
    from ragged.autodiff.tape import Tape

__all__ = ["native", "plain", "recorded"]


def recorded(name: str) -> Any:
    """The method of a primitive with one operand, which is recorded with its rule."""
    rule = primitives[name]

    def method(self: Tape, x: Any, *parameters: Any) -> Any:
        if type(x) is not Box or x.tape is not self:
            return getattr(self.inner, name)(self.value(x), *parameters)
        shape = x.value.shape
        value = getattr(self.inner, name)(x.value, *parameters)
        return self.record(value, (x, lambda b, g: rule(b, g, shape, *parameters)))

    return method


def plain(name: str) -> Any:
    """The method of a primitive without a gradient, which sees plain values only."""

    def method(self: Tape, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._base, name)(*map(self.constant, args), **kwargs)

    return method


def native(name: str) -> Any:
    """The method of a kernel that only plain values have."""
    return lambda self, x, *args: None if type(x) is Box else getattr(self._base, name)(x, *args)
