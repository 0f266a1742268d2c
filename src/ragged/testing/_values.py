"""Every operation against the NumPy backend: values, types, and that the result stays where the array is."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import ragged
from ragged.context import use
from ragged.testing._expect import Checks, expect, expect_same, raises
from ragged.testing._operations import OPERATIONS
from ragged.testing._samples import sample

if TYPE_CHECKING:
    from ragged.backend import Backend
    from ragged.testing._operations import Operation

__all__ = ["title_of", "values"]


def title_of(operation: Operation) -> str:
    """The name of an operation in the ids of checks."""
    return f"{operation.function} {operation.title}".rstrip()


@functools.cache
def expected(operation: Operation, name: str) -> Any:
    """The operation's result on NumPy."""
    with use("numpy"):
        return operation.program(sample(name))


def agrees(operation: Operation, b: Backend) -> None:
    """Values and type are NumPy's, on every sample; or the operation is refused where the backend declares it."""
    if operation.function in b.unsupported or (operation.samples == ("dates",) and "datetime64" in b.unsupported):
        with raises(NotImplementedError, "numpy" if operation.function in b.unsupported else ""):
            operation.program(sample(operation.samples[0]))
        return
    for name in operation.samples:
        x = sample(name)
        found = operation.program(x)
        try:
            expect_same(found, expected(operation, name))
        except AssertionError as error:
            raise AssertionError(f"of {x.to_list()}: {error}") from None
        if isinstance(found, ragged.Array) and operation.function not in ("to_backend", "type"):
            owners = {b.name, "numpy"} if b.over_numpy else {b.name}  # dense operands are NumPy's there
            expect(ragged.backend(found) in owners, f"a result on {b.name}, not on {ragged.backend(found)}")


values: Checks = {title_of(operation): functools.partial(agrees, operation) for operation in OPERATIONS}
"""One check an operation."""
