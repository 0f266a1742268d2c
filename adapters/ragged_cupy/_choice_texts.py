"""The text of the kernels that choose elements: by a mask, or by their numbers (see `_source`)."""

from __future__ import annotations

__all__ = ["CHOICE"]

CHOICE = r"""
// How many places of each tile are marked.
extern "C" __global__ void marked(const unsigned char* mask, index_t total, index_t* counts) {
    EACH_BLOCK
        __shared__ int found[BLOCK];
        const index_t first = (index_t)blockIdx.x * TILE;
        const int count = total - first < TILE ? (int)(total - first) : TILE;
        EACH_THREAD
            int mine = 0;
            UNROLLED for (int k = 0; k < PER; ++k) {
                const int place = tid + k * BLOCK;
                if (place < count && mask[first + place]) ++mine;
            }
            found[tid] = mine;
        END_EACH
        for (int half = BLOCK / 2; half; half /= 2) {
            EACH_THREAD
                if (tid < half) found[tid] += found[tid + half];
            END_EACH
        }
        EACH_THREAD
            if (tid == 0) counts[blockIdx.x] = found[0];
        END_EACH
    END_BLOCK
}

// The numbers of the marked places, those of a tile from its entry of `begins` on.
extern "C" __global__ void places(const unsigned char* mask, index_t total, const index_t* begins, index_t* out) {
    EACH_BLOCK
        __shared__ unsigned marks[TILE / 4];  // a byte a place, four of which a thread reads at once
        __shared__ unsigned short kept[TILE];
        __shared__ int before[2][BLOCK];
        const index_t first = (index_t)blockIdx.x * TILE;
        const int count = total - first < TILE ? (int)(total - first) : TILE;
        EACH_THREAD
            UNROLLED for (int k = 0; k < PER; ++k) {
                const int place = tid + k * BLOCK;
                ((unsigned char*)marks)[place] = place < count && mask[first + place] ? 1 : 0;
            }
        END_EACH
        EACH_THREAD
            int mine = 0;
            UNROLLED for (int k = 0; k < PER / 4; ++k) mine += marks[tid * (PER / 4) + k] * 0x01010101u >> 24;
            before[0][tid] = mine;
        END_EACH
        int now = 0;
        for (int step = 1; step < BLOCK; step *= 2) {
            EACH_THREAD
                before[1 - now][tid] = before[now][tid] + (tid < step ? 0 : before[now][tid - step]);
            END_EACH
            now = 1 - now;
        }
        EACH_THREAD
            int rank = tid ? before[now][tid - 1] : 0;
            UNROLLED for (int k = 0; k < PER; ++k) {
                const unsigned four = marks[(tid * PER + k) / 4];
                if (four >> k % 4 * 8 & 1) kept[rank++] = (unsigned short)(tid * PER + k);
            }
        END_EACH
        EACH_THREAD
            for (int j = tid; j < before[now][BLOCK - 1]; j += BLOCK) out[begins[blockIdx.x] + j] = first + kept[j];
        END_EACH
    END_BLOCK
}

// Entries of x at `index`, or (`put`) to there: no two to one place, and what is not below `limit` to none.
extern "C" __global__ void take(const index_t* index, index_t total, const WORD* x, index_t inner, WORD* out) {
    EACH_BLOCK
        const index_t first = (index_t)blockIdx.x * TILE, cells = total * inner;
        const index_t end = cells - first < TILE ? cells : first + TILE;
        EACH_THREAD
            for (index_t begin = first + tid; begin < end; begin += AT_ONCE * BLOCK) {
                index_t from[AT_ONCE];
                WORD given[AT_ONCE];
                UNROLLED for (int k = 0; k < AT_ONCE; ++k) {
                    const index_t j = begin + k * BLOCK;
                    if (j < end) from[k] = inner == 1 ? index[j] : index[j / inner] * inner + j % inner;
                }
                UNROLLED for (int k = 0; k < AT_ONCE; ++k) {
                    if (begin + k * BLOCK < end) given[k] = x[from[k]];
                }
                UNROLLED for (int k = 0; k < AT_ONCE; ++k) {
                    if (begin + k * BLOCK < end) out[begin + k * BLOCK] = given[k];
                }
            }
        END_EACH
    END_BLOCK
}

extern "C" __global__ void put(
    const index_t* index, index_t total, const WORD* x, index_t limit, index_t inner, WORD* out
) {
    EACH_BLOCK
        const index_t first = (index_t)blockIdx.x * TILE, cells = total * inner;
        const index_t end = cells - first < TILE ? cells : first + TILE;
        EACH_THREAD
            for (index_t begin = first + tid; begin < end; begin += AT_ONCE * BLOCK) {
                index_t to[AT_ONCE];
                WORD given[AT_ONCE];
                UNROLLED for (int k = 0; k < AT_ONCE; ++k) {
                    const index_t j = begin + k * BLOCK;
                    if (j < end) {
                        to[k] = inner == 1 ? index[j] : index[j / inner] * inner + j % inner;
                        given[k] = x[j];
                    }
                }
                UNROLLED for (int k = 0; k < AT_ONCE; ++k) {
                    if (begin + k * BLOCK < end && to[k] < limit * inner) out[to[k]] = given[k];
                }
            }
        END_EACH
    END_BLOCK
}
"""
