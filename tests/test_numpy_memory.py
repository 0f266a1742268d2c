"""NumPy's memory: what large results leave is used again, never shared; temporaries are no larger than the content."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import ragged
import ragged_numpy
from ragged_numpy import _memory
from ragged_numpy._memory import LARGE, POOL, Storage, empty, full

N = LARGE // 8
FLOAT = np.dtype(float)


@pytest.fixture
def pool():
    """The pool, empty, and as it was afterwards."""
    limit = POOL.limit
    ragged_numpy.keep_memory(0)
    ragged_numpy.keep_memory(1 << 24)
    yield POOL
    ragged_numpy.keep_memory(limit)


def address(x):
    return x.ctypes.data


def test_memory_of_an_array_that_is_gone_is_used_again(pool):
    x = empty((N,), FLOAT)
    was = address(x)
    assert was % 64 == 0
    del x
    assert pool.held == LARGE
    assert address(empty((N,), FLOAT)) == was


def test_small_arrays_and_objects_are_numpys_own(pool):
    assert empty((N - 1,), FLOAT).flags.owndata
    assert empty((N,), np.dtype(object)).flags.owndata


@pytest.mark.parametrize(
    "hold",
    [
        lambda x: x[1:][::2],
        lambda x: x.reshape(2, -1).T,
        lambda x: x.view(np.int64)[:5],
        memoryview,
        lambda x: np.frombuffer(x)[3:],
        lambda x: np.asarray(x).view(np.recarray),
        lambda x: x.base,
        lambda x: np.from_dlpack(x),
        lambda x: x.__dlpack__(),
        lambda x: x.view(Storage),
        lambda x: x.base.view(np.float64),
        lambda x: x.base.view(np.ndarray),
        lambda x: x.base.view(np.recarray)[::2],
        lambda x: np.asarray(x.base)[5:],
        lambda x: x.base[7:9],
        lambda x: x.base.base,
        lambda x: memoryview(x.base.base)[5:],
        lambda x: np.asarray(x.base.base),
        lambda x: x.base.__dlpack__(),
        lambda x: np.lib.stride_tricks.as_strided(x.base),
    ],
)
def test_memory_that_anything_refers_to_is_not_given_out(pool, hold):
    x = empty((N,), FLOAT)
    x[:] = 1
    was, kept = address(x), hold(x)
    del x
    gc.collect()
    others = [empty((N,), FLOAT) for _ in range(4)]
    assert was not in map(address, others)
    del kept
    gc.collect()


@pytest.mark.parametrize("what", ["positions", "row ids"])
def test_memory_that_jax_holds_is_not_given_out(pool, what):
    """JAX keeps the array that its own is over: in 32 bits, ids are made in kept memory and not copied."""
    jax = pytest.importorskip("jax")
    from ragged.registry import get_backend
    from ragged.rows import Rows
    from ragged_jax import _index

    device = jax.devices("cpu")[0]
    size = 2 * N  # the bytes of a LARGE array, in 32 bits

    def placed():
        if what == "positions":
            return _index.as_index(np.arange(size), size, device)
        return _index.ids_of(Rows(get_backend("numpy"), np.arange(0, size + 1, 2)), device)

    held = placed()
    expected = np.arange(size) if what == "positions" else np.arange(size) // 2
    gc.collect()
    was = address(np.asarray(held))
    (length,) = {use.storage.size // 8 for use in pool.uses.values() if address(use.storage) == was}
    others = [full((length,), -1.0, FLOAT) for _ in range(8)]
    assert was not in map(address, others)
    np.testing.assert_array_equal(np.asarray(held)[:, 0], expected)
    del held, others
    gc.collect()
    again = [empty((length,), FLOAT) for _ in range(9)]
    assert was in map(address, again)


def test_kept_memory_is_bounded(pool):
    arrays = [empty((N,), FLOAT) for _ in range(200)]
    del arrays
    assert 0 < pool.held <= pool.limit
    assert pool.held == sum(storage.size for storage in pool.idle)
    assert not pool.uses or all(use() is not None for use in pool.uses.values())
    ragged_numpy.keep_memory(0)
    assert pool.held == 0
    assert not pool.idle


def test_sizes_that_differ_little_share(pool):
    x = empty((10 * N,), FLOAT)
    was = address(x)
    del x
    assert address(empty((10 * N - 100,), FLOAT)) == was


def test_threads_never_share_memory(pool):
    wrong = []

    def work(number):
        for i in range(200):
            x = empty((N + 8 * (i % 3),), FLOAT)
            x[:] = number
            y = ragged.Array(x) * 2
            if not ((x == number).all() and (y.to_numpy() == 2 * number).all()):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_array_that_dies_while_the_pool_is_busy_is_settled_later(pool):
    x = empty((N,), FLOAT)
    with pool.lock:
        del x
        assert pool.held == 0
        assert empty((N,), FLOAT).shape == (N,)  # another thread would wait for nobody
    empty((N,), FLOAT)
    assert pool.held == LARGE * len(pool.idle)
    assert not pool.returned


def test_a_forked_process_has_a_pool_of_its_own(pool):
    with pool.lock:
        lock = pool.lock
        pool.unlock()
    assert pool.lock is not lock
    x = empty((N,), FLOAT)
    del x
    assert pool.held == LARGE


def test_results_stay_when_later_ones_are_made():
    x = ragged.from_offsets(np.arange(4.0 * N), np.arange(0, 4 * N + 1, 4))
    kept = [x * i for i in range(5)]
    for _ in range(5):
        ragged.softmax(x * 3, axis=1)
    for i, each in enumerate(kept):
        np.testing.assert_array_equal(ragged.flatten(each).to_numpy(), np.arange(4.0 * N) * i)


def test_gradients_may_be_written_to():
    x = ragged.from_offsets(np.linspace(0, 1, 4 * N), np.arange(0, 4 * N + 1, 4))
    found = ragged.flatten(ragged.grad(lambda x: ragged.sum(x * x + x))(x)).to_numpy()
    again = ragged.flatten(ragged.grad(lambda x: ragged.sum(x * x + x))(x)).to_numpy()
    found[:] = 0
    np.testing.assert_allclose(again, 2 * np.linspace(0, 1, 4 * N) + 1)


def test_cotangents_are_no_ones_to_write_to():
    x = np.linspace(0.1, 1, 5000)
    g = np.full(5000, 2.0)
    value, pull = ragged.vjp(lambda x: ragged.sin(x) + x + ragged.exp(x), x)
    first, second = pull(g)[0], pull(g)[0]
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(g, 2.0)
    np.testing.assert_allclose(value, np.sin(x) + x + np.exp(x))
    np.testing.assert_allclose(first, 2 * (np.cos(x) + 1 + np.exp(x)))


# ---------------------------------------------------------------------- temporaries

SIZE = 1_000_000


def lengths_of(shape):
    if shape == "ones":
        return np.ones(SIZE, int)
    if shape == "thousands":
        return np.full(SIZE // 1000, 1000)
    lengths = np.bincount(np.random.default_rng(0).integers(0, SIZE // 5, SIZE // 2), minlength=SIZE // 5)
    return np.concatenate([lengths, [SIZE // 2], np.zeros(SIZE // 5, int)])


OPERATIONS = {
    "ufunc": (lambda x, r: np.exp(x), 0.0, 1.0),
    "two ufuncs": (lambda x, r: x * x + 1, 1.0, 1.0),
    "numbers of rows": (lambda x, r: x - r, 0.0, 0.0),
    "sum": (lambda x, r: ragged.sum(x, axis=1), 0.0, 0.0),
    "sum of columns": (lambda x, r: ragged.sum(x, axis=0), 0.0, 1.0),
    "sum of all": (lambda x, r: ragged.sum(x), 0.0, 0.0),
    "mean": (lambda x, r: ragged.mean(x, axis=1), 0.0, 1.0),
    "max": (lambda x, r: ragged.max(x, axis=1, mask_identity=False), 0.0, 1.0),
    "any": (lambda x, r: ragged.any(x, axis=1), 0.2, None),
    "softmax": (lambda x, r: ragged.softmax(x, axis=1), 0.0, 1.0),
}
"""The program, and of how many contents its temporaries and its gradient's are, beside those of a block."""
BLOCK = 0.8
"""What a block's passes need together, or a row of half the content."""


