"""The text of the kernels that tell elements their rows: numbers, ranges, gathers (see `_source`)."""

from __future__ import annotations

__all__ = ["MOVES"]

MOVES = r"""
// The row, from `low` to `high`, that the element i is in: the last that begins at it or before.
__device__ inline index_t row_of(const index_t* offsets, index_t low, index_t high, index_t i) {
    while (low < high) {
        index_t middle = low + (high - low + 1) / 2;
        if (offsets[middle] <= i) low = middle; else high = middle - 1;
    }
    return low;
}

struct Ids { index_t* out; __device__ void put(index_t i, index_t, index_t row, index_t) const { out[i] = row; } };

struct Positions {
    index_t* out;
    __device__ void put(index_t i, index_t, index_t, index_t begin) const { out[i] = i - begin; }
};

struct Runs {
    const index_t* starts;
    index_t step;
    index_t* out;
    __device__ void put(index_t i, index_t, index_t row, index_t begin) const {
        out[i] = starts[row] + (i - begin) * step;
    }
};

struct Entries {
    const WORD* x;
    index_t inner;
    WORD* out;
    __device__ void put(index_t i, index_t column, index_t row, index_t) const {
        out[i * inner + column] = x[row * inner + column];
    }
};

struct Gathered {
    const WORD* x;
    const index_t* starts;
    index_t step, last, inner;
    WORD* out;
    __device__ void put(index_t i, index_t column, index_t row, index_t begin) const {
        index_t at = starts[row] + (i - begin) * step;
        if (last >= 0 && at > last) at = last;
        out[i * inner + column] = x[at * inner + column];
    }
};

// Each of `total` elements, told the row that it is in; a block looks for its rows first.
template <class To> __device__ void moved(To to, const index_t* offsets, index_t nrows, index_t total, index_t inner) {
    __shared__ index_t ends[2];
    const index_t first = (index_t)blockIdx.x * TILE;
    const index_t count = total - first < TILE ? total - first : TILE;
    EACH_THREAD
        if (tid < 2) ends[tid] = row_of(offsets, 0, nrows - 1, tid ? first + count - 1 : first);
    END_EACH
    EACH_THREAD
        for (index_t j = tid; j < count * inner; j += BLOCK) {
            index_t i = first + (inner == 1 ? j : j / inner);
            index_t row = row_of(offsets, ends[0], ends[1], i);
            to.put(i, inner == 1 ? 0 : j % inner, row, offsets[row]);
        }
    END_EACH
}

extern "C" __global__ void ids(const index_t* offsets, index_t nrows, index_t total, index_t* out) {
    EACH_BLOCK
        Ids to = {out};
        moved(to, offsets, nrows, total, 1);
    END_BLOCK
}

extern "C" __global__ void positions(const index_t* offsets, index_t nrows, index_t total, index_t* out) {
    EACH_BLOCK
        Positions to = {out};
        moved(to, offsets, nrows, total, 1);
    END_BLOCK
}

extern "C" __global__ void ranges(
    const index_t* offsets, index_t nrows, index_t total, const index_t* starts, index_t step, index_t* out
) {
    EACH_BLOCK
        Runs to = {starts, step, out};
        moved(to, offsets, nrows, total, 1);
    END_BLOCK
}

extern "C" __global__ void expand(
    const index_t* offsets, index_t nrows, index_t total, const WORD* x, index_t inner, WORD* out
) {
    EACH_BLOCK
        Entries to = {x, inner, out};
        moved(to, offsets, nrows, total, inner);
    END_BLOCK
}

#ifdef COMBINED
struct WithRow {
    const WORD *x, *entries;
    index_t first;
    WORD* out;
    __device__ void put(index_t i, index_t, index_t row, index_t) const {
        WORD u = x[i], v = entries[row];
        out[i] = first ? COMBINED(v, u) : COMBINED(u, v);
    }
};

extern "C" __global__ void with_row(
    const index_t* offsets, index_t nrows, index_t total, const WORD* x, const WORD* entries, index_t first, WORD* out
) {
    EACH_BLOCK
        WithRow to = {x, entries, first, out};
        moved(to, offsets, nrows, total, 1);
    END_BLOCK
}
#endif

extern "C" __global__ void gather(
    const index_t* offsets, index_t nrows, index_t total, const WORD* x, const index_t* starts, index_t step,
    index_t last, index_t inner, WORD* out
) {
    EACH_BLOCK
        Gathered to = {x, starts, step, last, inner, out};
        moved(to, offsets, nrows, total, inner);
    END_BLOCK
}
"""
