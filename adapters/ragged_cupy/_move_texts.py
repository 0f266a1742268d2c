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

// What becomes of an element: `at` is read for several of them before any is written.
struct Ids {
    typedef index_t Value;
    index_t* out;
    __device__ Value at(const index_t*, index_t, index_t, index_t row) const { return row; }
};

struct Positions {
    typedef index_t Value;
    index_t* out;
    __device__ Value at(const index_t* offsets, index_t i, index_t, index_t row) const { return i - offsets[row]; }
};

struct Runs {
    typedef index_t Value;
    index_t* out;
    const index_t* starts;
    index_t step;
    __device__ Value at(const index_t* offsets, index_t i, index_t, index_t row) const {
        return starts[row] + (i - offsets[row]) * step;
    }
};

struct Entries {
    typedef WORD Value;
    WORD* out;
    const WORD* x;
    index_t inner;
    __device__ Value at(const index_t*, index_t, index_t column, index_t row) const { return x[row * inner + column]; }
};

struct Gathered {
    typedef WORD Value;
    WORD* out;
    const WORD* x;
    const index_t* starts;
    index_t step, last, inner;
    __device__ Value at(const index_t* offsets, index_t i, index_t column, index_t row) const {
        index_t from = starts[row] + (i - offsets[row]) * step;
        if (last >= 0 && from > last) from = last;
        return x[from * inner + column];
    }
};

#ifdef COMBINED
struct WithRow {
    typedef WORD Value;
    WORD* out;
    const WORD *x, *entries;
    index_t first;
    __device__ Value at(const index_t*, index_t i, index_t, index_t row) const {
        WORD u = x[i], v = entries[row];
        return first ? COMBINED(v, u) : COMBINED(u, v);
    }
};

struct Shares {
    typedef WORD Value;
    WORD* out;
    const WORD *x, *best, *entries;
    const index_t* ties;
    __device__ Value at(const index_t*, index_t i, index_t, index_t row) const {
        WORD u = x[i];
        return u == best[row] || u != u ? (WORD)(entries[row] / ties[row]) : (WORD)0;
    }
};
#endif

// Where a place of the tile is kept: a thread's own PER places and those of its neighbours lie in different banks.
#define KEPT(place) ((place) + (place) / PER)

// Each of `total` elements, told the row that it is in. A block looks for the rows of its first and its last element;
// those between mark the places where they begin, and a running maximum of the marks tells each place its row.
template <class To> __device__ void moved(To to, const index_t* offsets, index_t nrows, index_t total, index_t inner) {
    __shared__ index_t ends[2];
    __shared__ unsigned later[KEPT(TILE)], most[2][BLOCK];
    const index_t first = (index_t)blockIdx.x * TILE;
    const index_t count = total - first < TILE ? total - first : TILE, cells = count * inner;
    EACH_THREAD
        if (tid < 2) ends[tid] = row_of(offsets, 0, nrows - 1, tid ? first + count - 1 : first);
        for (int k = tid; k < KEPT(TILE); k += BLOCK) later[k] = 0;
    END_EACH
    EACH_THREAD
        for (index_t row = ends[0] + 1 + tid; row <= ends[1]; row += BLOCK) {
            const index_t begin = offsets[row];
            if (begin < offsets[row + 1]) later[KEPT((int)(begin - first))] = (unsigned)(row - ends[0]);
        }
    END_EACH
    EACH_THREAD
        unsigned found = 0;
        UNROLLED for (int k = 0; k < PER; ++k) {
            const unsigned mark = later[KEPT(tid * PER + k)];
            if (mark > found) found = mark;
        }
        most[0][tid] = found;
    END_EACH
    int now = 0;
    for (int step = 1; step < BLOCK; step *= 2) {
        EACH_THREAD
            const unsigned mine = most[now][tid], left = tid < step ? 0 : most[now][tid - step];
            most[1 - now][tid] = left > mine ? left : mine;
        END_EACH
        now = 1 - now;
    }
    EACH_THREAD
        unsigned found = tid ? most[now][tid - 1] : 0;
        UNROLLED for (int k = 0; k < PER; ++k) {
            const unsigned mark = later[KEPT(tid * PER + k)];
            if (mark > found) found = mark;
            later[KEPT(tid * PER + k)] = found;
        }
    END_EACH
    EACH_THREAD
        for (index_t begin = tid; begin < cells; begin += AT_ONCE * BLOCK) {
            typename To::Value given[AT_ONCE];
            UNROLLED for (int k = 0; k < AT_ONCE; ++k) {
                const index_t j = begin + k * BLOCK;
                if (j < cells) {
                    const index_t place = inner == 1 ? j : j / inner, column = inner == 1 ? 0 : j % inner;
                    given[k] = to.at(offsets, first + place, column, ends[0] + later[KEPT((int)place)]);
                }
            }
            UNROLLED for (int k = 0; k < AT_ONCE; ++k) {
                const index_t j = begin + k * BLOCK;
                if (j < cells) to.out[first * inner + j] = given[k];
            }
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
        Runs to = {out, starts, step};
        moved(to, offsets, nrows, total, 1);
    END_BLOCK
}

extern "C" __global__ void expand(
    const index_t* offsets, index_t nrows, index_t total, const WORD* x, index_t inner, WORD* out
) {
    EACH_BLOCK
        Entries to = {out, x, inner};
        moved(to, offsets, nrows, total, inner);
    END_BLOCK
}

extern "C" __global__ void gather(
    const index_t* offsets, index_t nrows, index_t total, const WORD* x, const index_t* starts, index_t step,
    index_t last, index_t inner, WORD* out
) {
    EACH_BLOCK
        Gathered to = {out, x, starts, step, last, inner};
        moved(to, offsets, nrows, total, inner);
    END_BLOCK
}

#ifdef COMBINED
extern "C" __global__ void with_row(
    const index_t* offsets, index_t nrows, index_t total, const WORD* x, const WORD* entries, index_t first, WORD* out
) {
    EACH_BLOCK
        WithRow to = {out, x, entries, first};
        moved(to, offsets, nrows, total, 1);
    END_BLOCK
}

extern "C" __global__ void shares(
    const index_t* offsets, index_t nrows, index_t total, const WORD* x, const WORD* best, const WORD* entries,
    const index_t* ties, WORD* out
) {
    EACH_BLOCK
        Shares to = {out, x, best, entries, ties};
        moved(to, offsets, nrows, total, 1);
    END_BLOCK
}
#endif
"""
