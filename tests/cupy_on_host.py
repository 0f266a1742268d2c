"""A stand-in for CuPy where there is no GPU: the functions of it that the adapter calls, on NumPy's memory, and its
kernels, compiled from the very sources as C++ that runs thread after thread.

    sys.modules["cupy"] = importlib.import_module("cupy_on_host")

It is as strict as CuPy: arrays of NumPy are no operands, nothing turns into one by itself, and `synchronised` lists
what waited for the device. It shows that the adapter's Python and the kernels' sources are right, and nothing of a GPU.
"""

from __future__ import annotations

import builtins
import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np

synchronised: list[str] = []
"""What has waited for the device, in order."""
launched: list[str] = []
"""The kernels that have run, in order."""

COMPILER = shutil.which("g++")
FLAGS = ("-O1", "-std=c++14", "-shared", "-fPIC", "-w", "-fno-gnu-unique")
"""Without the last, what kernels of one name share within a block would be one variable of all that are loaded."""
KEPT = Path(tempfile.gettempdir()) / "ragged_kernels_on_host"

bool_, int8, int16, int32, int64 = np.bool_, np.int8, np.int16, np.int32, np.int64
uint8, uint16, uint32, uint64 = np.uint8, np.uint16, np.uint32, np.uint64
float16, float32, float64, complex64, complex128 = np.float16, np.float32, np.float64, np.complex64, np.complex128
newaxis = None
AMPLE = 1 << 40
memory = SimpleNamespace(limit=AMPLE)
"""Arrays of more bytes than the limit find no memory."""


class OutOfMemoryError(MemoryError):
    pass


def inner(x):
    """NumPy's array of one of ours; NumPy's own is refused, as CuPy does."""
    if isinstance(x, ndarray):
        return x._host
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {type(x)}")
    if isinstance(x, tuple | list):
        return type(x)(map(inner, x))
    return x


def outer(x):
    if isinstance(x, tuple):
        return tuple(map(outer, x))
    x = np.asarray(x)
    if x.nbytes > memory.limit:
        raise OutOfMemoryError(f"Out of memory allocating {x.nbytes:,} bytes")
    return ndarray(x)


def is_known(x):
    return isinstance(x, ndarray | np.ndarray | np.generic | int | float | complex)


def waits(name):
    if Stream.captured:
        raise RuntimeError(f"{name} waits for a stream that is being captured")
    synchronised.append(name)


class ndarray:
    __array_priority__ = 100
    __module__ = "cupy"

    def __init__(self, host):
        self._host = host

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    itemsize = property(lambda self: self._host.itemsize)
    nbytes = property(lambda self: self._host.nbytes)
    flags = property(lambda self: self._host.flags)
    T = property(lambda self: outer(self._host.T))
    real = property(lambda self: outer(self._host.real))
    imag = property(lambda self: outer(self._host.imag))
    device = property(lambda self: cuda.Device(0))
    data = property(lambda self: SimpleNamespace(ptr=self._host.ctypes.data))

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, **options):
        raise BufferError("there is no device to share memory of")

    def __len__(self):
        return len(self._host)

    def __getitem__(self, key):
        keys = key if isinstance(key, tuple) else (key,)
        if builtins.any(isinstance(each, ndarray) and each.dtype == bool for each in keys):
            waits("a mask as index")
        return outer(self._host[inner(key)])

    def __setitem__(self, key, value):
        self._host[inner(key)] = inner(value)

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __array_ufunc__(self, ufunc, method, *args, **kwargs):
        if method != "__call__" or not builtins.all(map(is_known, args)):
            return NotImplemented
        with np.errstate(all="ignore"):
            return outer(getattr(ufunc, method)(*map(inner, args), **kwargs))

    def get(self):
        waits("get")
        return self._host.copy()

    def __bool__(self):
        waits("bool")
        return bool(self._host)

    def __int__(self):
        waits("int")
        return int(self._host)

    def __index__(self):
        waits("index")
        return self._host.__index__()

    def __float__(self):
        waits("float")
        return float(self._host)

    def item(self, *args):
        waits("item")
        return self._host.item(*args)

    def tolist(self):
        waits("tolist")
        return self._host.tolist()

    def __iter__(self):
        return (outer(each) for each in self._host)

    __hash__ = None


def method(name):
    def call(self, *args, **options):
        with np.errstate(all="ignore"):
            out = getattr(self._host, name)(*map(inner, args), **options)
        return out if out is NotImplemented else outer(out)

    return call


