"""CuPy's adapter without a GPU: its kernels compile for one and, as C++, compute the right thing; its Python passes
the conformance suite over a stand-in; it waits for the device where it may; and it says what is missing. What needs a
GPU is in `test_gpu.py`."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

import ragged
import ragged_cupy
from cupy_threads import PROGRAMS, WITHOUT, built, raced
from ragged.memory import beside, reached
from ragged_cupy import _visible
from ragged_cupy._source import OPERATORS, TYPES, WORDS, combining, moving, reducing

TESTS = Path(__file__).parent
NO_COMPILER = shutil.which("g++") is None
on_host = pytest.mark.skipif(NO_COMPILER, reason="there is no g++ to compile the kernels as C++")
SOURCES = [(operation, dtype) for dtype in TYPES for operation in ("sum", "max", "argmax")]
SOURCES += [(name, dtype) for dtype in ("bool", "float16", "complex64") for name in ("prod", "min", "argmin")]
SOURCES += [("count", "bool"), ("ties", "float32"), ("ties", "float64")]
"""All dtypes, and all operations where the others are another text for the compiler."""


# ---------------------------------------------------------------------- the sources, compiled for a GPU


@pytest.fixture(scope="module")
def nvrtc():
    """NVIDIA's compiler, which needs no GPU."""
    spec = find_spec("nvidia")
    places = [] if spec is None else [Path(place) for place in spec.submodule_search_locations]
    found = [each for place in places for each in place.glob("cuda_nvrtc/lib/libnvrtc.so.*") if "alt" not in each.name]
    toolkits = sorted(Path("/usr/local").glob("cuda*/lib64/libnvrtc.so"))
    if not found + toolkits:
        pytest.skip("there is no NVRTC (pip install nvidia-cuda-nvrtc-cu12)")
    return ctypes.CDLL(str((found + toolkits)[0]))


def compiled(library, source):
    """NVRTC's log, and whether it took the source."""
    program = ctypes.c_void_p()
    assert library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None) == 0
    options = (ctypes.c_char_p * 2)(b"--gpu-architecture=compute_90", b"-std=c++14")
    failed = library.nvrtcCompileProgram(program, len(options), options)
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return failed == 0, log.value.decode()


@pytest.mark.parametrize(("operation", "dtype"), SOURCES)
def test_every_reduction_compiles_for_a_gpu(nvrtc, operation, dtype):
    assert compiled(nvrtc, reducing(operation, dtype)) == (True, "")


@pytest.mark.parametrize("itemsize", WORDS)
def test_every_move_compiles_for_a_gpu(nvrtc, itemsize):
    assert compiled(nvrtc, moving(itemsize)) == (True, "")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPERATORS)
def test_every_function_of_rows_compiles_for_a_gpu(nvrtc, name, dtype):
    assert compiled(nvrtc, combining(name, dtype)) == (True, "")


def test_nvrtc_refuses_what_is_wrong(nvrtc):
    taken, log = compiled(nvrtc, moving(8).replace("index_t middle", "nonesuch middle"))
    assert not taken
    assert "nonesuch" in log


# ---------------------------------------------------------------------- the adapter over the stand-in


