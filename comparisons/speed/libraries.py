"""The libraries of the tables: for a case and a row, a call that does the work and waits for it."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import awkward as ak
from handwritten import flat_numpy, jitted_jax
from inputs import Case
from programs import ROWS, Data

import ragged

__all__ = ["FAMILIES", "LIBRARIES", "PEERS", "call", "family_of", "machine", "threads", "versions"]

FAMILIES = {
    "numpy": ("ragged-numpy", "ragged-numba", "ragged-numba-jit", "awkward-numpy", "numpy-flat"),
    "jax": ("ragged-jax", "ragged-jax-jit", "awkward-jax", "jax-handwritten"),
    "torch": ("ragged-torch", "torch-handwritten", "torch-nested"),
    "tensorflow": ("ragged-tensorflow", "tensorflow-handwritten", "tensorflow-ragged"),
}
"""By framework, ours first. Each family is measured in a process of its own: no other framework's threads are there."""
LIBRARIES = tuple(library for family in FAMILIES.values() for library in family)
PEERS = {
    **{family[0]: tuple(name for name in family[1:] if not name.startswith("ragged")) for family in FAMILIES.values()},
    "ragged-jax-jit": ("jax-handwritten", "ragged-jax"),
    **dict.fromkeys(("ragged-numba", "ragged-numba-jit"), ("awkward-numpy", "ragged-numpy")),
}
"""What each of ours is divided by."""

Call = Callable[[], Any]


def family_of(library: str) -> str:
    """The framework that a library computes with."""
    return next(family for family, libraries in FAMILIES.items() if library in libraries)


def call(library: str, case: Case, row: str) -> Call | None:
    """What is timed, or None where the library has no such row."""
    if library == "numpy-flat":
        return flat_numpy(case).get(row)
    family = family_of(library)
    if family == "jax":
        prepare_jax(library)
        run = jitted_jax(case, row) if library == "jax-handwritten" else shared_program(library, case, row)
        return run and waiting(run)
    if family == "torch" and library != "ragged-torch":
        import by_torch

        return (by_torch.nested if library == "torch-nested" else by_torch.by_hand)(case, row)
    if family == "tensorflow":
        return with_tensorflow(library, case, row)
    return shared_program(library, case, row)


def with_tensorflow(library: str, case: Case, row: str) -> Call | None:
    """The same, with TensorFlow's errors as Python's own."""
    import by_tensorflow

    if library == "ragged-tensorflow":
        return by_tensorflow.told(shared_program(library, case, row))
    peer = by_tensorflow.ragged_tensor if library == "tensorflow-ragged" else by_tensorflow.by_hand
    return by_tensorflow.told(peer(case, row))


def shared_program(library: str, case: Case, row: str) -> Call | None:
    """A program in the words of ragged and Awkward."""
    lib = ragged if library.startswith("ragged") else ak
    if library == "awkward-numpy" and ROWS[row].kind == "gradient":
        return None
    data, run = data_of(library.removesuffix("-jit"), case), ROWS[row].run
    if not library.endswith("-jit"):
        return lambda: run(lib, data)
    compiled = ragged.jit(lambda x, scalars: run(lib, replace(data, x=x, row_scalars=scalars)))
    return lambda: compiled(data.x, data.row_scalars)


@lru_cache(maxsize=8)
def data_of(library: str, case: Case) -> Data:
    """A library's arrays of one case, kept for the other rows."""
    return MAKERS[library](case)


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
    "ragged-numba": lambda case: ragged_data(case, "numba"),
    "ragged-jax": lambda case: ragged_data(case, "jax"),
    "ragged-torch": lambda case: ragged_data(case, "torch"),
    "ragged-tensorflow": lambda case: ragged_data(case, "tensorflow"),
    "awkward-numpy": awkward_data,
    "awkward-jax": awkward_jax_data,
}


def versions() -> dict[str, str]:
    """Versions of everything that is measured, where it is installed."""
    found = {"python": platform.python_version(), "ragged": version("ragged-diff")}
    for name in ("awkward", "awkward-cpp", "jax", "jaxlib", "numba", "numpy", "tensorflow", "torch"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def cores() -> int:
    """How many processors this process may use."""
    return (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()) or 1


def threads(family: str) -> dict[str, int]:
    """How many threads the libraries of a family compute with."""
    if family == "torch":
        import torch

        return {"torch": torch.get_num_threads()}
    if family == "tensorflow":
        import tensorflow as tf

        return {"tensorflow": tf.config.threading.get_intra_op_parallelism_threads() or cores()}
    if family == "jax":
        return {"jax": cores()}
    from numba import config

    return {"numpy": 1, "numba": config.NUMBA_NUM_THREADS, "awkward": 1}


def machine() -> dict[str, Any]:
    """The machine, and what in the environment says how many threads libraries may use there."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "XLA_FLAGS")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": processor(),
        "cores": cores(),
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
