"""On a CUDA device: `pytest -m gpu`. CuPy, JAX and PyTorch there pass the conformance suite and give NumPy's values and
gradients; they hand memory to one another without the host; CuPy's kernels repeat, and wait for nothing."""

from __future__ import annotations

import functools
import runpy
from pathlib import Path

import numpy as np
import pytest

import ragged
import ragged.testing
from ragged._matrix import devices

pytestmark = pytest.mark.gpu
TESTS = Path(__file__).parent
PLACES = {"cupy": "cuda", "jax": "gpu", "torch": "cuda"}
"""By framework its word for the device."""


@functools.cache
def missing(name):
    """Why a framework has no GPU here; None where it has one."""
    if name not in ragged.available():
        return f"{name} is not there" if name != "cupy" else "CuPy is not there, or has no device"
    if not any(each.startswith(("cuda", "gpu", "rocm")) for each in devices(name)):
        return f"{name} finds no GPU"
    return None


def needs(*names):
    """Skips with a reason where one of the frameworks has no GPU."""
    for name in names:
        if missing(name):
            pytest.skip(missing(name))


def checked(name):
    """The conformance suite's checks, or one that skips."""
    if missing(name):
        return [pytest.param(name, None, id=name)]
    found = ragged.testing.checks(name, device=PLACES[name])
    return [pytest.param(name, check, id=f"{name}-{title}") for title, check in found]


@pytest.mark.parametrize(("name", "check"), [case for name in PLACES for case in checked(name)])
def test_conformance_on_the_device(name, check):
    needs(name)
    check()


def made(name, n=3000, dtype="float64"):
    """Rows of none to nine on the framework's device."""
    rng = np.random.default_rng(3)
    lengths = rng.integers(0, 10, n)
    values = rng.normal(size=int(lengths.sum())).astype(dtype)
    with ragged.use(name, device=PLACES.get(name), precision="float64"):
        return ragged.from_lengths(values, lengths).to_backend(name, PLACES.get(name))


def data(x):
    return x.layout.content.data


def on_a_gpu(x):
    """Whether a dense array says that it is on a CUDA device."""
    return int(x.__dlpack_device__()[0]) == 2


