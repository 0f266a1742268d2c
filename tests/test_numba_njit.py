"""Ragged arrays as arguments of functions that Numba compiles, against the same functions run by Python and Awkward."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings

import ragged
from agreement import assert_same, plain
from layouts import arrays
from ragged.errors import BackendMismatchError, UnsupportedError

numba = pytest.importorskip("numba", reason="Numba is not installed")

LISTS = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
NESTED = [[[1, 2], []], [], [[3], [4, 5, 6], [7]]]
OPTIONS = [[1.0, None], None, [], [None, 2.5]]
WORDS = ["ab", "", "dé☃"]
EVENTS = [
    [{"pt": 1.5, "n": [1, 2], "tag": "a"}, {"pt": 2.5, "n": [], "tag": "bc"}],
    [],
    [{"pt": 3.5, "n": [3], "tag": ""}],
]


def known(x):
    """The same array with numbers where the type is not known, as compiled code has them."""
    kinds = lambda layout, **_: layout.to_NumpyArray(np.float64) if layout.is_unknown else None  # noqa: E731
    return ak.transform(kinds, ragged.to_awkward(x))


def both(f, *args):
    """The compiled function gives what the same function gives in Python, in value and type."""
    compiled = numba.njit(f)
    assert_same(compiled(*args), f(*args))
    return compiled


# ---------------------------------------------------------------------- indexing


@pytest.mark.parametrize("data", [LISTS, NESTED, OPTIONS, WORDS, EVENTS, [[1, 2], [3, 4], [5, 6]]])
@pytest.mark.parametrize("i", [0, 2, -1, -3])
def test_entries(data, i):
    both(lambda x, i: x[i], ragged.Array(data), i)


@pytest.mark.parametrize("data", [LISTS, NESTED, OPTIONS, EVENTS, np.arange(12.0).reshape(3, 2, 2), np.zeros((0, 2))])
def test_slices(data):
    compiled = both(lambda x: (x[:], x[1:], x[:-1], x[1:2], x[-2:], x[5:], x[2:1], x[-9:9]), ragged.Array(data))
    for part in compiled(ragged.Array(data)):
        assert type(part) is ragged.Array


def test_indices_of_every_integer_type():
    x = ragged.Array(LISTS)
    for name in ("int8", "int64", "uint8", "uint64"):
        assert numba.njit(lambda x, i: x[i])(x, np.dtype(name).type(2)).tolist() == [4.0, 5.0]


@pytest.mark.parametrize("data", [NESTED, np.arange(24).reshape(3, 2, 4)])
def test_several_indices_at_once(data):
    x = ragged.Array(data)
    both(lambda x: (x[0, 0], x[-1, 1], x[0, 0, 1], x[2, 1][1:], x[0,]), x)
    assert numba.njit(lambda x: x[2, 0:1])(x).tolist() == x[2][0:1].tolist()


def test_fields():
    x = ragged.Array(EVENTS)
    both(lambda x: (x.pt, x["n"], x.tag[0], x.n[0][0][1], x[0].pt, x[0][1].tag, x[0, 1, "pt"], x["pt"][2][0]), x)
    both(lambda x: (x[0][0], x[2][0]["n"], x[0]["n"]), x)
    both(lambda x: (x["0"], x[1]["1"]), ragged.Array([(1, [2.0]), (3, [])]))
    record = numba.njit(lambda x: x[0][1])(x)
    assert type(record) is ragged.Record
    both(lambda r: (r.pt, r["n"], r.tag, r), record)


def test_an_index_out_of_range():
    x = ragged.Array(LISTS)
    entry = numba.njit(lambda x, i: x[i])
    for i in (3, -4, 2**40):
        with pytest.raises(IndexError, match="out of range"):
            entry(x, i)
    with pytest.raises(IndexError):
        numba.njit(lambda x: x[1, 0])(x)
    with pytest.raises(IndexError):
        entry(ragged.Array([[1.0]])[:0], 0)


@pytest.mark.parametrize(
    "f", [lambda x: x[::2], lambda x: x[[0, 1]], lambda x: x[x.pt > 1], lambda x: x[0:1, 0], lambda x: x[None]]
)
def test_other_selections_say_what_there_is(f):
    with pytest.raises(numba.TypingError):
        numba.njit(f)(ragged.Array(EVENTS))


def test_the_message_about_a_step():
    with pytest.raises(numba.TypingError, match="a ragged array takes an integer, a slice start:stop"):
        numba.njit(lambda x: x[::2])(ragged.Array(LISTS))
    with pytest.raises(numba.TypingError, match="'px'"):
        numba.njit(lambda x: x.px)(ragged.Array(EVENTS))


# ---------------------------------------------------------------------- loops


def test_loops_over_lists():
    def f(x):
        total, n = 0.0, 0
        for i, row in enumerate(x):
            for value in row:
                total += value * (i + 1)
            n += len(row)
        for a, b in zip(x, x[::1] if False else x):  # noqa: B905 - compiled code has no `strict`
            n += len(a) * len(b)
        return total, n, len(x)

    both(f, ragged.Array(LISTS))


def test_missing_values():
    def f(x):
        total, missing = 0.0, 0
        for row in x:
            if row is None:
                missing += 100
            else:
                for value in row:
                    if value is None:
                        missing += 1
                    else:
                        total += value
        return total, missing, x[1] is None, x[0][1] is None, x[0][0] is None

    both(f, ragged.Array(OPTIONS))
    both(lambda x: (x[0].a is None, x[1].a is None, x[2] is None), ragged.Array([{"a": None}, {"a": 1}, None]))


def test_text():
    both(lambda x: (x[0] + x[2], len(x[2]), x[0] == "ab", x[1] == ""), ragged.Array(WORDS))
    assert numba.njit(lambda x: len(x[0]))(ragged.Array([b"abc", b""])) == 3


def test_membership_and_numpy():
    x = ragged.Array(LISTS)
    both(lambda x: (2.0 in x, 9.0 in x), x)
    assert numba.njit(lambda x: np.array(x))(ragged.Array([[1, 2], [3, 4]])).tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ValueError, match="regular"):
        numba.njit(lambda x: np.array(x))(x)
    assert numba.njit(lambda x: np.asarray(x[2]).sum())(x) == 9.0
    both(lambda x: (sum(x[0]), sum(x[1], 0.0), sum(x[2], 0.5), max(x[0]), sorted(x[2])), x)
    with pytest.raises(numba.TypingError, match=r"np\.asarray takes one list of numbers"):
        numba.njit(lambda x: np.asarray(x))(x)


def counted(kind, name, depth):
    """Lines that add to `total`, `entries` and `missing` what stands in the variable `name` of a type."""
    pad = "    " * depth
    match kind:
        case ak.types.OptionType():
            inner = counted(kind.content, name, depth + 1)
            return [f"{pad}if {name} is None:", f"{pad}    missing += 1", f"{pad}else:", *inner]
        case ak.types.ListType() | ak.types.RegularType() if "__array__" in kind.parameters:
            return [f"{pad}entries += 1000 * len({name})"]
        case ak.types.ListType() | ak.types.RegularType():
            part = f"v{depth}"
            return [f"{pad}for {part} in {name}:", f"{pad}    entries += 1", *counted(kind.content, part, depth + 1)]
        case ak.types.RecordType():
            lines = [f"{pad}entries += 7"]
            for i, content in enumerate(kind.contents):
                field, part = str(i) if kind.is_tuple else kind.fields[i], f"v{depth}_{i}"
                lines += [f"{pad}{part} = {name}[{field!r}]", *counted(content, part, depth)]
            return lines
    return [f"{pad}total += {name}"]


def counter(x):
    """A function that walks through an array of the type of `x`."""
    body = counted(ak.types.RegularType(x.type.content, len(x)), "x", 1)
    lines = ["def walk(x):", "    total, entries, missing = 0.0, 0, 0", *body, "    return total, entries, missing"]
    names = {}
    exec("\n".join(lines), names)
    return names["walk"]


@settings(max_examples=25)
@given(arrays(max_size=12))
def test_every_layout(x):
    x = ragged.Array(x)
    walk = counter(x)
    with np.errstate(all="ignore"):
        wanted = walk(x)
    assert plain(numba.njit(walk)(x))[0] == pytest.approx(plain(wanted)[0], nan_ok=True)
    whole, part = numba.njit(lambda x: (x, x[1:-1]))(x)
    assert_same(whole, known(x))
    assert_same(part, known(x[1:-1]))


# ---------------------------------------------------------------------- memory


def data_of(x):
    """The array of numbers that the layout ends in."""
    node = x.layout
    while hasattr(node, "content"):
        node = node.content
    return node.data


def test_results_share_memory():
    x = ragged.Array(NESTED)
    whole, part, row, numbers = numba.njit(lambda x: (x, x[2:], x[2], np.asarray(x[2][1])))(x)
    start = data_of(x).ctypes.data
    assert data_of(whole).ctypes.data == start
    assert data_of(part).ctypes.data == data_of(row).ctypes.data == start + 2 * 8
    assert numbers.ctypes.data == start + 3 * 8
    assert not numbers.flags.writeable
    assert np.shares_memory(whole.layout.rows.offsets, x.layout.rows.offsets)


def test_what_comes_back_outlives_the_array():
    parts = numba.njit(lambda x: (x[1:], np.asarray(x[2]), x[0]))(ragged.from_lengths(np.arange(5.0), [3, 0, 2]))
    gc.collect()
    np.full(1000, 7.0)
    assert [plain(part)[0] for part in parts] == [[[], [3.0, 4.0]], [3.0, 4.0], [0.0, 1.0, 2.0]]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: len(x),
        lambda x: x[1:],
        lambda x: (x[0], x[0, 1:], x.ndim),
        lambda x: np.asarray(x[0]),
        lambda x: [len(row) for row in x],
    ],
)
def test_nothing_is_kept(f):
    content = np.arange(5.0)
    gone = weakref.ref(content)
    x = ragged.from_lengths(content, [3, 0, 2])
    compiled = numba.njit(f)
    for _ in range(3):
        compiled(x)
    del content, x
    gc.collect()
    assert gone() is None


def test_an_array_whose_field_was_set_is_read_anew():
    x = ragged.Array([{"a": 1.0}, {"a": 2.0}])
    total = numba.njit(lambda x: x.a[0] + x.a[1])
    assert total(x) == 3.0
    x["a"] = [10.0, 20.0]
    assert total(x) == 30.0
    x["a"] = [1, 2]  # another type
    assert total(x) == 3


# ---------------------------------------------------------------------- what comes back


def test_results_stay_on_the_backend_with_what_was_attached():
    for name in ("numpy", "numba"):
        x = ragged.Array(EVENTS, backend=name, with_name="particle")
        x.attrs["run"] = 7
        with ragged.use("numpy"):
            part = numba.njit(lambda x: x[1:])(x)
        assert ragged.backend(part) == name
        assert part.attrs == x.attrs == {"run": 7}
        assert part.typestr == "2 * var * particle[pt: float64, n: var * int64, tag: string]"


def test_methods_of_awkwards_behaviors():
    def typed(record, args):
        return numba.float64(*args)

    def lower(context, builder, sig, args):
        def double(record, factor):
            return record.pt * factor

        return context.compile_internal(builder, double, sig, args)

    behavior = {
        ("__numba_typer__", "particle", "times", ()): typed,
        ("__numba_lower__", "particle", "times", ()): lower,
    }
    x = ragged.Array(EVENTS, with_name="particle")
    y = ragged.Array(ak.Array(ragged.to_awkward(x), behavior=behavior))
    assert numba.njit(lambda x: x[0][1].times(2.0))(y) == 5.0


def test_awkwards_builder():
    @numba.njit
    def squares(x, builder):
        for row in x:
            builder.begin_list()
            for value in row:
                builder.real(value**2)
            builder.end_list()
        return builder

    built = squares(ragged.Array(LISTS), ak.ArrayBuilder()).snapshot()
    assert ragged.Array(built).tolist() == [[1.0, 4.0, 9.0], [], [16.0, 25.0]]


# ---------------------------------------------------------------------- how it is called


def total(x):
    s = 0.0
    for row in x:
        for value in row:
            s += value
    return s


def test_in_parallel():
    @numba.njit(parallel=True)
    def sums(x):
        out = np.empty(len(x))
        for i in numba.prange(len(x)):
            row, s = x[i], 0.0
            for value in row:
                s += value
            out[i] = s + len(x[i])
        return out

    lengths = np.arange(2000) % 7
    x = ragged.from_lengths(np.arange(float(lengths.sum())), lengths)
    assert sums(x).tolist() == (ragged.sum(x, axis=1) + lengths).tolist()


def test_in_threads_without_the_lock():
    rows = numba.njit(nogil=True)(lambda x, i: (x[i:], np.asarray(x[i])))
    lengths = np.arange(500) % 5
    x = ragged.from_lengths(np.arange(float(lengths.sum())), lengths)
    rows(x, 0)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: rows(x, i), list(range(500)) * 4))
    for i, (rest, row) in enumerate(found):
        assert len(rest) == 500 - i % 500
        assert row.tolist() == x[i % 500].tolist()


def test_as_a_constant():
    x, record = ragged.Array(LISTS), ragged.Array(EVENTS)[0][0]
    assert numba.njit(lambda i: (x[i], total_of(x), record.pt))(0)[1:] == (15.0, 1.5)


total_of = numba.njit(total)


def test_one_compilation_for_each_type():
    f = numba.njit(total)
    for data in (LISTS, [[1.0]], LISTS[:1]):
        f(ragged.Array(data))
        f(ragged.Array(data, backend="numba"))
    assert len(f.signatures) == 1
    f(ragged.Array([[1]]))
    assert len(f.signatures) == 2
    assert numba.typeof(ragged.Array(LISTS)) == f.signatures[0][0]


def test_types_are_pickled():
    for x in (ragged.Array(EVENTS), ragged.Array(EVENTS)[0][0], ragged.Array(OPTIONS)):
        kind = numba.typeof(x)
        assert pickle.loads(pickle.dumps(kind)) == kind
        again = pickle.loads(pickle.dumps(x))
        assert numba.typeof(again) == numba.typeof(copy.copy(x)) == kind
        assert_same(again, x)


CACHED = """
import numba, ragged

