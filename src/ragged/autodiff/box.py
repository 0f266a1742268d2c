"""`Box`: a dense value on a tape, with the manners of an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ragged._operators import asked_of_the_type, give_operators
from ragged.errors import DTypeError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Box"]

PLAIN = (np.ndarray, np.generic, bool, int, float, complex)


class Box:
    """A dense value that is being differentiated: its value on the inner backend, its tape, its step there."""

    __slots__ = ("__weakref__", "step", "tape", "value")
    __hash__ = None  # type: ignore[assignment]
    __array_priority__ = 900
    _ragged_tape = True

    def __init__(self, value: Any, tape: Any, step: Any) -> None:
        self.value = value
        self.tape = tape
        self.step = step

    # ------------------------------------------------------------------ what an array tells about itself

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        """The NumPy dtype of the value."""
        return self.step.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.value.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.value.shape))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a 0-d value has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<differentiated {self.tape.name} value {self.value!r}>"

    def __format__(self, spec: str) -> str:
        return format(self.tape.constant(self), spec)

    # ------------------------------------------------------------------ what it refuses

    def _refuse(self, what: str) -> NoReturn:
        raise DTypeError(
            f"{what} of a value that is being differentiated would cut its derivative off in silence; "
            "use ragged.* functions and operators, or ragged.stop_gradient(x) for its plain value"
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        self._refuse("np.asarray")

    def __float__(self) -> NoReturn:
        self._refuse("float()")

    def __int__(self) -> NoReturn:
        self._refuse("int()")

    def __complex__(self) -> NoReturn:
        self._refuse("complex()")

    def __bool__(self) -> NoReturn:
        self._refuse("the truth (compare it with a number instead)")

    def item(self) -> NoReturn:
        """Refused: a Python number has no derivative."""
        self._refuse(".item()")

    def tolist(self) -> NoReturn:
        """Refused: Python numbers have no derivative."""
        self._refuse(".tolist()")

    @property
    def _numba_type_(self) -> NoReturn:
        """Refused: Numba asks it of an argument of a compiled function, which has no derivative."""
        raise UnsupportedError(
            "a value that is being differentiated cannot go into compiled code: a function that calls compiled code "
            "gets a derivative of its own by ragged.custom_vjp"
        )

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise DTypeError("item assignment has no derivative: make the new values with ragged.where(condition, new, x)")

    # ------------------------------------------------------------------ NumPy's protocols

    @asked_of_the_type
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "reduce" and ufunc is np.add and kwargs.get("out") is None:
            return self.sum(kwargs.get("axis", 0), bool(kwargs.get("keepdims")))
        if method != "__call__" or kwargs:
            what = f"np.{ufunc.__name__}" + (f".{method}" if method != "__call__" else f" with {sorted(kwargs)}")
            raise UnsupportedError(f"{what} has no derivative here; call ragged.{ufunc.__name__}(...) plainly")
        if ufunc is np.matmul:
            return elementwise("matmul", *inputs)
        return elementwise(ufunc.__name__, *inputs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from ragged.autodiff.dense import numpy_function

        if not all(issubclass(kind, Box | np.ndarray) for kind in types):
            return NotImplemented  # an Array among the arguments answers
        return numpy_function(func, args, kwargs)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        import ragged

        return ragged

    # ------------------------------------------------------------------ indexing and shapes

    def __getitem__(self, key: Any) -> Any:
        tape, n = self.tape, self.shape[0] if self.shape else 0
        if type(key) is slice and n:
            start, stop, step = key.indices(n)
            if step > 0:
                return tape.slice(self, start, max(start, stop), step)
        if any(type(part) is Box for part in (key if isinstance(key, tuple) else (key,))):
            raise DTypeError("an index cannot be a value that is being differentiated")
        ops = tape.home(self)
        places = ops.reshape(ops.arange(self.size), self.shape)[key]
        flat = tape.take(tape.reshape(self, (self.size,)), ops.reshape(places, (-1,)))
        return tape.reshape(flat, places.shape)

    def reshape(self, *shape: Any) -> Any:
        """The same elements in another shape (one length may be -1)."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        known = int(np.prod([n for n in wanted if n != -1]))
        return self.tape.reshape(self, tuple(self.size // max(known, 1) if n == -1 else int(n) for n in wanted))

    def ravel(self) -> Any:
        """All elements along one axis."""
        return self.reshape(-1)

    flatten = ravel

    def transpose(self, *axes: Any) -> Any:
        """The axes in another order; reversed if none is given."""
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        return self.tape.permute_dims(self, tuple(order) or tuple(range(self.ndim))[::-1])

    @property
    def T(self) -> Any:
        """The axes reversed."""
        return self.transpose()

    @property
    def mT(self) -> Any:
        """The last two axes exchanged."""
        n = self.ndim
        return self.transpose(*range(n - 2), n - 1, n - 2)

    @property
    def real(self) -> Any:
        """The real part."""
        return elementwise("real", self)

    @property
    def imag(self) -> Any:
        """The imaginary part."""
        return elementwise("imag", self)

    def conj(self) -> Any:
        """The complex conjugate."""
        return elementwise("conjugate", self)

    conjugate = conj

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """The value in another dtype; integers and booleans are constants."""
        return self.tape.astype(self, np.dtype(dtype))

    def copy(self) -> Box:
        """The same value: it never changes."""
        return self

    # ------------------------------------------------------------------ reductions

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The sum over the given axes, by default all."""
        from ragged.autodiff.dense import reduce_sum

        return reduce_sum(self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The mean over the given axes, by default all."""
        total = self.sum(axis, keepdims)
        return total / (self.size / max(int(np.prod(total.shape)), 1))

    def dot(self, other: Any) -> Any:
        """The matrix product."""
        return elementwise("matmul" if getattr(other, "ndim", 0) and self.ndim else "multiply", self, other)


def elementwise(name: str, *args: Any) -> Any:
    """The function `name` of boxes and plain values, on the deepest tape among them."""
    boxes = [x for x in args if type(x) is Box]
    if len(boxes) < len(args) and not all(
        type(x) is Box or isinstance(x, PLAIN) or boxes[0].tape.owns(x) for x in args
    ):
        if not any(type(x).__module__.startswith("awkward.") for x in args):
            return NotImplemented
        from ragged.elementwise import elementwise as of_ragged

        return of_ragged(name, *args)
    tape = max((x.tape for x in boxes), key=lambda each: each.level)
    return tape.matmul(*args) if name == "matmul" else tape.apply(name, *args)


def _method(name: str) -> Callable[..., Any]:
    def method(self: Box, axis: Any = None, **options: Any) -> Any:
        import ragged
        from ragged.autodiff.dense import EXTREME

        if name in EXTREME:
            options = {"mask_identity": False, **options}
        return getattr(ragged, name)(self, axis=axis, **options)

    method.__doc__ = f"`ragged.{name}` of the value, over all elements by default."
    return method


for _name in ("max", "min", "prod", "std", "var", "any", "all", "argmax", "argmin"):
    setattr(Box, _name, _method(_name))
give_operators(Box, elementwise)
