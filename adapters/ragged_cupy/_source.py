"""The CUDA sources of the kernels, each for one kind of numbers.

They use no header, no atomics and no shuffle. A kernel is a row of phases, in each of which every thread of a block
runs (`EACH_THREAD … END_EACH`), and nothing but shared memory lives from one phase to the next: so the very same source
is a plain C++ program where `ON_HOST` makes the phases loops, which is how the tests run it without a GPU.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ragged_cupy._choice_texts import CHOICE
from ragged_cupy._move_texts import MOVES
from ragged_cupy._number_texts import NUMBERS
from ragged_cupy._source_texts import REDUCTION

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BLOCK", "OPERATORS", "TILE", "added_up", "combining", "moving", "reducing"]

BLOCK = 256
"""Threads of a block."""
TILE = 4096
"""Elements that a block moves."""
NEAR = 5120 * 4
"""Bytes of elements that a block reads at once, where it reduces short rows."""

TYPES = {
    "bool": "bool",
    **{f"int{bits}": name for bits, name in ((8, "signed char"), (16, "short"), (32, "int"), (64, "long long"))},
    **{
        f"uint{bits}": f"unsigned {name}" for bits, name in ((8, "char"), (16, "short"), (32, "int"), (64, "long long"))
    },
    "float16": "Half",
    "float32": "float",
    "float64": "double",
    "complex64": "Complex<float>",
    "complex128": "Complex<double>",
}

WIDER = {"float16": "float64", "float32": "float64", "complex64": "complex128"}

WHOLE = ("arg", "count", "ties")
"""How the names of reductions begin that give whole numbers."""

OPERATORS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
"""Of two floats, by NumPy's name."""

WORDS = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long long", 16: "Words"}


@cache
def reducing(operation: str, dtype: str) -> str:
    """The source of `reduce`, `reduce_near`, `reduce_pieces` and `finish` ("sum", "prod", "max", "min", "argmax",
    "argmin" or "count" of rows), or of `ties`, their number."""
    stored, held = TYPES[dtype], TYPES["float32" if dtype == "float16" else dtype]
    out = "long long" if operation.startswith(WHOLE) else stored
    added = TYPES[added_up(operation, dtype).name]
    names = {"STORED": stored, "HELD": held, "ACC": added, "OUT": out}
    constants = {"BLOCK": BLOCK, "STAGE": NEAR // max(np.dtype(dtype).itemsize, 4), "OP_" + operation.upper(): 1}
    return header(names, constants) + REDUCTION


@cache
def moving(itemsize: int) -> str:
    """The source of what moves elements of so many bytes: by their rows (`ids`, `positions`, `ranges`, `expand`,
    `gather`), by a mask (`marked`, `places`), by their numbers (`take`, `put`)."""
    return header({"WORD": WORDS[itemsize]}, {"BLOCK": BLOCK, "TILE": TILE, "PER": TILE // BLOCK}) + MOVES + CHOICE


@cache
def combining(name: str, dtype: str) -> str:
    """The source of `with_row`, an elementwise function of numbers and their row's, and of `shares`."""
    constants = {"BLOCK": BLOCK, "TILE": TILE, "PER": TILE // BLOCK, "COMBINED(a, b)": f"((a) {OPERATORS[name]} (b))"}
    return header({"WORD": TYPES[dtype]}, constants) + MOVES


def header(names: dict[str, str], constants: Mapping[str, object]) -> str:
    """What comes before a kernel: constants, numbers of all kinds, and names for those that it is about."""
    defined = "".join(f"#define {name} {value}\n" for name, value in constants.items())
    return defined + NUMBERS + "".join(f"typedef {kind} {name};\n" for name, kind in names.items())


def added_up(operation: str, dtype: str) -> np.dtype[np.generic]:
    """What is found of a part of a row is kept in: sums and products of floats in double precision."""
    if operation.startswith(WHOLE):
        return np.dtype(np.int64)
    if operation in ("sum", "prod"):
        return np.dtype(WIDER.get(dtype, dtype))
    return np.dtype("float32" if dtype == "float16" else dtype)