def operator(name):
    plain = method(name)

    def call(self, other):
        return plain(self, other) if is_known(other) else NotImplemented  # then the other's operator is asked

    return call


for _name in "astype reshape all any max min sum copy view take ravel transpose cumsum argsort".split():
    setattr(ndarray, _name, method(_name))
for _name in "add sub mul truediv floordiv mod pow and or xor lshift rshift matmul".split():
    for _prefix in ("", "r"):
        setattr(ndarray, f"__{_prefix}{_name}__", operator(f"__{_prefix}{_name}__"))
for _name in "lt le gt ge eq ne".split():
    setattr(ndarray, f"__{_name}__", operator(f"__{_name}__"))
for _name in "neg pos abs invert".split():
    setattr(ndarray, f"__{_name}__", method(f"__{_name}__"))


def function(name):
    def call(*args, **options):
        given = [inner(each) for each in args]
        with np.errstate(all="ignore"):
            return outer(getattr(np, name)(*given, **{key: inner(value) for key, value in options.items()}))

    call.__name__ = name
    return call


FUNCTIONS = """
    all any arange ascontiguousarray broadcast_to concatenate cumsum empty flip full matmul max min ones reshape
    searchsorted stack sum take transpose where zeros zeros_like
""".split()
UFUNCS = sorted(
    {
        ufunc.__name__
        for ufunc in vars(np).values()
        if isinstance(ufunc, np.ufunc) and ufunc.signature is None and ufunc.__name__ not in ("isnat", "spacing")
    }
)
for _name in (*FUNCTIONS, *UFUNCS):
    globals()[_name] = function(_name)


def argsort(x):
    return outer(np.argsort(inner(x), kind="stable"))


def asarray(x, dtype=None):
    return x if isinstance(x, ndarray) and dtype is None else outer(np.array(getattr(x, "_host", x), dtype))


def asnumpy(x):
    return x.get()


def from_dlpack(x):
    return outer(np.from_dlpack(x).copy())


def is_available():
    return COMPILER is not None


class Device:
    def __init__(self, id=0):
        self.id = int(id)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return None

    def synchronize(self):
        pass


class Stream:
    captured = False

    def __init__(self, non_blocking=False):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return None

    def synchronize(self):
        pass

    def begin_capture(self):
        Stream.captured = True

    def end_capture(self):
        Stream.captured = False


class Pool:
    def get_limit(self):
        return memory.limit

    def set_limit(self, size):
        memory.limit = size

    def used_bytes(self):
        return 0

    def free_all_blocks(self):
        pass


def get_default_memory_pool():
    return Pool()


cuda = SimpleNamespace(
    Device=Device,
    Stream=Stream,
    memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
    runtime=SimpleNamespace(getDeviceCount=lambda: 1, getDevice=lambda: 0, memGetInfo=lambda: (5, 7)),
)


class RawKernel:
    """A kernel of a source, compiled as C++ (once; the library is kept in the folder of temporary files)."""

    def __init__(self, source, name, options=()):
        code = "#define ON_HOST\n" + source
        path = KEPT / f"{hashlib.sha256(' '.join((*FLAGS, code)).encode()).hexdigest()[:24]}.so"
        if not path.exists():
            KEPT.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=KEPT) as folder:
                text, built = Path(folder) / "kernel.cpp", Path(folder) / "kernel.so"
                text.write_text(code)
                subprocess.run([COMPILER, *FLAGS, "-o", str(built), str(text)], check=True)
                built.replace(path)
        self.library = ctypes.CDLL(str(path))
        self.function = getattr(self.library, name)
        self.name = name

    def __call__(self, grid, block, args):
        assert len(grid) == 1 and 0 < grid[0] < 2**31 and block == (256,)
        given = []
        for x in args:
            if isinstance(x, ndarray):
                assert x._host.flags.c_contiguous, "kernels ignore strides"
                given.append(ctypes.c_void_p(x._host.ctypes.data))
            elif isinstance(x, np.float64):
                given.append(ctypes.c_double(x))
            else:
                given.append({np.int64: ctypes.c_longlong, np.uint64: ctypes.c_ulonglong}[type(x)](int(x)))
        launched.append(self.name)
        self.library.set_grid(ctypes.c_uint(grid[0]))
        self.function(*given)