def run_over_the_stand_in(program, tmp_path):
    """What a program prints, in a process where the stand-in is in CuPy's place."""
    path = tmp_path / "program.py"
    path.write_text(program)
    command = [sys.executable, "-W", "error", str(TESTS / "cupy_program.py"), str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@on_host
def test_what_is_tested_on_a_gpu_passes_over_the_stand_in(tmp_path):
    """The conformance suite, and the rest of `test_gpu.py`: CuPy's part of it."""
    arguments = ["-q", "-p", "no:cacheprovider", "-m", "gpu", "tests/test_gpu.py"]
    program = f"""
import os, pytest, sys
os.chdir({str(TESTS.parent)!r})
sys.exit(pytest.main([*{arguments!r}, "-k", "not jax and not torch and not kernels"]))
"""
    told = run_over_the_stand_in(program, tmp_path)
    assert int(re.search(r"(\d+) passed", told)[1]) > 840
    assert "failed" not in told


@on_host
def test_kernels_on_rows_of_every_kind(tmp_path):
    told = run_over_the_stand_in((TESTS / "cupy_kernels.py").read_text(), tmp_path)
    assert set(told.split(";")[1].split()) == KERNELS


@pytest.fixture(scope="module")
def sanitizer(tmp_path_factory):
    """A folder to compile in, where the compiler has ThreadSanitizer, and programs under it run."""
    path = tmp_path_factory.mktemp("sanitizer")
    (path / "empty.cpp").write_text("int main() {}")
    command = ["g++", "-fsanitize=thread", "-pthread", "-o", str(path / "empty"), str(path / "empty.cpp")]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("there is no ThreadSanitizer to link with")
    if subprocess.run([str(path / "empty")], check=False, capture_output=True).returncode:
        pytest.skip("ThreadSanitizer does not run in this place")
    return path


@on_host
@pytest.mark.parametrize("program", PROGRAMS)
def test_threads_of_a_block_meet_at_barriers(sanitizer, program):
    assert raced(built(sanitizer, program)) == (0, "")


@on_host
@pytest.mark.parametrize("program", WITHOUT)
def test_a_barrier_that_is_missing_is_told(sanitizer, program):
    status, told = raced(built(sanitizer, program, WITHOUT[program]))
    assert status
    assert "data race" in told or "is wrong" in told


KERNELS = set(
    """expand finish gather ids marked places positions put ranges reduce reduce_near reduce_pieces shares take ties
    with_row""".split()
)
"""All that there are."""


WAITING = """
import collections, cupy, numpy as np, ragged
from ragged.registry import get_backend

rng = np.random.default_rng(0)
lengths = rng.integers(0, 9, 50)
with ragged.use("cupy"):
    x = ragged.from_lengths(rng.normal(size=lengths.sum()), lengths)
    y = ragged.from_lengths(rng.normal(size=50), np.ones(50, int))[:, 0]

    def waited(f):
        f(); cupy.synchronised.clear(); f()
        return list(cupy.synchronised)

    programs = {
        "a ufunc": lambda: ragged.exp(x) * x + 1,
        "a row scalar": lambda: x - y,
        "sums": lambda: ragged.sum(x, axis=1),
        "all of it": lambda: ragged.sum(x),
        "largest": lambda: ragged.max(x, axis=1),
        "means": lambda: ragged.mean(x, axis=1),
        "softmax": lambda: ragged.softmax(x, axis=1),
        "sorted": lambda: ragged.sort(x, axis=1),
        "gradient": lambda: ragged.grad(lambda x: ragged.sum(ragged.sum(x * x, axis=1) ** 2))(x),
        "gradient of maxima": lambda: ragged.grad(lambda x: ragged.sum(ragged.max(x, axis=1)))(x),
        "mask": lambda: x[x > 0],
        "gradient of a mask": lambda: ragged.grad(lambda x: ragged.sum(x[x > 0]))(x),
        "cut": lambda: x[:, 1:],
        "pairs": lambda: ragged.combinations(x, 2, axis=1),
    }
    for name, program in programs.items():
        print(name, *waited(program), sep=",")
"""
WAITS = {"mask": ["int"], "gradient of a mask": ["int"], "cut": ["int"], "pairs": ["int"]}
WAITS["gradient of maxima"] = ["int"] * 2  # those of empty rows are missing, and left out of the sum


@on_host
def test_what_waits_for_the_device(tmp_path):
    """Nothing but a result's size where it depends on values."""
    waited = {}
    for line in run_over_the_stand_in(WAITING, tmp_path).splitlines():
        name, *what = line.split(",")
        waited[name] = what
    assert len(waited) == 14
    assert {name: what for name, what in waited.items() if what} == WAITS


SORTS = """
import cupy, numpy as np, ragged

rng = np.random.default_rng(0)
lengths = rng.integers(0, 9, 50)
sorts, argsort = [], cupy.argsort
cupy.argsort = lambda x: (sorts.append(x.shape), argsort(x))[1]
with ragged.use("cupy"):
    x = ragged.from_lengths(rng.normal(size=lengths.sum()), lengths)
    for name, program in {
        "mask": lambda x: x[x > 0],
        "sort": lambda x: ragged.sort(x, axis=1),
        "columns": lambda x: ragged.sum(x, axis=0),
    }.items():
        value, pullback = ragged.vjp(program, x)
        forward = len(sorts)
        pullback(value)
        print(name, forward, len(sorts) - forward)
        sorts.clear()
"""


@on_host
def test_the_transpose_of_a_mask_or_a_sort_sorts_nothing(tmp_path):
    assert run_over_the_stand_in(SORTS, tmp_path).splitlines() == ["mask 0 0", "sort 2 0", "columns 1 0"]


@on_host
def test_the_rows_of_the_speed_table_are_numpys(tmp_path):
    program = f"""
import sys
sys.path.insert(0, {str(TESTS.parent / "comparisons" / "speed")!r})
import gpu, ragged
with ragged.use("cupy", device="cuda"):
    gpu.verified("cupy", list(gpu.ROWS))
print(len(gpu.ROWS))
"""
    assert int(run_over_the_stand_in(program, tmp_path)) >= 13


@on_host
def test_memory_that_runs_out_is_told_with_sizes(tmp_path):
    program = """
import cupy, numpy as np, ragged, ragged_cupy
with ragged.use("cupy"):
    x = ragged.from_lengths(np.arange(1000.0), [400, 600])
    cupy.memory.limit = 4000
    try:
        ragged.exp(x)
    except ragged_cupy.DeviceMemoryError as error:
        assert isinstance(error, ragged.RaggedError) and isinstance(error, MemoryError)
        print(error)
"""
    message = run_over_the_stand_in(program, tmp_path)
    assert "float64[1000]" in message
    assert "cuda:0 (5 of 7 bytes are free)" in message
    assert "x.to_backend('numpy')" in message


@on_host
def test_devices(tmp_path):
    program = """
import pickle, ragged
from ragged.registry import get_backend
b = get_backend("cupy")
assert b.configured() is b and b.configured("gpu") is b.configured("cuda:0") is b.configured(0)
assert b.configured("gpu").home() is b and b.configured("gpu").chosen
assert pickle.loads(pickle.dumps(b)) is b
with ragged.use("cupy", device="cuda"):
    x = ragged.Array([[1.0, 2.0], []])
    assert ragged.backend(x) == "cupy" and ragged.sum(x, axis=1).to_list() == [3.0, 0.0]
try:
    ragged.use("cupy", device="cuda:3")
except ragged.UnsupportedError as error:
    print(error)
"""
    assert run_over_the_stand_in(program, tmp_path) == "CuPy finds no device 'cuda:3' here; it has cuda:0\n"


@pytest.mark.skipif(find_spec("cupy") is None, reason="CuPy is not installed")
def test_cupy_has_what_the_stand_in_has():
    import cupy

    import cupy_on_host

    for name in (*cupy_on_host.FUNCTIONS, *cupy_on_host.UFUNCS, "from_dlpack", "RawKernel"):
        assert hasattr(cupy, name), name


# ---------------------------------------------------------------------- whether it is there


@pytest.mark.skipif(find_spec("cupy") is not None, reason="CuPy is installed")
def test_without_cupy():
    assert "cupy" not in ragged.available()
    with pytest.raises(ragged.MissingBackendError, match=r"pip install 'ragged-diff\[cupy\]'"):
        ragged.use("cupy")
    assert "cupy" not in sys.modules


def test_without_a_device(monkeypatch):
    monkeypatch.setattr(ragged_cupy, "find_spec", lambda name: object())
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(_visible, "present", lambda: 0)
    assert not ragged_cupy.is_available()
    assert "needs a CUDA device" in ragged_cupy.absence()
    monkeypatch.setattr(_visible, "present", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert ragged_cupy.is_available()
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert not ragged_cupy.is_available()


def test_a_program_that_has_imported_cupy_without_a_device_goes_on(monkeypatch):
    """Frameworks that a program has imported are attended to; one without a device is left alone."""
    from ragged import registry

    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(is_available=lambda: False))
    monkeypatch.setattr(registry, "_attended", set())
    registry.attend()
    assert ragged_cupy.absence().startswith("the cupy backend needs a CUDA device")


# ---------------------------------------------------------------------- from one framework to another on a GPU


class OnGpu:
    """An array that says it is on a CUDA device."""

    def __init__(self, kind=2):
        self.kind = kind

    def __dlpack_device__(self):
        return self.kind, 0


def framework(immutable=False, take=lambda x: ("shared", x)):
    xp = SimpleNamespace(from_dlpack=take, asarray=lambda x, copy: ("copied", x))
    b = SimpleNamespace(xp=xp, immutable=immutable, level=0, asarray=lambda x: x, stop_gradient=lambda x: x)
    b.base = SimpleNamespace(duplicate=lambda x: ("duplicated", x))
    return b


def test_memory_of_a_gpu_is_shared_within_a_kind_and_copied_there_between_them():
    x = OnGpu()
    assert beside(framework(), x, framework()) == ("shared", x)
    assert beside(framework(True), x, framework(True)) == ("shared", x)
    assert beside(framework(), x, framework(True)) == ("duplicated", ("shared", x))
    assert beside(framework(True), x, framework()) == ("copied", ("shared", x))
    assert reached(framework(), x, framework(True)) == ("shared", x)


def test_what_is_on_the_host_or_out_of_reach_goes_through_the_host():
    def refuse(x):
        raise RuntimeError("built without CUDA")

    assert beside(framework(), OnGpu(kind=1), framework()) is None
    assert beside(framework(), object(), framework()) is None
    assert beside(framework(take=refuse), OnGpu(), framework()) is None
