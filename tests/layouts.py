"""Awkward arrays for property tests: every layout that ragged has a node for, in the form that ragged gives it."""

from __future__ import annotations

from typing import Any

import hypothesis_awkward.strategies as st_ak
import numpy as np
from hypothesis import settings, strategies as st

import ragged

SETTINGS = settings(max_examples=100, deadline=None, derandomize=True)
NUMBERS = st.sampled_from([np.dtype(name) for name in ("bool", "int8", "int64", "uint8", "float32", "float64")])


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
    return st_ak.constructors.arrays(**choices).map(lambda x: ragged.to_awkward(ragged.Array(x)))


axes = st.integers(-3, 3)
