"""Reverse mode for backends without autodiff: a `Tape` is itself a `Backend`, which records what the inner one does."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._segments import extremum_adjoint
from ragged.autodiff.box import Box
from ragged.autodiff.derivatives import uses
from ragged.autodiff.methods import native, plain, recorded
from ragged.autodiff.pullback import Step, by_apply, custom_pulls, deepest, pulling, sum_with_row
from ragged.autodiff.rules import matmul_left, matmul_right
from ragged.backend import Backend
from ragged.errors import DTypeError, RaggedError
from ragged.ufuncs import table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.rows import Segments

__all__ = ["Tape"]


class Tape(Backend):
    """The inner backend, recording: values that depend on the inputs are `Box`es, all others are the inner's own.

    Steps refer to the steps before them, so what no output depends on is freed while the program runs.
    """

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.level = inner.level + 1
        self.name = inner.name  # type: ignore[misc]
        self.xp = inner.xp
        self._base = inner.base
        self._serials = count()

    @property
    def base(self) -> Backend:
        return self._base

    # ------------------------------------------------------------------ boxes

    def leaf(self, value: Any) -> Box:
        """An input of the program."""
        return Box(value, self, Step(next(self._serials), value.shape, self.dtype(value), ()))

    def value(self, x: Any) -> Any:
        """What the inner backend sees of `x`."""
        if type(x) is not Box:
            return x
        if x.tape is self:
            return x.value
        if x.tape.level >= self.level:
            raise RaggedError(
                "a value of one differentiated program was used in another: "
                "return it from the program instead of keeping it"
            )
        return x

    def record(self, value: Any, *sources: tuple[Any, Callable[..., Any]]) -> Any:
        """`value` on the tape, with `(operand, pull)` for each operand that it was made of; integers are constants."""
        dtype = self.dtype(value)
        if dtype.kind not in "fc":
            return value
        edges = tuple((x.step, pull) for x, pull in sources if type(x) is Box and x.tape is self)
        return Box(value, self, Step(next(self._serials), value.shape, dtype, edges)) if edges else value

    def constant(self, x: Any) -> Any:
        """The plain value beneath all tapes."""
        while type(x) is Box:
            x = x.value
        return x

    # ------------------------------------------------------------------ where things are

    def home(self, *arrays: Any) -> Backend:
        return self._base.home(*(self.constant(x) for x in arrays))

    def owns(self, x: Any) -> bool:
        return x.tape is self or self.inner.owns(x) if type(x) is Box else self.inner.owns(x)

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        if type(x) is Box:
            return x if dtype is None else self.astype(x, dtype)
        return self.inner.asarray(x, dtype)

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        if type(x) is Box:
            raise DTypeError(
                "this value is being differentiated and has no NumPy form here; "
                "return it from the program, or take ragged.stop_gradient(x) first"
            )
        return self.inner.to_numpy(x)

    def differentiating(self, x: Any) -> bool:
        return type(x) is Box or self.inner.differentiating(x)

    def dtype(self, x: Any) -> np.dtype[Any]:
        return x.step.dtype if type(x) is Box else self._base.dtype(x)

    def configured(self, device: Any = None, precision: str | None = None) -> Backend:
        self._base.configured(device, precision)
        return self

    @property
    def compiles(self) -> str | None:  # type: ignore[override]
        return self._base.compiles

    @property
    def traces_floats(self) -> bool:  # type: ignore[override]
        return self._base.traces_floats

    # ------------------------------------------------------------------ differentiable primitives

    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        if not self.holds(args):
            return self.inner.apply(name, *(self.value(x) for x in args), valid=valid)
        if valid is not None:
            return self._apply_valid(name, args, valid)
        values = tuple(self.value(x) for x in args)
        ans = self.inner.apply(name, *values)
        if name == "multiply" and args[0] is args[1]:
            name, args, values = "square", args[:1], values[:1]
        entry = table[name]
        if entry.parts:
            return tuple(
                self._elementwise(part, ans, rules, args, values) for part, rules in zip(ans, entry.parts, strict=True)
            )
        return self._elementwise(ans, ans, entry.vjps, args, values)

    def _elementwise(self, value: Any, ans: Any, rules: Any, args: Any, values: Any) -> Any:
        run = None if self._base.promotes else lambda rule, b, *values: by_apply(rule, Tape(b), *values)
        ruled = [(x, rule) for x, rule in zip(args, rules, strict=True) if rule is not None and type(x) is Box]
        return self.record(value, *((x, pulling(rule, ans, values, run)) for x, rule in ruled))

    def _apply_valid(self, name: str, args: tuple[Any, ...], valid: Any) -> Any:
        """The double where: a safe point goes in and zero comes out wherever the result does not count."""
        ndim = max(getattr(x, "ndim", 0) for x in args)
        if ndim > 1:
            valid = self.home(valid).reshape(valid, (*valid.shape, *(1,) * (ndim - 1)))
        safe = table[name].safe
        points = {"b": safe > 0.5, "i": int(safe), "u": int(safe)}  # of the argument's own kind: it keeps its dtype
        inputs = [
            self.where(valid, x, points.get(self.dtype(x).kind, safe)) if getattr(x, "ndim", 0) or type(x) is Box else x
            for x in args
        ]
        ans = self.apply(name, *inputs)
        if isinstance(ans, tuple):
            return tuple(self.where(valid, part, 0) for part in ans)
        return self.where(valid, ans, 0) if self.dtype(ans).kind in "fc" else ans

    take = recorded("take")
    slice = recorded("slice")
    expand = recorded("expand")
    segment_sum = recorded("segment_sum")
    cumulative_sum = recorded("cumulative_sum")
    reshape = recorded("reshape")
    broadcast_to = recorded("broadcast_to")
    sum = recorded("sum")
    permute_dims = recorded("permute_dims")
    _cast = recorded("astype")

    def astype(self, x: Any, dtype: Any) -> Any:
        return x if type(x) is Box and x.dtype == dtype else self._cast(x, dtype)

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        if not self.holds((x, *options)):
            return self.inner.fused(f, self.value(x), rows, *map(self.value, options), tangent=tangent)
        if "signs" in f.__dict__ and (signs := f.__dict__["signs"](*options[1:])):
            return sum_with_row(self, f, x, rows, options, signs)
        adjoint = f.__dict__.get("adjoint")
        if adjoint is None or any(hasattr(each, "shape") for each in options):
            return f(self, x, rows, *options)
        value = self.inner.fused(f, x.value, rows, *options, tangent=tangent)
        return self._with_adjoint(adjoint, x, value, rows, options)

    def tied_extremum(self, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
        value = self.value(x)
        if type(value) is Box:
            best = self.inner.tied_extremum(value, rows, identity, largest)
        else:
            best = (self._base.segment_max if largest else self._base.segment_min)(value, rows, identity)
        return self._with_adjoint(extremum_adjoint, x, best, rows, ()) if self.holds((x,)) else best

    def _with_adjoint(self, adjoint: Any, x: Box, value: Any, rows: Any, options: tuple[Any, ...]) -> Any:
        looks_at_answer, looks_at_x, *_ = uses(adjoint)
        y, u = value if looks_at_answer else None, x.value if looks_at_x else None
        return self.record(value, (x, lambda b, g: adjoint(b, g, y, u, rows, *options)))

    def concat(self, arrays: Sequence[Any]) -> Any:
        arrays = list(arrays)
        sources, start = [], 0
        for x in arrays:
            stop = start + x.shape[0]
            sources.append((x, partial(lambda b, g, low, high: b.slice(g, low, high), low=start, high=stop)))
            start = stop
        return self.record(self.inner.concat([self.value(x) for x in arrays]), *sources)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        condition = self.constant(condition)
        return self.record(
            self.inner.where(condition, self.value(x), self.value(y)),
            (x, lambda b, g: b.where(condition, g, 0)),
            (y, lambda b, g: b.where(condition, 0, g)),
        )

    def matmul(self, x: Any, y: Any) -> Any:
        u, v = self.value(x), self.value(y)
        return self.record(
            self.inner.matmul(u, v),
            (x, lambda b, g: matmul_left(b, g, u, v)),
            (y, lambda b, g: matmul_right(b, g, u, v)),
        )

    def full(self, shape: tuple[Any, ...], value: Any, dtype: Any) -> Any:
        if type(value) is Box:
            return self.broadcast_to(self.astype(value, np.dtype(dtype)), shape)
        return self.inner.full(shape, value, dtype)

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        return self.take(x, (ops := self.home(counts)).repeat(ops.arange(x.shape[0]), counts, total))

    def custom_vjp(
        self, f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Callable[..., Any]:
        def call(*args: Any) -> list[Any]:
            values = [self.value(x) for x in args]
            if not self.holds(args):
                return self.inner.custom_vjp(f, forward, backward)(*values)  # type: ignore[no-any-return]
            outputs, residuals = forward(*values)
            return self.ruled(args, outputs, partial(backward, residuals))

        return call

    def checkpoint(self, f: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> tuple[list[Any], Any]:
            values = [self.value(x) for x in args]
            if not self.holds(args):
                return self.inner.checkpoint(f)(*values)  # type: ignore[no-any-return]
            outputs, aux = f(*values)
            if self.holds([*outputs, *aux]):  # it closes over values on this tape: remember everything
                return f(*args)  # type: ignore[no-any-return]
            return self.ruled(args, outputs, lambda g: deepest(self.inner, values).vjp(f, values)[2](g)), aux

        return call

    def holds(self, xs: Sequence[Any]) -> bool:
        """Whether any of the values is on this tape."""
        return any(type(x) is Box and x.tape is self for x in xs)

    def ruled(self, args: Sequence[Any], outputs: Sequence[Any], pull: Callable[..., Any]) -> list[Any]:
        """Outputs on the tape, with one pull for all of them and all arguments."""
        pulls = custom_pulls(outputs, len(args), pull)
        return [self.record(y, *zip(args, pull, strict=True)) for y, pull in zip(outputs, pulls, strict=True)]

    # ------------------------------------------------------------------ no gradient

    known = plain("known")
    lasts = plain("lasts")
    takes = plain("takes")
    expect_some = plain("expect_some")
    as_structure = plain("as_structure")
    stop_gradient = plain("stop_gradient")
    segment_max = plain("segment_max")
    segment_min = plain("segment_min")
    segment_argsort = plain("segment_argsort")
    segment_argmax = plain("segment_argmax")
    searchsorted = plain("searchsorted")
    flatnonzero = plain("flatnonzero")
    arange = plain("arange")
    offsets_from_lengths = plain("offsets_from_lengths")
    bound = plain("bound")
    largest = plain("largest")
    equal = plain("equal")
    true = plain("true")

    segment_prod = native("segment_prod")
    segment_scan = native("segment_scan")
    segment_pairs = native("segment_pairs")

    def __repr__(self) -> str:
        return f"<ragged backend {self.name}, differentiating to order {self.level}>"
