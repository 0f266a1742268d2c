"""The libraries of the tables: for a case and a row, a call that does the work and waits for it."""

from __future__ import annotations

import os
import platform
import sys
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

import awkward as ak
from handwritten import flat_numpy, jitted_jax
from inputs import Case
from programs import ROWS, Data

import ragged

__all__ = ["LIBRARIES", "PEERS", "call", "machine", "versions"]

LIBRARIES = ("ragged-numpy", "awkward-numpy", "numpy-flat", "ragged-jax", "awkward-jax", "jax-handwritten")
PEERS = {"ragged-numpy": ("awkward-numpy", "numpy-flat"), "ragged-jax": ("awkward-jax", "jax-handwritten")}
"""What each of ours is divided by."""

Call = Callable[[], Any]


def call(library: str, case: Case, row: str) -> Call | None:
    """What is timed, or None where the library has no such row."""
    if library == "numpy-flat":
        return flat_numpy(case).get(row)
    if "jax" not in library:
        return shared_program(library, case, row)
    prepare_jax(library)
    run = jitted_jax(case, row) if library == "jax-handwritten" else shared_program(library, case, row)
    return run and waiting(run)


def shared_program(library: str, case: Case, row: str) -> Call | None:
    """A program in the words of ragged and Awkward."""
    lib = ragged if library.startswith("ragged") else ak
    if library == "awkward-numpy" and ROWS[row].kind == "gradient":
        return None
    data, run = MAKERS[library](case), ROWS[row].run
    return lambda: run(lib, data)


def waiting(run: Call) -> Call:
    """The same, done only when JAX has computed everything."""
    import jax

    wait: Callable[[Any], Any] = jax.block_until_ready
    return lambda: wait(run())


@cache
def prepare_jax(library: str) -> None:
    """64 bits for the whole process, which Awkward's JAX backend turns on by itself."""
    import jax

    if library == "awkward-jax":
        warnings.filterwarnings("ignore", "The JAX backend is deprecated")
        ak.jax.register_and_check()
    setting: Callable[[str, bool], None] = jax.config.update
    setting("jax_enable_x64", True)


def ragged_data(case: Case, backend: str) -> Data:
    """The arrays of ragged on a backend."""
    with ragged.use(backend):
        x = ragged.from_offsets(case.values, case.offsets)
        scalars = ragged.Array(case.row_scalars)
    return Data(x, scalars, case.permutation, lambda f, x: ragged.grad(f)(x))


def awkward_data(case: Case) -> Data:
    """Awkward's arrays on NumPy."""
    layout = ak.contents.ListOffsetArray(ak.index.Index64(case.offsets), ak.contents.NumpyArray(case.values))
    return Data(ak.Array(layout), ak.Array(case.row_scalars), case.permutation, no_gradient)


def awkward_jax_data(case: Case) -> Data:
    """Awkward's arrays on JAX."""
    import jax

    data = awkward_data(case)
    x, scalars = (ak.to_backend(a, "jax") for a in (data.x, data.row_scalars))
    return Data(x, scalars, jax.numpy.asarray(case.permutation), lambda f, x: jax.grad(f)(x))


def no_gradient(f: Any, x: Any) -> Any:
    raise NotImplementedError("Awkward on NumPy has no derivative")


MAKERS: dict[str, Callable[[Case], Data]] = {
    "ragged-numpy": lambda case: ragged_data(case, "numpy"),
    "ragged-jax": lambda case: ragged_data(case, "jax"),
    "awkward-numpy": awkward_data,
    "awkward-jax": awkward_jax_data,
}


def versions() -> dict[str, str]:
    """Versions of everything that is measured."""
    names = {"python": platform.python_version(), "ragged": version("ragged-diff")}
    return names | {name: version(name) for name in ("awkward", "awkward-cpp", "jax", "jaxlib", "numpy")}


def machine() -> dict[str, Any]:
    """The machine, and how many threads the libraries may use there."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "XLA_FLAGS")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": processor(),
        "cores": cores,
        "threads": {"numpy": 1, "awkward": 1, "jax": cores},
        "environment": {name: os.environ[name] for name in names if name in os.environ},
    }


def processor() -> str:
    """The processor's name, where the system tells it."""
    if sys.platform == "linux":
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor()
