"""The compiled kernels against NumPy's: on rows of all kinds, by several threads, from the disk."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ragged.testing
from ragged.registry import get_backend
from ragged.rows import Groups, Ranges, Rows

pytest.importorskip("numba")

from numba.core import caching

from ragged_numba import _backend, _compiling, _elementwise, _paths, _sorting, _threads

NUMBA, NUMPY = get_backend("numba"), get_backend("numpy")
DTYPES = ("float64", "float32", "int64")
RANDOM = np.random.default_rng(3)
LENGTHS = {
    "short": RANDOM.poisson(5, 30_000),
    "ones": np.ones(70_000, np.int64),
    "thousands": np.full(150, 1000),
    "one of half": np.insert(RANDOM.integers(0, 2, 100_000), 50_000, 60_000),
    "one row": np.array([0, 200_000, 0]),
    "nearly all empty": np.insert(np.zeros(100_000, np.int64), 7, 5000),
    "ends of pieces": np.array([_paths.GRAIN - 1, 0, 0, _paths.GRAIN - 3, 1, _paths.GRAIN]),
}


def offsets_of(lengths):
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def partitions(lengths):
    """The rows on Numba and on NumPy."""
    offsets = offsets_of(lengths)
    return Rows(NUMBA, offsets), Rows(NUMPY, offsets)


def values(n, dtype, special=True):
    """Few different numbers, so that there are ties; with NaN, infinities and zeros of both signs among floats."""
    random = np.random.default_rng(n)
    x = random.integers(-50, 50, n).astype(dtype)
    if special and x.dtype.kind == "f":
        x[random.random(n) < 0.01] = np.nan
        x[random.random(n) < 0.01] = -0.0
        x[random.random(n) < 0.01] = np.inf
    return x


@pytest.fixture
def compiled(monkeypatch):
    """Arrays of any size go to the kernels."""
    monkeypatch.setattr(_backend, "FEW", 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_reductions_of_rows(lengths, dtype):
    rows, plain = partitions(lengths)
    x = values(rows.total, dtype)
    for name in ("segment_max", "segment_min"):
        for identity in (0, 7):
            expected = getattr(NUMPY, name)(x, plain, identity)
            np.testing.assert_array_equal(getattr(NUMBA, name)(x, rows, identity), expected, strict=True)
    for largest in (True, False):
        found, expected = NUMBA.segment_argmax(x, rows, largest), NUMPY.segment_argmax(x, plain, largest)
        np.testing.assert_array_equal(found[rows.lengths > 0], expected[rows.lengths > 0], strict=True)
    x = values(rows.total, dtype, special=False)  # integers: their sums are exact in any order
    np.testing.assert_array_equal(NUMBA.segment_sum(x, rows), NUMPY.segment_sum(x, plain), strict=True)
    mask = x > 10
    np.testing.assert_array_equal(NUMBA.segment_count(mask, rows), NUMPY.segment_count(mask, plain), strict=True)
    for name in ("segment_max", "segment_min"):  # any and all
        for empty in (False, True):
            expected = getattr(NUMPY, name)(mask, plain, empty)
            np.testing.assert_array_equal(getattr(NUMBA, name)(mask, rows, empty), expected, strict=True)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sums_of_long_rows_are_exact_to_their_last_digits(dtype):
    rows = Rows(NUMBA, offsets_of([0, 1_000_000, 3000, 5]))
    x = np.random.default_rng(0).random(rows.total).astype(dtype)
    exact = np.array([np.sum(part, dtype=np.longdouble) for part in np.split(x, rows.offsets[1:-1])])
    np.testing.assert_allclose(NUMBA.segment_sum(x, rows), exact.astype(dtype), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bool", "int16", "complex128", "datetime64[s]"])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_moves_over_rows(lengths, dtype):
    rows, plain = partitions(lengths)
    entries = values(rows.nrows, "int64").astype(dtype)
    np.testing.assert_array_equal(NUMBA.expand(entries, rows), NUMPY.expand(entries, plain), strict=True)
    x = values(rows.total, "int64").astype(dtype)
    order = np.random.default_rng(1).permutation(rows.nrows)
    for step in (1, -1):
        taken = [each.take(order)[0] for each in (rows, plain)]
        begins = rows.starts[order] if step == 1 else rows.offsets[1:][order] - 1
        found, expected = (
            b.take_ranges(x, Ranges(begins, t, step)) for b, t in zip((NUMBA, NUMPY), taken, strict=True)
        )
        np.testing.assert_array_equal(found, expected, strict=True)
    index = np.random.default_rng(2).integers(0, rows.total, 80_000)
    np.testing.assert_array_equal(NUMBA.take(x, index), NUMPY.take(x, index), strict=True)
    padded = [Rows.regular(b, rows.nrows, 3) for b in (NUMBA, NUMPY)]
    found, expected = (
        b.take_ranges(x, Ranges(rows.starts, p, last=rows.total - 1))
        for b, p in zip((NUMBA, NUMPY), padded, strict=True)
    )
    np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_structure_of_rows(lengths):
    rows, plain = partitions(lengths)
    np.testing.assert_array_equal(rows.ids, plain.ids, strict=True)
    np.testing.assert_array_equal(rows.positions, plain.positions, strict=True)
    begins = np.random.default_rng(0).integers(0, 99, rows.nrows)
    for step in (1, -1, 5):
        expected = NUMPY.ranges(begins, plain, step)
        np.testing.assert_array_equal(NUMBA.ranges(begins, rows, step), expected, strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_orders_within_rows(lengths, dtype):
    rows, plain = partitions(lengths)
    x = values(rows.total, dtype)
    for descending in (False, True):
        expected = NUMPY.segment_argsort(x, plain, descending)
        for order in (NUMBA.segment_argsort(x, rows, descending), _sorting.argsort(x, rows, descending)):
            np.testing.assert_array_equal(order, expected, strict=True)
        for found in (NUMBA.segment_sort(x, rows, descending), _sorting.sort(x, rows, descending)):
            np.testing.assert_array_equal(found, x[expected], strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("nrows", [1, 100, 50_000])
def test_reductions_of_groups(nrows, dtype):
    n = 300_000
    ids = np.random.default_rng(nrows).integers(0, nrows + 1, n)  # those equal to their number are dropped
    x = values(n, dtype)
    for name in ("segment_max", "segment_min"):
        found, expected = (getattr(b, name)(x, Groups(ids, nrows), 3) for b in (NUMBA, NUMPY))
        np.testing.assert_array_equal(found, expected, strict=True)
    x = values(n, dtype, special=False)
    found, expected = (b.segment_sum(x, Groups(ids, nrows)) for b in (NUMBA, NUMPY))
    np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_running_sums_and_products(lengths, dtype):
    offsets = offsets_of(lengths)
    x = values(offsets[-1], dtype, special=False)
    signs = np.sign(x) + (x == 0).astype(dtype)
    for f, each in ((ragged.cumulative_sum, x), (ragged.cumulative_prod, signs)):
        plain = ragged.from_offsets(each, offsets)
        found, expected = f(plain.to_backend("numba"), axis=1), f(plain, axis=1)
        np.testing.assert_array_equal(found.layout.content.data, expected.layout.content.data, strict=True)


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("lengths", [RANDOM.poisson(5, 30_000), [100] * 60, [0] * 9000 + [900], [2000, 0, 1, 2] * 3])
def test_pairs(lengths, replacement):
    values = RANDOM.normal(size=sum(lengths))
    for x in (
        ragged.from_lengths(values, lengths),
        ragged.from_lengths(values.astype(np.int16), lengths),
        ragged.zip({"a": ragged.from_lengths(values, lengths), "b": ragged.from_lengths(values > 0, lengths)}),
    ):
        for f in (ragged.combinations, ragged.argcombinations):
            found, expected = (f(each, 2, replacement=replacement) for each in (x.to_backend("numba"), x))
            assert str(found.type) == str(expected.type)
            assert ragged.array_equal(found.to_backend("numpy"), expected)


def test_choices_between_arrays_and_numbers():
    x = values(100_000, "float64")
    mask = np.random.default_rng(0).random(x.size) < 0.5
    single = x.astype("float32")
    for a, b in (
        (x, 0.0),
        (1, x),
        (x, -x),
        (single, 0),
        (x, single),
        (mask, False),
        (x, np.nan),
        (1.0, 2.0),
        (x[:1], x),
    ):
        np.testing.assert_array_equal(NUMBA.where(mask, a, b), NUMPY.where(mask, a, b), strict=True)


def test_elementwise_functions_of_large_arrays():
    x = values(2 * _elementwise.MANY + 1, "float64")
    with np.errstate(all="ignore"):
        for name, args in (
            ("exp", (x,)),
            ("multiply", (x, x)),
            ("add", (x, 1)),
            ("greater", (x, 0)),
            ("subtract", (x, x.astype("float32"))),
            ("power", (x, 2.5)),
            ("clip", (x, 0, 1)),
            ("add", (np.repeat(x, 2)[::2], 1.0)),
            ("add", (x.reshape(-1, 1), np.ones(3))),
        ):
            np.testing.assert_array_equal(NUMBA.apply(name, *args), NUMPY.apply(name, *args), strict=True)
        spare = x.copy()
        assert NUMBA.apply_over(spare, "multiply", spare, 2.0) is spare
        np.testing.assert_array_equal(spare, x * 2)


def test_warnings_and_errors_of_other_threads_arrive():
    x = np.full(2 * _elementwise.MANY, -1.0)
    with pytest.warns(RuntimeWarning, match="invalid value"):
        NUMBA.apply("log", x)
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        NUMBA.apply("log", x)
    with np.errstate(invalid="ignore"):
        assert np.isnan(NUMBA.apply("log", x)).all()


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=60),
    st.sampled_from(DTYPES),
    st.randoms(use_true_random=False),
)
def test_any_rows(lengths, dtype, random):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_backend, "FEW", 0)
        rows, plain = partitions(np.array(lengths))
        x = np.array([random.choice([-2, -1, 0, 1, 2]) for _ in range(rows.total)], dtype)
        np.testing.assert_array_equal(NUMBA.segment_sum(x, rows), NUMPY.segment_sum(x, plain), strict=True)
        found, expected = NUMBA.segment_max(x, rows, -9), NUMPY.segment_max(x, plain, -9)
        np.testing.assert_array_equal(found, expected, strict=True)
        np.testing.assert_array_equal(NUMBA.segment_argsort(x, rows), NUMPY.segment_argsort(x, plain), strict=True)
        np.testing.assert_array_equal(NUMBA.expand(rows.lengths, rows), NUMPY.expand(plain.lengths, plain), strict=True)


def test_the_conformance_suite_passes_where_every_array_is_compiled(compiled):
    ragged.testing.check_backend("numba")


@pytest.mark.parametrize("n", [_backend.FEW - 1, _backend.FEW])
def test_values_are_the_same_where_kernels_take_over(n):
    rows, plain = partitions(np.full(n, 1))
    x = values(n, "float64")
    np.testing.assert_array_equal(NUMBA.segment_max(x, rows, 0.0), NUMPY.segment_max(x, plain, 0.0), strict=True)
    np.testing.assert_array_equal(NUMBA.segment_sort(x, rows), NUMPY.segment_sort(x, plain), strict=True)


def test_memory_of_any_layout_is_read(compiled):
    rows, plain = partitions(np.array([2, 0, 3, 1]))
    x = values(6, "float64", special=False)
    for each in (x[::-1], np.repeat(x, 2)[::2], np.frombuffer(b"x" + x.tobytes(), x.dtype, offset=1)):
        np.testing.assert_array_equal(NUMBA.segment_sum(each, rows), NUMPY.segment_sum(each, plain))
        np.testing.assert_array_equal(NUMBA.take(each, np.arange(6)[::-1]), each[::-1])
    sealed = x.copy()
    sealed.flags.writeable = False
    np.testing.assert_array_equal(NUMBA.segment_sum(sealed, rows), NUMPY.segment_sum(x, plain))


# ---------------------------------------------------------------------- threads


def work(x, rows):
    """Everything that threads share."""
    y = NUMBA.apply("exp", x)
    return [
        *(y, NUMBA.segment_sum(y, rows), NUMBA.segment_max(x, rows, 0.0), NUMBA.expand(rows.lengths, rows)),
        *(NUMBA.segment_sort(x, rows), NUMBA.segment_sum(x, Groups(rows.positions, rows.longest))),
    ]


def many():
    """An array that threads share the work on."""
    rows = Rows(NUMBA, offsets_of(np.random.default_rng(5).poisson(5, 120_000)))
    return np.random.default_rng(6).normal(size=rows.total), rows


def test_several_threads_of_python_at_once():
    x, rows = many()
    expected = work(x, rows)
    found = [None] * 6

    def run(i):
        found[i] = [work(x, rows) for _ in range(3)]

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for results in found:
        for result in results:
            for a, b in zip(result, expected, strict=True):
                np.testing.assert_array_equal(a, b)


FORKED = """
import os, sys
import numpy as np, ragged
from ragged.registry import get_backend
b, x = get_backend("numba"), np.ones(1 << 20)
assert b.apply("add", x, 1)[-1] == 2
child = os.fork()
if not child:
    os._exit(0 if b.apply("add", x, 2)[-1] == 3 else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_a_forked_process_has_threads_of_its_own():
    run_python(FORKED, NUMBA_NUM_THREADS="3")


BITS = """
import hashlib
import numpy as np
from ragged.registry import get_backend
from ragged.rows import Groups, Rows
b, random = get_backend("numba"), np.random.default_rng(0)
lengths = np.insert(random.poisson(4, 60_000), 30_000, 400_000)
rows = Rows(b, np.concatenate([[0], np.cumsum(lengths)]))
x = random.normal(size=rows.total)
groups = Groups(random.integers(0, 9, rows.total), 9)
results = b.segment_sum(b.apply("exp", x), rows), b.segment_sum(x, groups), b.segment_sort(x, rows)
print(hashlib.sha256(b"".join(each.tobytes() for each in results)).hexdigest())
"""


def run_python(code, **environment):
    """What a new process prints, and what it says to the log."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert not done.returncode, done.stderr[-1000:]
    return done.stdout, done.stderr


def test_results_do_not_depend_on_the_number_of_threads():
    assert len({run_python(BITS, NUMBA_NUM_THREADS=n)[0] for n in ("1", "2", "2", "5")}) == 1


@pytest.mark.parametrize("lengths", [np.full(150_000, 4), np.insert(RANDOM.poisson(3, 100_000), 500, 300_000)])
def test_what_runs_in_blocks_of_rows_by_several_threads(lengths):
    x = ragged.from_lengths(np.random.default_rng(0).normal(size=lengths.sum()), lengths)
    assert x.layout.content.length > 2 * _elementwise.BLOCK
    for f in (ragged.softmax, lambda x: ragged.mean(x, axis=1), lambda x: ragged.std(x, axis=1)):
        found, expected = f(x.to_backend("numba")), f(x)
        numbers = [ragged.to_numpy(ragged.flatten(each, axis=None)) for each in (found, expected)]
        np.testing.assert_allclose(*numbers, rtol=1e-11, atol=1e-15)
        slopes = [
            ragged.to_numpy(ragged.flatten(ragged.grad(lambda x, f=f: ragged.sum(f(x) ** 2))(each)))
            for each in (x.to_backend("numba"), x)
        ]
        np.testing.assert_allclose(*slopes, rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize("is_taken_up", [True, False])
def test_work_is_over_though_no_thread_can_be_started(is_taken_up, monkeypatch):
    late, done = [], []

    class Pool:
        def submit(self, f, *args):  # as the standard library's: it is in the queue by then
            if is_taken_up:
                late.append(threading.Thread(target=f, args=args))
                late[-1].start()
            raise RuntimeError("can't start new thread")

    def work(first, last):
        time.sleep(0.01)
        done.extend(range(first, last))

    monkeypatch.setattr(_threads, "threads", lambda: 3)
    monkeypatch.setattr(_threads.TEAM, "pool", Pool())
    _threads.share(work, 16)
    assert sorted(done) == list(range(16))
    for each in late:
        each.join()


def test_nested_work_is_not_shared_again():
    seen = []

    def inner(first, last):
        seen.append((threading.current_thread().name, first, last))

    _threads.share(lambda first, last: _threads.share(inner, 8), 8)
    assert [each[1:] for each in seen] == [(0, 8)] * len(seen)


# ---------------------------------------------------------------------- the disk

COLD = """
import logging
logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
import numpy as np, ragged
x = ragged.unflatten(np.ones(10_000), np.full(1000, 10)).to_backend("numba")
assert ragged.sum(ragged.max(x, axis=1)) == 1000
from ragged_numba._reducing import row_extrema
stats = row_extrema[np.dtype(float)].stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def test_a_cold_process_says_what_it_compiles_and_the_next_one_finds_it(tmp_path):
    hits, said = run_python(COLD, NUMBA_CACHE_DIR=str(tmp_path))
    assert hits.split() == ["0", "1"]
    assert "ragged.numba compiling row_extrema for float64, int64; the next process finds it on the disk" in said
    hits, said = run_python(COLD, NUMBA_CACHE_DIR=str(tmp_path))
    assert hits.split() == ["1", "0"]
    assert "compiling" not in said


def add_one(x, out):
    for j in range(x.shape[0]):
        out[j] = x[j] + 1


def test_what_cannot_be_kept_is_compiled_all_the_same(monkeypatch, caplog):
    x, dtype, out = np.arange(3.0), np.dtype(float), np.empty(3)
    with monkeypatch.context() as patch:
        patch.setattr(caching.CacheImpl, "_locator_classes", [])  # no folder can be written to
        with caplog.at_level(logging.INFO, "ragged.numba"):
            _compiling.Kernel(add_one, "xX")[dtype](x, out)
    assert out.tolist() == [1, 2, 3] and "kept nowhere" in caplog.text

    def full(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr(caching.Cache, "save_overload", full)
    monkeypatch.setattr(caching.Cache, "load_overload", lambda *args: None)
    _compiling.Kernel(add_one, "xX")[dtype](x, out)
    assert out.tolist() == [1, 2, 3]


UNCOMPILED = """
import numba, numpy as np, ragged
lengths = np.arange(60_000) % 11
x = ragged.unflatten(np.arange(0.0, lengths.sum()), lengths).to_backend("numba")
loss = lambda x: ragged.sum(ragged.sum(x[x > 3], axis=1) - ragged.max(x, axis=1) ** 2)
same = ragged.grad(loss)(x.to_backend("numpy"))
for gradient in (ragged.grad(loss), ragged.jit(ragged.grad(loss))):
    assert ragged.array_equal(gradient(x), same)
print(numba.njit(lambda x: len(x))(x))
"""


def test_where_numba_is_told_not_to_compile_numpy_computes():
    assert run_python(UNCOMPILED, NUMBA_DISABLE_JIT="1")[0] == "60000\n"


def test_small_arrays_compile_nothing():
    code = COLD.partition("from ragged_numba")[0].replace("10_000", "1000").replace("np.full(1000, 10)", "[1] * 1000")
    assert "compiling" not in run_python(code)[1]
