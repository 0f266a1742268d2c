"""Errors, what the backend refuses, and how it meets others."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

import ragged
from ragged.context import use
from ragged.registry import adapter, get_backend
from ragged.testing._expect import Checks, expect, expect_same, raises
from ragged.testing._samples import sample
from ragged.ufuncs import table

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["conduct", "errors", "refusals"]


def square_sum(x: Any) -> Any:
    """A program of one number."""
    return ragged.sum(x * x)


def misaligned(b: Backend) -> None:
    """Rows that do not line up are an error in values, tangents and cotangents, which names the first of them."""
    x, y = sample("rows"), ragged.Array([[1.0, 2.0, 3.0], [], [1.0], [2.0, 3.0]])
    with raises(ValueError, "2"):
        x + y
    with raises(ValueError, "2"):
        ragged.where(x > 0, x, y)
    with raises(ValueError, "2"):
        ragged.jvp(square_sum, (x,), (y,))
    with raises(ValueError, "2"):
        ragged.vjp(lambda x: x * x, x)[1](y)
    with raises(ValueError, "4", "3"):
        x + ragged.Array([[1.0], [2.0], [3.0]])


def no_such_axis(b: Backend) -> None:
    """An axis that is not there is named."""
    for f in (ragged.sum, ragged.num, ragged.sort, ragged.flatten):
        with raises(ValueError, "5"):
            f(sample("rows"), axis=5)


def out_of_range(b: Backend) -> None:
    """An index out of range is an IndexError that says where."""
    x = sample("rows")
    with raises(IndexError, "9"):
        x[9]
    with raises(IndexError, "1"):
        x[:, 1]
    with raises(IndexError, "7"):
        x[[0, 7]]


def no_such_field(b: Backend) -> None:
    """A field that is not there is named, with those that are."""
    x = ragged.zip({"a": sample("rows")})
    with raises(IndexError, "b", "a"):
        x["b"]


def not_differentiable(b: Backend) -> None:
    """`grad` wants floats and one number, and says so."""
    with raises(TypeError, "float"):
        ragged.grad(square_sum)(sample("ints"))
    with raises(TypeError, "one number"):
        ragged.grad(lambda x: x * x)(sample("rows"))


def foreign(name: str, b: Backend) -> None:
    """Arrays of two frameworks in one operation are an error that names both and the way out."""
    x = sample("rows")
    with use(name, precision="float64"):
        y = sample("rows")
    with raises(TypeError, b.name, name, "to_backend"):
        x + y
    expect_same(x + y.to_backend(b.name), 2 * x)


def numpy_joins(b: Backend) -> None:
    """NumPy arrays, Python numbers and nested lists join, in programs that are differentiated, too."""
    x = sample("rows")
    with use("numpy"):
        constant = sample("rows")
    for y in (constant, constant.to_list(), np.arange(4.0), 2.0):
        found = x * y
        expect(ragged.backend(found) == b.name, f"the product on {b.name}, not on {ragged.backend(found)}")
        gradient = ragged.grad(lambda x, y=y: ragged.sum(x * y))(x)
        expect_same(gradient, ragged.ones_like(x) * y)


def refuses(function: str, b: Backend) -> None:
    """What the backend declares not to have (`Backend.unsupported`) raises, with the reason and the way out."""
    reason = b.unsupported[function]
    expect(reason, f"a reason why there is no {function}")
    if function not in table:  # a dtype
        with raises(NotImplementedError, "numpy"):
            b.asarray(np.zeros(2, function + "[s]" if function in ("datetime64", "timedelta64") else function))
        return
    with raises(NotImplementedError, function, reason, "to_backend"):
        b.apply(function, *[b.asarray(np.ones(2))] * table[function].nin)


def refusals(b: Backend) -> Checks:
    """One check for each thing that the backend declares not to have."""
    return {f"no {name}": functools.partial(refuses, name) for name in b.unsupported}


def others(b: Backend) -> list[str]:
    """The installed backends, NumPy left out, whose arrays must not meet this one's."""
    frameworks = [name for name in ragged.available() if name not in ("numpy", b.name)]
    return frameworks[:1] if b.name != "numpy" else []


def identity(b: Backend) -> None:
    """The backend tells its name, and the registry finds it by its arrays."""
    expect(get_backend(b.name).name == b.name, f"the name {b.name}")
    expect(b.name in repr(b), "the name in the repr")
    expect(ragged.backend(sample("rows")) == b.name, f"arrays built under use({b.name!r}) to be on it")
    dense = b.asarray(np.arange(3.0))
    owner = "numpy" if b.over_numpy else b.name
    found = ragged.backend(dense)
    expect(found == owner, f"ragged.backend of a dense array to be {owner}, not {found}")
    expect(ragged.backend(ragged.Array(dense)) == b.name, "an Array of a dense array to stay on its backend")


IMPORTED = """
import importlib, sys
module = importlib.import_module(sys.argv[1])
print(*sorted(name for name in getattr(module, "FRAMEWORK", ()) if name in sys.modules))
"""


def imports_nothing(b: Backend) -> None:
    """Importing the adapter's module, as naming the backends does, imports no framework."""
    module = adapter(b.name)
    ours = set(getattr(module, "FRAMEWORK", ())) - {"numpy"}  # which the core itself needs
    paths = os.pathsep.join(path for path in sys.path if path)
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORTED, module.__name__],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    expect(not found.returncode, f"import {module.__name__} to succeed in a new process, not: {found.stderr[-300:]}")
    loaded = ours & set(found.stdout.split())
    expect(not loaded, f"import {module.__name__} to leave {', '.join(sorted(loaded))} alone")


def unknown_options(b: Backend) -> None:
    """A device or a precision that there is not is refused, by the method and by `use`."""
    for options in ({"device": "nonesuch"}, {"precision": "float7"}):
        with raises(NotImplementedError, *map(str, options.values())):
            b.configured(**options)
        with raises(NotImplementedError, *map(str, options.values())), use(b.name, **options):
            pass


errors: Checks = {
    "rows that do not line up": misaligned,
    "no such axis": no_such_axis,
    "index out of range": out_of_range,
    "no such field": no_such_field,
    "nothing to differentiate": not_differentiable,
}
"""Checks of errors by name."""

conduct: Checks = {
    "found by its arrays": identity,
    "naming it imports no framework": imports_nothing,
    "options that it has not": unknown_options,
    "NumPy joins": numpy_joins,
}
"""Other checks by name."""
