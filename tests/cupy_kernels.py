"""The kernels against NumPy, row by row, over the stand-in (or CuPy itself): rows short, long and very unequal, pieces,
groups, masks, places, trailing axes, all dtypes, and that results repeat bit for bit."""

from __future__ import annotations

import itertools

import cupy
import numpy as np

import ragged
from ragged._segments import shared_cotangent
from ragged.registry import get_backend
from ragged.rows import Groups, Ranges, Rows

B = get_backend("cupy")
RNG = np.random.default_rng(7)
LENGTHS = {
    "none": [],
    "empty": [0, 0, 0],
    "short": RNG.integers(0, 5, 700),
    "middling": RNG.integers(0, 90, 60),
    "long": [0, 300, 900, 0, 1100, 5, 256, 255, 257],
    "one of many": [3] * 400 + [5000] + [0, 1, 2] * 100,
    "two": [30000, 41001],
    "one": [70001],
    "mostly none": [0] * 50 + [9000] + [0] * 50,
}
DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
NUMPY = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


def values(dtype, shape):
    if dtype == "bool":
        return RNG.random(shape) < 0.5
    if np.dtype(dtype).kind in "iu":
        info = np.iinfo(dtype)
        return RNG.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    x = RNG.normal(size=shape).round(1) if np.dtype(dtype).kind == "f" else RNG.normal(size=(2, *shape)).round(1)
    return x.astype(dtype) if np.dtype(dtype).kind == "f" else (x[0] + 1j * x[1]).astype(dtype)


def wanted(name, x, parts, identity):
    wide = {"float16": "float64", "float32": "float64", "complex64": "complex128"}.get(x.dtype.name, x.dtype)
    rows = []
    for part in parts:
        chosen = x[part].astype(wide)
        kind = wide if name in ("sum", "prod") else None
        empty = np.full(x.shape[1:], identity, x.dtype)
        rows.append(NUMPY[name].reduce(chosen, axis=0, dtype=kind).astype(x.dtype) if len(chosen) else empty)
    return np.array(rows, x.dtype).reshape(len(parts), *x.shape[1:])


def reductions(x, parts, segments):
    identities = {"sum": 0, "prod": 1, "max": x.dtype.type(3), "min": x.dtype.type(4)}
    for name, identity in identities.items():
        method = getattr(B, f"segment_{name}")
        given = (identity,) if name in ("max", "min") else ()
        found = method(B.asarray(x), segments, *given)
        again = method(B.asarray(x), segments, *given)
        assert B.to_numpy(found).tobytes() == B.to_numpy(again).tobytes(), f"{name} does not repeat"
        close(B.to_numpy(found), wanted(name, x, parts, identity), name)


def close(found, expected, name):
    assert found.dtype == expected.dtype and found.shape == expected.shape, (name, found.dtype, found.shape)
    if found.dtype.kind in "fc" and name in ("sum", "prod"):
        tolerance = {"float16": 2e-3, "float32": 1e-5, "complex64": 1e-4}.get(found.dtype.name, 1e-10)
        if name == "sum" and found.dtype.name == "float32":
            tolerance = np.finfo(np.float32).eps  # added up in double precision
        with np.errstate(all="ignore"):
            far = ~(np.abs(found - expected) <= tolerance * (1 + np.abs(expected)))
        assert not (far & np.isfinite(expected)).any(), name
    else:
        assert np.array_equal(found, expected, equal_nan=found.dtype.kind in "fc"), name


def positions(x, parts, rows):
    for largest in (True, False):
        found = B.to_numpy(B.segment_argmax(B.asarray(x), rows, largest))
        for i, part in enumerate(parts):
            if len(part):
                best = x[part].argmax(axis=0) if largest else x[part].argmin(axis=0)
                assert np.array_equal(found[i], part[0] + best), largest


def same(found, expected):
    return np.array_equal(B.to_numpy(found), expected, equal_nan=expected.dtype.kind in "fc")


def moves(x, rows, lengths):
    repeated = np.repeat(np.arange(len(lengths)), lengths)
    for found, expected in (
        (B.row_ids(rows), repeated),
        (B.row_positions(rows), np.arange(len(repeated)) - np.repeat(np.cumsum([0, *lengths])[:-1], lengths)),
    ):
        assert same(found, expected)
    entries = values(x.dtype.name, (len(lengths), *x.shape[1:]))
    fresh = Rows(B, rows.offsets)
    assert same(B.expand(B.asarray(entries), fresh), entries[repeated])
    assert same(B.repeat(B.asarray(entries), rows.lengths, rows.total), entries[repeated])
    starts = B.to_numpy(rows.starts)
    for step, begins, last in ((1, starts, None), (-1, starts + np.maximum(lengths, 1) - 1, None), (1, starts, 5)):
        run = [begin + step * np.arange(length) for begin, length in zip(begins, lengths, strict=True)]
        index = np.concatenate([np.empty(0, int), *run])
        assert same(B.ranges(B.asarray(begins), fresh, step), index)
        ranges = Ranges(B.asarray(begins), fresh, step, last)
        clipped = index if last is None else np.minimum(index, last)
        assert same(B.take_ranges(B.asarray(x), ranges), x[clipped])


