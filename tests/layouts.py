"""Awkward arrays for property tests: every layout that ragged has a node for, in the form that ragged gives it."""

from __future__ import annotations

import re
from typing import Any

import awkward as ak
import hypothesis_awkward.strategies as st_ak
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

import ragged
from agreement import assert_same, outcome

SETTINGS = settings(max_examples=100)
NUMBERS = st.sampled_from([np.dtype(name) for name in ("bool", "int8", "int64", "uint8", "float32", "float64")])
AXES = st.integers(-3, 3)
# what Awkward raises where it runs into its own bugs, which nobody can agree with
INTERNAL = (AssertionError, NotImplementedError, AttributeError)


def arrays(**options: Any) -> Any:
    """Strategy for `awkward.Array`s without unions and virtual buffers.

    Awkward's own results depend on how a type is laid out (indexed, masked by bits, …), so every array goes
    once through ragged, which has one layout for each type.
    """
    choices = {
        "dtypes": NUMBERS,
        "max_size": 20,
        "allow_union": False,
        "allow_virtual": False,
        "min_record_fields": 1,
        **options,
    }
    return st_ak.constructors.arrays(**choices).map(laid_out)


def laid_out(x: Any) -> Any:
    """The same array in the layout that ragged gives back."""
    return ragged.to_awkward(ragged.Array(x))


def opened(x: Any) -> Any:
    """The same array with its dense axes as `RegularArray`s: Awkward's results differ between the two."""
    return ak.transform(lambda layout, **_: None, x, numpy_to_regular=True)


def without_hidden(x: Any) -> Any:
    """The same array with nothing behind its missing values: Awkward's results depend on what is there."""

    def index(layout: Any, continuation: Any, **_: Any) -> Any:
        return continuation().to_IndexedOptionArray64() if layout.is_option else None

    return ak.to_packed(ak.transform(index, x, numpy_to_regular=False))


def sizes_agree(error: Any) -> bool:
    """False for lengths 0 against others, which ragged and Awkward see differently (docs/differences.md)."""
    return not (isinstance(error, ragged.StructureError) and re.search(r"\b0 and|and 0\b", str(error)))


@st.composite
def pairs(draw: Any, **options: Any) -> tuple[Any, Any]:
    """Two arrays of one length: often the same array, so that their rows line up."""
    x = draw(arrays(**options))
    if draw(st.booleans()):
        return x, x
    y = draw(arrays(**options))
    n = min(len(x), len(y))
    return laid_out(x[:n]), laid_out(y[:n])


def has(x: Any, *words: str) -> bool:
    """Whether the array's type has one of the words in it."""
    return any(word in str(x.type) for word in words)


def agree(function: Any, reference: Any, *arrays: Any) -> None:
    """ragged's function of the arrays and Awkward's have equal values and types, or both raise.

    Where Awkward answers with a union, ragged says that it has none; where Awkward fails in itself, anything goes.
    """
    expected, wanted = outcome(reference, *arrays)
    if isinstance(wanted, INTERNAL) or (isinstance(expected, ak.Array) and not ak.is_valid(expected)):
        return
    actual, error = outcome(function, *map(ragged.Array, arrays))
    if isinstance(expected, ak.Array) and has(expected, "union["):
        assert isinstance(error, ragged.UnsupportedError)
    elif wanted is not None:
        assert error is not None, f"Awkward raises {type(wanted).__name__}: {wanted}\nragged gives {actual}"
        assert isinstance(error, ragged.RaggedError), f"{type(error).__name__}: {error}"
    else:
        assert error is None, f"ragged raises {type(error).__name__}: {error}\nAwkward gives {expected}"
        assert_same(actual, expected)