PROGRAMS = {
    "squares": lambda x: ragged.sum(ragged.sum(ragged.exp(x) * x + 1, axis=1) ** 2),
    "maxima": lambda x: ragged.sum(ragged.fill_none(ragged.max(x, axis=1), 0.0) ** 2),
    "centred": lambda x: ragged.sum(ragged.abs(x - ragged.mean(x, axis=1, keepdims=True)) ** 3),
    "attention": lambda x: ragged.sum(ragged.sum(ragged.softmax(x, axis=1) * x, axis=1) ** 2),
    "chosen": lambda x: ragged.sum(x[x > 0] ** 2),
    "reversed": lambda x: ragged.sum(ragged.sum(x[:, ::-1][:, 1:] * 3, axis=1) ** 2),
    "sorted": lambda x: ragged.sum(ragged.sort(x, axis=1)[:, :2] ** 3),
    "pairs": lambda x: ragged.sum(functools.reduce(ragged.multiply, ragged.unzip(ragged.combinations(x, 2)))),
    "columns": lambda x: ragged.sum(ragged.sum(x, axis=0) ** 2),
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", PLACES)
def test_values_and_gradients_are_numpys(name, program):
    needs(name)
    x = made(name)
    with ragged.use(name, device=PLACES[name], precision="float64"):
        value, gradient = ragged.value_and_grad(PROGRAMS[program])(x)
        assert on_a_gpu(data(gradient))
    with ragged.use("numpy"):
        wanted, slope = ragged.value_and_grad(PROGRAMS[program])(x.to_backend("numpy"))
    assert float(value) == pytest.approx(float(wanted), rel=1e-9)
    found = gradient._backend.to_numpy(data(gradient))
    np.testing.assert_allclose(found, data(slope), rtol=1e-8, atol=1e-9)


# ---------------------------------------------------------------------- from one framework to another

SHARING = {("cupy", "torch"), ("torch", "cupy")}


def pointer(x):
    """Where the content is."""
    array = data(x)
    if x._backend.base.name == "torch":
        return array.data_ptr()
    return array.data.ptr if x._backend.base.name == "cupy" else array.unsafe_buffer_pointer()


@pytest.mark.parametrize("target", PLACES)
@pytest.mark.parametrize("source", PLACES)
def test_memory_goes_from_one_to_another_on_the_device(source, target, monkeypatch):
    needs(source, target)
    x = made(source)
    wanted = x.to_list()
    if (source, target) in SHARING:  # structure, too
        monkeypatch.setattr(type(x._backend), "to_numpy", None)
    with ragged.use(target, precision="float64"):
        y = x.to_backend(target)
    monkeypatch.undo()
    assert ragged.backend(y) == target
    assert on_a_gpu(data(y))
    assert (pointer(x) == pointer(y)) == ((source, target) in SHARING or source == target)
    assert y.to_list() == wanted


@pytest.mark.parametrize("name", PLACES)
def test_to_the_device_and_back(name):
    needs(name)
    x = ragged.from_lengths(np.arange(6.0), [3, 0, 3])
    with ragged.use(name, device=PLACES[name], precision="float64"):
        y = x.to_backend(name, PLACES[name])
        assert on_a_gpu(data(y))
        assert on_a_gpu(data(ragged.sin(y) * 2))
    assert y.to_backend("numpy").to_list() == x.to_list()


# ---------------------------------------------------------------------- CuPy


def test_kernels_on_rows_of_every_kind():
    needs("cupy")
    runpy.run_path(str(TESTS / "cupy_kernels.py"), run_name="__main__")


def silent(cupy):
    """Programs that may not wait for the device."""
    x, y = made("cupy"), ragged.from_lengths(cupy.arange(3000.0), cupy.ones(3000, "int64"))[:, 0]
    return {
        "ufunc": lambda: ragged.exp(x) * x + 1,
        "row scalar": lambda: x - y,
        "sum": lambda: ragged.sum(x, axis=1),
        "everything": lambda: ragged.sum(x),
        "max": lambda: ragged.max(x, axis=1),
        "softmax": lambda: ragged.softmax(x, axis=1),
        "gradient": lambda: ragged.grad(PROGRAMS["squares"])(x),
    }


@pytest.mark.parametrize("program", ["ufunc", "row scalar", "sum", "everything", "max", "softmax", "gradient"])
def test_nothing_waits_for_the_device(program):
    """A stream that is being captured refuses whatever would wait for it."""
    needs("cupy")
    import cupy

    run = silent(cupy)[program]
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        for _ in range(3):  # kernels are compiled, and the pool has memory
            run()
        stream.synchronize()
        stream.begin_capture()
        try:
            run()
        finally:
            stream.end_capture()


def test_work_is_done_on_the_current_stream():
    needs("cupy")
    import cupy

    x = made("cupy")
    wanted = ragged.sum(x, axis=1).to_list()
    cupy.cuda.Device().synchronize()
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        found = ragged.sum(x * 2, axis=1)
    stream.synchronize()
    assert found.to_list() == pytest.approx([2 * each for each in wanted])


def test_memory_that_runs_out_is_told_with_sizes():
    needs("cupy")
    import cupy

    import ragged_cupy

    x = made("cupy", 100_000)
    pool = cupy.get_default_memory_pool()
    before = pool.get_limit()
    pool.free_all_blocks()
    pool.set_limit(size=pool.used_bytes() + 1024)
    try:
        with pytest.raises(ragged_cupy.DeviceMemoryError, match=r"of float64\[\d+\] finds no memory on cuda:0"):
            ragged.exp(x)
    finally:
        pool.set_limit(size=before)


def test_a_host_array_is_no_operand_by_accident():
    needs("cupy")
    x = made("cupy")
    found = x * np.float64(2) + np.arange(3000.0)
    assert on_a_gpu(data(found))
