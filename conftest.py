"""Leaves out examples that need a framework which is not installed: pytest imports every module to find some."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

FRAMEWORKS = {
    "ragged_cupy": "cupy",
    "ragged_jax": "jax",
    "ragged_numba": "numba",
    "ragged_tensorflow": "tensorflow",
    "ragged_torch": "torch",
}

collect_ignore = [
    str(Path("adapters", adapter)) for adapter, framework in FRAMEWORKS.items() if find_spec(framework) is None
]
if find_spec("cupy") is None:  # a program that tests run in processes of its own
    collect_ignore.append(str(Path("tests", "cupy_kernels.py")))
if find_spec("jax") is None or find_spec("torch") is None:  # the README shows both
    collect_ignore.append("README.md")
