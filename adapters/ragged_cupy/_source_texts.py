"""The text of what kernels know of numbers, and of the kernels that reduce rows (see `_source`)."""

from __future__ import annotations

__all__ = ["NUMBERS", "REDUCTION"]

NUMBERS = r"""
typedef long long index_t;

#ifdef ON_HOST
#define __device__
#define __global__
#define __shared__ static thread_local
struct Place { unsigned x; };
static thread_local Place blockIdx, gridDim;
extern "C" void set_grid(unsigned blocks) { gridDim.x = blocks; }
#define EACH_BLOCK for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x) {
#define EACH_THREAD for (int tid = 0; tid < BLOCK; ++tid) {
#define END_EACH }
#else
#define EACH_BLOCK {
#define EACH_THREAD { const int tid = threadIdx.x;
#define END_EACH } __syncthreads();
#endif
#define END_BLOCK }

struct Words { unsigned long long low, high; };

struct Half { unsigned short bits; };

template <class R> struct Complex { R re, im; };

#ifdef ON_HOST
__device__ inline float widened(Half x) {
    _Float16 y;
    __builtin_memcpy(&y, &x, 2);
    return (float)y;
}
__device__ inline Half narrowed(double x) {
    _Float16 y = (_Float16)x;
    Half z;
    __builtin_memcpy(&z, &y, 2);
    return z;
}
#else
__device__ inline float widened(Half x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}
__device__ inline Half narrowed(double x) {
    Half y;
    asm("cvt.rn.f16.f64 %0, %1;" : "=h"(y.bits) : "d"(x));
    return y;
}
#endif

template <class To, class From> struct Cast { static __device__ To of(From x) { return (To)x; } };
template <class To> struct Cast<To, Half> { static __device__ To of(Half x) { return (To)widened(x); } };
template <class From> struct Cast<Half, From> { static __device__ Half of(From x) { return narrowed((double)x); } };
template <> struct Cast<Half, Half> { static __device__ Half of(Half x) { return x; } };
template <class A, class B> struct Cast<Complex<A>, Complex<B> > {
    static __device__ Complex<A> of(Complex<B> x) { Complex<A> y = {(A)x.re, (A)x.im}; return y; }
};

template <class T> __device__ inline bool is_nan(T x) { return x != x; }
template <class R> __device__ inline bool is_nan(Complex<R> x) { return x.re != x.re || x.im != x.im; }
template <class T> __device__ inline bool less(T x, T y) { return x < y; }
template <class R> __device__ inline bool less(Complex<R> x, Complex<R> y) {
    return x.re < y.re || (x.re == y.re && x.im < y.im);
}
template <class T> __device__ inline T added(T x, T y) { return x + y; }
__device__ inline bool added(bool x, bool y) { return x || y; }
template <class R> __device__ inline Complex<R> added(Complex<R> x, Complex<R> y) {
    Complex<R> z = {x.re + y.re, x.im + y.im};
    return z;
}
template <class T> __device__ inline T multiplied(T x, T y) { return x * y; }
__device__ inline bool multiplied(bool x, bool y) { return x && y; }
template <class R> __device__ inline Complex<R> multiplied(Complex<R> x, Complex<R> y) {
    Complex<R> z = {x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
    return z;
}
template <class T> struct Given { static __device__ T of(double re, double im, index_t whole) { return (T)whole; } };
template <> struct Given<float> { static __device__ float of(double re, double, index_t) { return (float)re; } };
template <> struct Given<double> { static __device__ double of(double re, double, index_t) { return re; } };
template <> struct Given<Half> { static __device__ Half of(double re, double, index_t) { return narrowed(re); } };
template <class R> struct Given<Complex<R> > {
    static __device__ Complex<R> of(double re, double im, index_t) { Complex<R> z = {(R)re, (R)im}; return z; }
};
"""

REDUCTION = r"""
// One value more for what has been found so far.
__device__ inline ACC merged(const STORED* x, ACC a, ACC b) {
#if defined(OP_SUM) || defined(OP_COUNT)
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
    __device__ ACC load(index_t i, index_t column) const {
        index_t at = (order ? order[i] : i) * inner + column;
#if defined(OP_ARGMAX) || defined(OP_ARGMIN)
        return at;
#else
        return Cast<ACC, STORED>::of(x[at]);
#endif
    }
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
        : (group < 16 ? 1024 : 64 * (index_t)group);
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

extern "C" __global__ void reduce(
    const STORED* x, const index_t* offsets, const index_t* order, index_t nrows, index_t inner, index_t group,
    double re, double im, index_t whole, OUT* out
) {
    EACH_BLOCK
        Elements s = {x, offsets, order, inner, 1};
        reduced(s, nrows * inner, (int)group, Given<OUT>::of(re, im, whole), out);
    END_BLOCK
}

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
"""
