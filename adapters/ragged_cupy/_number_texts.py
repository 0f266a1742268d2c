"""The text of what kernels know of numbers, and of threads (see `_source`)."""

from __future__ import annotations

__all__ = ["NUMBERS"]

NUMBERS = r"""
typedef long long index_t;

#ifdef ON_HOST
#define __device__
#define __global__
#define __shared__ static thread_local
struct Place { unsigned x; };
static thread_local Place blockIdx, gridDim;
extern "C" void set_grid(unsigned blocks) { gridDim.x = blocks; }
#define UNROLLED
#define EACH_BLOCK for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x) {
#define EACH_THREAD for (int tid = 0; tid < BLOCK; ++tid) {
#define END_EACH }
#else
#define UNROLLED _Pragma("unroll")
#define EACH_BLOCK {
#define EACH_THREAD { const int tid = threadIdx.x;
#define END_EACH } __syncthreads();
#endif
#define END_BLOCK }
#define AT_ONCE 8

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
