"""The same losses four times: by hand in JAX and PyTorch, with TensorFlow's ragged tensors, and in ragged.

    python comparisons/porting/native/compare.py [--readme]

Prints how far each one's value and gradient are from those of ragged on NumPy, and checks these by finite differences;
the exit code is 1 where one is further than 1e-10. `--readme` also writes README.md, with the code beside the numbers.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import in_ragged
import numpy as np

import ragged

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- made by compare.py -->", "<!-- end -->"
TOLERANCE = 1e-10
LOSSES = {
    "pooling": "the squared mean of each row and its maximum, summed over the rows that are not empty",
    "attention": "each row pooled by a softmax over the products of its vectors with a query",
    "standardisation": "each row with its mean taken off and divided by its standard deviation; the sum of cubes",
    "distances": "the distances between every two points of a row",
}
NATIVE = {"jax": "JAX by hand", "torch": "PyTorch by hand", "tensorflow": "tf.ragged"}

Result = tuple[float, list[np.ndarray[Any, Any]]]


def inputs(loss: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], list[np.ndarray[Any, Any]]]:
    """Values (vectors of three, for two of the losses), offsets of 300 rows of 0 to 9, and the other arguments."""
    random = np.random.default_rng(20261122)
    offsets = np.concatenate([[0], np.cumsum(random.integers(0, 10, 300))])
    n = int(offsets[-1])
    values = random.normal(size=(n, 3) if loss in ("attention", "distances") else n)
    return values, offsets, [random.normal(size=3)] if loss == "attention" else []


def with_ragged(backend: str, loss: str) -> Result:
    """Value and gradients by ragged."""
    values, offsets, others = inputs(loss)
    with ragged.use(backend, precision="float64"):
        arguments = ragged.from_offsets(values, offsets), *others
        value, gradients = ragged.value_and_grad(getattr(in_ragged, loss), tuple(range(len(arguments))))(*arguments)
    return float(value), [ragged.to_numpy(ragged.flatten(gradients[0])), *map(ragged.to_numpy, gradients[1:])]


def with_jax(loss: str) -> Result:
    """Value and gradients by plain JAX."""
    import in_jax
    import jax

    setting: Callable[[str, bool], None] = jax.config.update
    setting("jax_enable_x64", True)
    values, offsets, others = inputs(loss)
    lengths = np.diff(offsets)
    if loss == "distances":
        structure: tuple[Any, ...] = pairs(lengths)
    else:
        structure = np.repeat(np.arange(len(lengths)), lengths), len(lengths)
    leaves = tuple(range(1 + len(others)))
    value, gradients = jax.value_and_grad(getattr(in_jax, loss), leaves)(values, *others, *structure)
    return float(value), list(map(np.asarray, gradients))


def pairs(lengths: np.ndarray[Any, Any]) -> tuple[Any, ...]:
    """Both ends of every two elements of a row."""
    begins = np.cumsum(lengths) - lengths
    found = [np.stack(np.triu_indices(n, 1)) + begin for n, begin in zip(lengths, begins, strict=True)]
    left, right = np.concatenate(found, axis=1)
    return left, right


def with_torch(loss: str) -> Result:
    """Value and gradients by plain PyTorch."""
    import in_torch
    import torch

    values, offsets, others = inputs(loss)
    leaves = [torch.tensor(x, requires_grad=True) for x in (values, *others)]
    lengths = torch.tensor(np.diff(offsets))
    ids = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    value = getattr(in_torch, loss)(*leaves, ids, len(lengths))
    value.backward()
    return value.item(), [leaf.grad.numpy() for leaf in leaves]


def with_tensorflow(loss: str) -> Result:
    """Value and gradients by TensorFlow's ragged tensors."""
    import in_tensorflow
    import tensorflow as tf

    values, offsets, others = inputs(loss)
    leaves = [tf.constant(x) for x in (values, *others)]
    with tf.GradientTape() as tape:
        tape.watch(leaves)
        value = getattr(in_tensorflow, loss)(tf.RaggedTensor.from_row_splits(leaves[0], offsets), *leaves[1:])
    return float(value), [gradient.numpy() for gradient in tape.gradient(value, leaves)]


WITH = {"jax": with_jax, "torch": with_torch, "tensorflow": with_tensorflow}


def apart(found: Result, wanted: Result) -> float:
    """The largest distance of value and gradients, relative to the largest number of each."""
    pairs = zip((np.asarray(found[0]), *found[1]), (np.asarray(wanted[0]), *wanted[1]), strict=True)
    return max(float(np.max(np.abs(x - y)) / np.max(np.abs(y))) for x, y in pairs)


def measured(backends: Sequence[str]) -> dict[str, dict[str, float]]:
    """For every loss the distance of each from ragged on NumPy, whose gradient finite differences confirm."""
    table: dict[str, dict[str, float]] = {}
    for loss in LOSSES:
        values, offsets, others = inputs(loss)
        ragged.check_grads(getattr(in_ragged, loss), ragged.from_offsets(values, offsets), *others, order=1)
        wanted = with_ragged("numpy", loss)
        results = {f"ragged on {name}": with_ragged(name, loss) for name in backends if name != "numpy"}
        results |= {NATIVE[name]: WITH[name](loss) for name in backends if name in NATIVE}
        table[loss] = {name: apart(found, wanted) for name, found in results.items()}
    return table


def lines_of(module: str, loss: str) -> tuple[str, int]:
    """The code of a loss, and how many lines of it there are."""
    source = inspect.getsource(getattr(importlib.import_module(module), loss)).strip()
    return source, len([line for line in source.splitlines() if line.strip() and '"""' not in line])


def markdown(table: dict[str, dict[str, float]]) -> str:
    """The table, and the code of every loss."""
    heads = list(next(iter(table.values())))
    lines = ["| loss | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    lines += [f"| {loss} | " + " | ".join(f"{x:.0e}" for x in cells.values()) + " |" for loss, cells in table.items()]
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", *NATIVE))
    parts = ["\n".join(lines), f"With {versions}."]
    for loss, meaning in LOSSES.items():
        parts += [f"## {loss.capitalize()}: {meaning}"]
        for name in ("ragged", *NATIVE):
            source, count = lines_of(f"in_{name}", loss)
            title = {"ragged": "ragged, on every backend", **NATIVE}[name]
            parts.append(f"{title} ([in_{name}.py](in_{name}.py), {count} lines):\n\n```python\n{source}\n```")
    return "\n\n".join(parts)


def main() -> int:
    """Compare, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readme", action="store_true", help="write README.md, which needs every framework")
    options = parser.parse_args()
    backends = [name for name in ("numpy", *NATIVE) if name in ragged.available()]
    table = measured(backends)
    for loss, cells in table.items():
        print(loss, *(f"{name}: {x:.1e}" for name, x in cells.items()), sep="  ")
    if options.readme:
        before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
        page = f"{before}{BEGIN}\n\n{markdown(table)}\n\n{END}{rest.partition(END)[2]}"
        README.write_text(page, encoding="utf-8")
    return int(any(not x <= TOLERANCE for cells in table.values() for x in cells.values()))


if __name__ == "__main__":
    sys.exit(main())