def peak_of(call):
    """The most bytes on top of what is there before and after, when structure is there already."""
    call()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = call()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del result
    return peak - max(after, before)


@pytest.mark.parametrize("shape", ["ones", "thousands", "unequal"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_no_temporary_is_larger_than_the_content(pool, name, shape):
    ragged_numpy.keep_memory(0)
    program, forward, backward = OPERATIONS[name]
    lengths = lengths_of(shape)
    rng = np.random.default_rng(1)
    values = rng.normal(size=lengths.sum())
    x = ragged.unflatten(values, lengths)
    r = ragged.Array(rng.normal(size=len(lengths)))
    assert peak_of(lambda: program(x, r)) <= (forward + BLOCK) * values.nbytes
    if backward is None:
        return
    kept = [0, 0]

    def loss(x):
        kept[0] = tracemalloc.get_traced_memory()[0]
        value = ragged.sum(program(x, r) ** 2)
        kept[1] = tracemalloc.get_traced_memory()[0]
        return value

    peak = peak_of(lambda: ragged.grad(loss)(x))
    assert peak - (kept[1] - kept[0]) <= (backward + BLOCK) * values.nbytes


def test_the_tape_keeps_no_more_than_the_result_of_a_softmax(pool):
    ragged_numpy.keep_memory(0)
    x = ragged.unflatten(np.random.default_rng(0).normal(size=SIZE), np.full(SIZE // 5, 5))
    kept = []

    def loss(x):
        kept.append(tracemalloc.get_traced_memory()[0])
        value = ragged.sum(ragged.softmax(x, axis=1) ** 2)
        kept.append(tracemalloc.get_traced_memory()[0])
        return value

    peak_of(lambda: ragged.grad(loss)(x))
    assert kept[-1] - kept[-2] <= 1.1 * SIZE * 8


# ---------------------------------------------------------------------- kernels for large arrays, on small ones


@pytest.fixture
def tiny(monkeypatch):
    """Every threshold so low that small arrays take the ways of large ones."""
    from ragged.autodiff import reuse
    from ragged_numpy import _backend, _blocks, _elementwise, _kernels, _positions

    for module in (_backend, _kernels, _positions):
        monkeypatch.setattr(module, "SMALL", 4)
    for module in (_backend, _blocks, _kernels):
        monkeypatch.setattr(module, "BLOCK", 6)
    for module in (_backend, _elementwise, _memory, _positions):
        monkeypatch.setattr(module, "LARGE", 16)
    monkeypatch.setattr(reuse, "WORTH", 2)


def along_rows(name):
    f = getattr(ragged, name)
    return lambda x: f(x > 0.5 if name in COUNTING else x, axis=1)


COUNTING = ("any", "all", "count_nonzero")
REDUCING = ("sum", "prod", "max", "min", "mean", "std", "argmax", "argmin", "sort", "softmax")
PROGRAMS = {
    **{name: along_rows(name) for name in COUNTING + REDUCING},
    "logsumexp": lambda x: ragged.logsumexp(x, axis=1),
    "sum of columns": lambda x: ragged.sum(x, axis=0),
    "with rows": lambda x: x * ragged.sum(x, axis=1) - x,
    "selected": lambda x: x[x > 0][:, ::-1],
    "attention": lambda x: ragged.sum(ragged.softmax(x, axis=1) * x, axis=1) ** 2,
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", PROGRAMS)
def test_large_and_small_ways_agree(request, name, seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, [2, 4, 9, 30][seed], 23)
    lengths[rng.integers(0, 23)] = 17
    values = rng.normal(size=lengths.sum()).round(1)
    program = PROGRAMS[name]

    def results():
        x = ragged.unflatten(values, lengths)
        found = [program(x).to_list()]
        try:
            found.append(ragged.grad(lambda x: ragged.sum(program(x) * 1.5))(x).to_list())
        except ragged.RaggedError:
            assert name in (*COUNTING, "argmax", "argmin")
        return found

    expected = results()
    request.getfixturevalue("tiny")
    for got, wanted in zip(results(), expected, strict=True):
        assert flat(got) == pytest.approx(flat(wanted), rel=1e-12, abs=1e-12, nan_ok=True)


def flat(x):
    """Numbers of nested lists, with None as infinity and the shape as lengths."""
    if isinstance(x, list):
        return [len(x), *(number for each in x for number in flat(each))]
    return [float("inf") if x is None else float(x)]


def test_storage_is_what_arrays_refer_to():
    assert type(empty((N,), FLOAT).base) is Storage


@pytest.mark.parametrize(
    "program",
    [
        lambda x: ragged.fill_none(ragged.pad_none(x, 3, clip=True), 0.0),
        lambda x: ragged.is_none(x, axis=1),
        lambda x: ragged.firsts(x),
        lambda x: ragged.argcombinations(x, 2),
        lambda x: ragged.grad(lambda x: ragged.sum(ragged.sort(x, axis=-1)))(x),
    ],
)
def test_operands_are_not_kept_until_garbage_is_collected(program):
    x = ragged.Array([[1.0, 2.0, 3.0], [4.0]]) * 1.0
    content = weakref.ref(x.layout.content.data)
    gc.disable()
    try:
        program(x)
        del x
        assert content() is None
    finally:
        gc.enable()