def choices(x):
    """Masks, entries at places, and entries put back there."""
    for mask in (RNG.random(x.shape[0]) < 0.4, np.zeros(x.shape[0], bool), np.ones(x.shape[0], bool)):
        index = B.flatnonzero(B.asarray(mask))
        places = np.flatnonzero(mask)
        assert same(index, places)
        chosen = B.take(B.asarray(x), index)
        assert same(chosen, x[places])
        wanted = np.where(mask.reshape(-1, *(1,) * (x.ndim - 1)), x, x.dtype.type(0))
        assert same(B.segment_sum(chosen, Groups(index, x.shape[0])), wanted)
        assert same(B.segment_sum(chosen, Groups(index, x.shape[0] // 2)), wanted[: x.shape[0] // 2])  # slack
    index = RNG.integers(0, max(x.shape[0], 1), 3 * x.shape[0])
    assert same(B.take(B.asarray(x), B.asarray(index)), x[index])
    assert same(
        B.take(B.asarray(x)[::2], B.asarray(index[index < x.shape[0] // 2])), x[::2][index[index < x.shape[0] // 2]]
    )


def shares(x, parts, rows):
    """What values that are tied get of their row's entry."""
    x, entries = np.round(x), values(x.dtype.name, (len(parts),))
    entries[np.isnan(entries)] = 1
    best = B.segment_max(B.asarray(x), rows, -np.inf)
    wanted = np.zeros_like(x)
    for part, entry in zip(parts, entries, strict=True):
        tied = np.isnan(x[part]) | (x[part] == x[part].max(initial=-np.inf))
        wanted[part[tied]] = entry / x.dtype.type(max(tied.sum(), 1))
    found = B.fused(shared_cotangent, B.asarray(x), rows, best, B.asarray(entries))
    assert same(found, wanted)


def with_rows(x, lengths):
    """Numbers and their row's, in one pass."""
    entries = values(x.dtype.name, (len(lengths),))
    ours, theirs = ragged.from_lengths(B.asarray(x), lengths), ragged.Array(B.asarray(entries))
    repeated = np.repeat(entries, lengths)
    with np.errstate(all="ignore"):
        for name in ("add", "subtract", "multiply", "divide"):
            for found, expected in (
                (getattr(ragged, name)(ours, theirs), getattr(np, name)(x, repeated)),
                (getattr(ragged, name)(theirs, ours), getattr(np, name)(repeated, x)),
            ):
                assert found._backend.name == B.name
                assert same(found.layout.content.data, expected), name


def main():
    count = 0
    for (kind, lengths), dtype, trailing in itertools.product(LENGTHS.items(), DTYPES, ((), (3,))):
        if trailing and kind in ("one", "two"):
            lengths = [each // 3 for each in lengths]
        if len(lengths) > 100 and dtype not in ("float32", "int64", "bool"):
            lengths = lengths[:150]
        lengths = np.array(lengths, np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        parts = [np.arange(i, j) for i, j in itertools.pairwise(offsets)]
        x = values(dtype, (int(offsets[-1]), *trailing))
        if x.dtype.kind in "fc" and x.size:
            x.reshape(-1)[RNG.integers(0, x.size, 1 + x.size // 400)] = np.nan
        rows = Rows(B, B.asarray(offsets))
        with np.errstate(all="ignore"):
            reductions(x, parts, rows)
        positions(x, parts, rows)
        moves(x, rows, lengths)
        choices(x)
        if not trailing and dtype in ("float32", "float64"):
            shares(x, parts, rows)
            if len(lengths) > 1:
                with_rows(x, lengths)
        if kind in ("short", "two", "mostly none"):
            ids = RNG.integers(0, len(lengths) + 1, x.shape[0])
            groups = [np.flatnonzero(ids == i) for i in range(len(lengths))]
            with np.errstate(all="ignore"):
                reductions(x, groups, Groups(B.asarray(ids), len(lengths)))
        count += 1
    launched = set(getattr(cupy, "launched", ()))
    print(count, "arrays;", *sorted(launched))


if __name__ == "__main__":
    main()