@numba.njit(cache=True)
def f(x):
    return x[1:], x[0].pt, len(x)

if __name__ == "__main__":
    part, pt, n = f(ragged.Array([[{"pt": 1.0}], [], [{"pt": 2.0}]]))
    print(part.tolist(), pt.tolist(), n, sum(f.stats.cache_hits.values()))
"""


def test_compiled_code_is_cached(tmp_path):
    (tmp_path / "cached.py").write_text(CACHED)
    command = [sys.executable, "cached.py"]
    for hits in (0, 1):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.stdout.split() == f"[[], [{{'pt': 2.0}}]] [1.0] 3 {hits}".split(), done.stdout + done.stderr


def test_nothing_is_imported_before_it_is_needed():
    code = (
        "import sys, ragged, numba\n"
        "numba.njit(lambda x: x + 1)(1)\n"
        "assert 'ragged_numba._views' not in sys.modules\n"
        "print(numba.njit(lambda x: len(x[0]))(ragged.Array([[1, 2], []])))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.strip() == "2", done.stderr


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("name", [name for name in ("jax", "torch", "tensorflow") if name in ragged.available()])
def test_arrays_of_other_frameworks_say_how_they_come_in(name):
    x = ragged.from_lengths(np.ones(1, np.float32), [1, 0]).to_backend(name)
    with pytest.raises(BackendMismatchError, match=rf"on {name}: give it x.to_backend\('numba'\)"):
        total_of(x)
    assert total_of(x.to_backend("numba")) == 1.0


def test_an_awkward_that_misreads_text_is_not_used():
    code = (
        "import awkward, numba, ragged\n"
        "awkward.__version__ = '2.11.3'\n"
        "try:\n    numba.typeof(ragged.Array([1]))\n"
        "except ragged.MissingBackendError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert "need awkward 2.12 or later" in done.stdout, done.stderr


def test_what_is_differentiated_points_to_the_derivative():
    x = ragged.Array(LISTS)
    with pytest.raises(UnsupportedError, match="custom_vjp"):
        ragged.grad(total_of)(x)
    with pytest.raises(UnsupportedError, match="custom_vjp"):
        ragged.grad(lambda x: numba.njit(lambda v: v * v)(x[0, 0]))(x)
    with pytest.raises(UnsupportedError, match="custom_vjp"):
        ragged.grad(lambda r: numba.njit(lambda r: r.pt)(r))(ragged.Array(EVENTS)[0][0])


def test_a_loop_with_a_derivative_of_its_own():
    @numba.njit
    def running(x):
        out = np.empty(sum([len(row) for row in x]))
        i = 0
        for row in x:
            s = 1.0
            for value in row:
                s *= value
                out[i] = s
                i += 1
        return out

    @numba.njit
    def running_backwards(x, products, g):
        out = np.empty(sum([len(row) for row in x]))
        end = 0
        for i, row in enumerate(x):
            end += len(row)
            s = 0.0
            for j in range(len(row) - 1, -1, -1):
                s += g[i][j] * products[i][j]
                out[end - len(row) + j] = s / row[j]
        return out

    products = ragged.custom_vjp(lambda x: ragged.from_lengths(running(x), ragged.num(x)))

    def backward(residuals, g):
        x, y = residuals
        return (ragged.from_lengths(running_backwards(x, y, g), ragged.num(x)),)

    products.defvjp(lambda x: (products.f(x), (x, products.f(x))), backward)
    x = ragged.Array(LISTS)
    assert products(x).tolist() == [[1.0, 2.0, 6.0], [], [4.0, 20.0]]
    ragged.check_grads(lambda x: ragged.sum(products(ragged.exp(x)) ** 2, axis=1), x, order=1, modes=("reverse",))
