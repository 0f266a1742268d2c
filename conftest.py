"""Leaves out the examples of adapters whose framework is not installed: pytest imports every module to find some."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

FRAMEWORKS = {"ragged_jax": "jax", "ragged_tensorflow": "tensorflow", "ragged_torch": "torch"}

collect_ignore = [
    str(Path("adapters", adapter)) for adapter, framework in FRAMEWORKS.items() if find_spec(framework) is None
]
