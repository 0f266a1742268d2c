"""The text of the kernels that reduce rows (see `_source`)."""

from __future__ import annotations

__all__ = ["REDUCTION"]

REDUCTION = r"""
// One value more for what has been found so far.
__device__ inline ACC merged(const STORED* x, ACC a, ACC b) {
#if defined(OP_SUM) || defined(OP_COUNT) || defined(OP_TIES)
    return added(a, b);
#elif defined(OP_PROD)
    return multiplied(a, b);
#elif defined(OP_MAX)
    return !is_nan(a) && (is_nan(b) || less(a, b)) ? b : a;
#elif defined(OP_MIN)
    return !is_nan(a) && (is_nan(b) || less(b, a)) ? b : a;
#else
    HELD u = Cast<HELD, STORED>::of(x[a]), v = Cast<HELD, STORED>::of(x[b]);
    if (is_nan(u) || is_nan(v)) return is_nan(u) && (!is_nan(v) || a < b) ? a : b;
#if defined(OP_ARGMAX)
    if (less(u, v)) return b;
    if (less(v, u)) return a;
#else
    if (less(v, u)) return b;
    if (less(u, v)) return a;
#endif
    return a < b ? a : b;
#endif
}

// What is reduced to one entry of the result: `count` elements of x from `begin` on, one in `inner`.
struct Elements {
    const STORED* x;
    const index_t *offsets, *order;
    index_t inner, pieces;

    __device__ void span(index_t cell, index_t& begin, index_t& count, index_t& column) const {
        index_t row = cell;
        column = 0;
        if (inner != 1) { row = cell / inner; column = cell % inner; }
        index_t piece = 0;
        if (pieces != 1) { piece = row % pieces; row = row / pieces; }
        begin = offsets[row];
        count = offsets[row + 1] - begin;
        if (pieces != 1) {
            index_t size = (count + pieces - 1) / pieces, first = piece * size;
            begin += first;
            count = first >= count ? 0 : (count - first < size ? count - first : size);
        }
    }
#if defined(OP_ARGMAX) || defined(OP_ARGMIN)
    __device__ ACC load(index_t i, index_t column) const { return (order ? order[i] : i) * inner + column; }
#else
    __device__ ACC of(STORED value, index_t) const { return Cast<ACC, STORED>::of(value); }
    __device__ ACC load(index_t i, index_t column) const {
        return of(x[(order ? order[i] : i) * inner + column], column);
    }
#endif
};

// The same of what was found in the pieces of a row, as many of them as are not empty.
struct Pieces {
    const STORED* x;
    const ACC* parts;
    const index_t* offsets;
    index_t inner, pieces;

    __device__ void span(index_t cell, index_t& begin, index_t& count, index_t& column) const {
        index_t row = cell / inner, length = offsets[row + 1] - offsets[row], size = (length + pieces - 1) / pieces;
        column = cell % inner;
        begin = row * pieces;
        count = length ? (length + size - 1) / size : 0;
    }
    __device__ ACC load(index_t i, index_t column) const { return parts[i * inner + column]; }
};

// Entries of `cells` results, each by `group` threads (a power of two), a long one by all of the block in turn.
template <class Source, class To>
__device__ void reduced(Source s, index_t cells, int group, To nothing, To* out) {
    __shared__ ACC found[BLOCK];
    __shared__ int long_ones;
    const int groups = BLOCK / group;
    const index_t first = (index_t)blockIdx.x * groups, limit = group == BLOCK ? (index_t)1 << 62
        : (group < 4 ? BLOCK : 64 * (index_t)group);
    EACH_THREAD
        if (tid == 0) long_ones = 0;
    END_EACH
    EACH_THREAD
        const index_t cell = first + tid / group;
        const int lane = tid % group;
        if (cell < cells) {
            index_t begin, count, column;
            s.span(cell, begin, count, column);
            if (count > limit) {
                long_ones = 1;
            } else if (lane < count) {
                ACC a = s.load(begin + lane, column);
                for (index_t i = lane + group; i < count; i += group) a = merged(s.x, a, s.load(begin + i, column));
                found[tid] = a;
            }
        }
    END_EACH
    for (int half = group / 2; half; half /= 2) {
        EACH_THREAD
            const index_t cell = first + tid / group;
            const int lane = tid % group;
            if (cell < cells && lane < half) {
                index_t begin, count, column;
                s.span(cell, begin, count, column);
                if (count <= limit && lane + half < count) found[tid] = merged(s.x, found[tid], found[tid + half]);
            }
        END_EACH
    }
    EACH_THREAD
        const index_t cell = first + tid / group;
        if (cell < cells && tid % group == 0) {
            index_t begin, count, column;
            s.span(cell, begin, count, column);
            if (count <= limit) out[cell] = count ? Cast<To, ACC>::of(found[tid]) : nothing;
        }
    END_EACH
    if (!long_ones) return;
    for (int g = 0; g < groups && first + g < cells; ++g) {
        index_t begin, count, column;
        s.span(first + g, begin, count, column);
        if (count <= limit) continue;
        EACH_THREAD
            ACC a = s.load(begin + tid, column);  // the limit is no less than the threads of a block
            for (index_t i = tid + BLOCK; i < count; i += BLOCK) a = merged(s.x, a, s.load(begin + i, column));
            found[tid] = a;
        END_EACH
        for (int half = BLOCK / 2; half; half /= 2) {
            EACH_THREAD
                if (tid < half) found[tid] = merged(s.x, found[tid], found[tid + half]);
            END_EACH
        }
        EACH_THREAD
            if (tid == 0) out[first + g] = Cast<To, ACC>::of(found[0]);
        END_EACH
    }
}

#if !defined(OP_ARGMAX) && !defined(OP_ARGMIN)
// Elements that the block has read already, from `low` on.
template <class Source> struct Near {
    Source s;
    const STORED *x, *stage;
    index_t low;

    __device__ void span(index_t cell, index_t& begin, index_t& count, index_t& column) const {
        s.span(cell, begin, count, column);
    }
    __device__ ACC load(index_t i, index_t column) const { return s.of(stage[i - low], column); }
};

// The same of short rows, one entry each: a block reads those of all of its rows at once, if it has room for them.
template <class Source, class To>
__device__ void reduced_near(Source s, index_t nrows, int group, To nothing, To* out) {
    __shared__ STORED stage[STAGE];
    const int groups = BLOCK / group;
    const index_t first = (index_t)blockIdx.x * groups, last = nrows - first < groups ? nrows : first + groups;
    const index_t low = s.offsets[first], count = s.offsets[last] - low;
    if (count > STAGE) {
        reduced(s, nrows, group, nothing, out);
        return;
    }
    EACH_THREAD
        for (int begin = tid; begin < count; begin += AT_ONCE * BLOCK) {
            STORED given[AT_ONCE];
            UNROLLED for (int k = 0; k < AT_ONCE; ++k) {
                if (begin + k * BLOCK < count) given[k] = s.x[low + begin + k * BLOCK];
            }
            UNROLLED for (int k = 0; k < AT_ONCE; ++k) {
                if (begin + k * BLOCK < count) stage[begin + k * BLOCK] = given[k];
            }
        }
    END_EACH
    Near<Source> near = {s, s.x, stage, low};
    reduced(near, nrows, group, nothing, out);
}
#endif

#ifdef OP_TIES
// Whether elements are the best of their row, or NaN, which wins though it equals nothing.
struct Ties {
    const STORED* x;
    const index_t* offsets;
    const STORED* best;

    __device__ void span(index_t row, index_t& begin, index_t& count, index_t& column) const {
        begin = offsets[row];
        count = offsets[row + 1] - begin;
        column = row;
    }
    __device__ ACC of(STORED value, index_t row) const { return is_nan(value) || value == best[row]; }
    __device__ ACC load(index_t i, index_t row) const { return of(x[i], row); }
};

extern "C" __global__ void ties(
    const STORED* x, const index_t* offsets, const STORED* best, index_t nrows, index_t group, OUT* out
) {
    EACH_BLOCK
        Ties s = {x, offsets, best};
        reduced_near(s, nrows, (int)group, (OUT)0, out);
    END_BLOCK
}
#else
extern "C" __global__ void reduce(
    const STORED* x, const index_t* offsets, const index_t* order, index_t nrows, index_t inner, index_t group,
    double re, double im, index_t whole, OUT* out
) {
    EACH_BLOCK
        Elements s = {x, offsets, order, inner, 1};
        reduced(s, nrows * inner, (int)group, Given<OUT>::of(re, im, whole), out);
    END_BLOCK
}

#if !defined(OP_ARGMAX) && !defined(OP_ARGMIN)
extern "C" __global__ void reduce_near(
    const STORED* x, const index_t* offsets, index_t nrows, index_t group, double re, double im, index_t whole, OUT* out
) {
    EACH_BLOCK
        Elements s = {x, offsets, 0, 1, 1};
        reduced_near(s, nrows, (int)group, Given<OUT>::of(re, im, whole), out);
    END_BLOCK
}
#endif

extern "C" __global__ void reduce_pieces(
    const STORED* x, const index_t* offsets, const index_t* order, index_t nrows, index_t inner, index_t pieces,
    ACC* parts
) {
    EACH_BLOCK
        Elements s = {x, offsets, order, inner, pieces};
        reduced(s, nrows * pieces * inner, BLOCK, ACC(), parts);
    END_BLOCK
}

extern "C" __global__ void finish(
    const STORED* x, const ACC* parts, const index_t* offsets, index_t nrows, index_t inner, index_t pieces,
    double re, double im, index_t whole, OUT* out
) {
    EACH_BLOCK
        Pieces s = {x, parts, offsets, inner, pieces};
        reduced(s, nrows * inner, BLOCK, Given<OUT>::of(re, im, whole), out);
    END_BLOCK
}
#endif
"""
