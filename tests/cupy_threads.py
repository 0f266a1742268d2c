"""The kernels with a thread for each thread of a block, under ThreadSanitizer: what one thread writes and another reads
with no barrier between them is told, as it would be a race on a GPU.

The sources are those of a GPU but for a few macros: a phase ends at a barrier, and shared memory is static.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from ragged_cupy._source import moving, reducing

if TYPE_CHECKING:
    from pathlib import Path

THREADS = {
    "#define __shared__ static thread_local": "#define __shared__ static",
    "static thread_local Place blockIdx, gridDim;": "static thread_local Place blockIdx; static Place gridDim;",
    "#define EACH_THREAD for (int tid = 0; tid < BLOCK; ++tid) {": "#define EACH_THREAD { const int tid = thread;",
    "#define END_EACH }\n": "#define END_EACH } pthread_barrier_wait(&barrier);\n",
    "#define END_BLOCK }\n": "#define END_BLOCK pthread_barrier_wait(&barrier); }\n",  # one block after the other
}

BEFORE = """
#include <pthread.h>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>
static thread_local int thread;
static pthread_barrier_t barrier;
"""

AFTER = """
typedef std::vector<index_t> Numbers;

static void launch(unsigned blocks, std::function<void()> kernel) {
    gridDim.x = blocks;
    pthread_barrier_init(&barrier, 0, BLOCK);
    std::vector<std::thread> all;
    for (int i = 0; i < BLOCK; ++i) all.emplace_back([=] { thread = i; kernel(); });
    for (auto& each : all) each.join();
    pthread_barrier_destroy(&barrier);
}

static void agree(const char* what, bool same) {
    if (!same) { std::printf("%s is wrong\\n", what); std::exit(1); }
}

// Rows of none to nine; one is long, and empty ones stand at both ends.
static Numbers offsets_of(index_t nrows, index_t longest) {
    Numbers offsets(nrows + 1, 0);
    for (index_t i = 0; i < nrows; ++i) {
        offsets[i + 1] = offsets[i] + (i < 3 || i > nrows - 4 ? 0 : i == nrows / 2 ? longest : (i * 7) % 10);
    }
    return offsets;
}

int main() {
#ifdef LONGEST
    const Numbers offsets = offsets_of(NROWS, LONGEST);
    const index_t nrows = NROWS, total = offsets.back();
#endif
"""

REDUCED = """
    std::vector<STORED> x(total);
    std::vector<OUT> wanted(nrows, 0), out(nrows);
    for (index_t i = 0; i < total; ++i) x[i] = (STORED)(i % 13 - 5);
    for (index_t row = 0; row < nrows; ++row)
        for (index_t i = offsets[row]; i < offsets[row + 1]; ++i) wanted[row] += x[i];
    const index_t group = GROUP;
    launch((nrows * group + BLOCK - 1) / BLOCK, [&] { CALL; });
    agree("a sum", out == wanted);
    const index_t few = 5, from = nrows / 2 - 2;
    const index_t* some = offsets.data() + from;
    std::vector<ACC> parts(few * 4);
    launch(few * 4, [&] { reduce_pieces(x.data(), some, 0, few, 1, 4, parts.data()); });
    launch(few, [&] { finish(x.data(), parts.data(), some, few, 1, 4, 0, 0, 0, out.data() + from); });
    agree("a sum of pieces", out == wanted);
}
"""
NEAR = "reduce_near(x.data(), offsets.data(), nrows, group, 0, 0, 0, out.data())"
FAR = "reduce(x.data(), offsets.data(), 0, nrows, 1, group, 0, 0, 0, out.data())"

TIED = """
    std::vector<STORED> x(total), best(nrows, 4);
    Numbers wanted(nrows, 0), out(nrows);
    for (index_t i = 0; i < total; ++i) x[i] = (STORED)(i % 5);
    for (index_t row = 0; row < nrows; ++row)
        for (index_t i = offsets[row]; i < offsets[row + 1]; ++i) wanted[row] += x[i] == 4;
    launch((nrows + BLOCK - 1) / BLOCK, [&] { ties(x.data(), offsets.data(), best.data(), nrows, 1, out.data()); });
    agree("a number of ties", out == wanted);
}
"""

MOVED = """
    Numbers wanted(total), out(total);
    for (index_t row = 0; row < nrows; ++row)
        for (index_t i = offsets[row]; i < offsets[row + 1]; ++i) wanted[i] = row;
    const unsigned tiles = (total + TILE - 1) / TILE;
    launch(tiles, [&] { ids(offsets.data(), nrows, total, out.data()); });
    agree("a row's number", out == wanted);

    Numbers counts(tiles), begins(tiles, 0), places_wanted;
    std::vector<unsigned char> mask(total);
    for (index_t i = 0; i < total; ++i) if ((mask[i] = i % 3 == 1)) places_wanted.push_back(i);
    launch(tiles, [&] { marked(mask.data(), total, counts.data()); });
    for (unsigned i = 1; i < tiles; ++i) begins[i] = begins[i - 1] + counts[i - 1];
    Numbers index(begins.back() + counts.back());
    launch(tiles, [&] { places(mask.data(), total, begins.data(), index.data()); });
    agree("a place", index == places_wanted);

    std::vector<WORD> x(total), taken(index.size()), back(total, 0);
    for (index_t i = 0; i < total; ++i) x[i] = (WORD)(i + 1);
    const unsigned some = (index.size() + TILE - 1) / TILE;
    launch(some, [&] { take(index.data(), index.size(), x.data(), 1, taken.data()); });
    launch(some, [&] { put(index.data(), index.size(), taken.data(), total, 1, back.data()); });
    for (index_t i = 0; i < total; ++i) agree("an entry put back", back[i] == (i % 3 == 1 ? x[i] : 0));
}
"""

PROGRAMS = {
    "near": (reducing("sum", "float32"), REDUCED, {"NROWS": 300, "LONGEST": 1000, "GROUP": 2, "CALL": NEAR}),
    "near, one long": (reducing("sum", "float32"), REDUCED, {"NROWS": 300, "LONGEST": 6000, "GROUP": 2, "CALL": NEAR}),
    "far": (reducing("sum", "int64"), REDUCED, {"NROWS": 100, "LONGEST": 3000, "GROUP": 8, "CALL": FAR}),
    "ties": (reducing("ties", "float32"), TIED, {"NROWS": 300, "LONGEST": 700}),
    "moves": (moving(8), MOVED, {"NROWS": 900, "LONGEST": 5000}),
}


WITHOUT = {
    "near": ("        }\n    END_EACH\n    for (int half", "        }\n    }\n    for (int half"),
    "near, one long": ("            found[tid] = a;\n        END_EACH", "            found[tid] = a;\n        }"),
    "far": ("        }\n    END_EACH\n    for (int half", "        }\n    }\n    for (int half"),
    "ties": ("long_ones = 0;\n    END_EACH", "long_ones = 0;\n    }"),
    "moves": ("END_EACH\n        now = 1 - now;", "}\n        now = 1 - now;"),
}
"""By program a barrier that is left out."""


def built(path: Path, program: str, change: tuple[str, str] = ("", "")) -> Path:
    """The program of that name, compiled in the folder; `change` replaces one piece of its kernels' text."""
    source, main, constants = PROGRAMS[program]
    assert change[0] in source
    source = source.replace(*change, 1) if change[0] else source
    for old, new in THREADS.items():
        assert old in source, old
        source = source.replace(old, new, 1)
    defined = "".join(f"#define {name} {value}\n" for name, value in constants.items())
    text, out = path / "threads.cpp", path / "threads"
    text.write_text(BEFORE + "#define ON_HOST\n" + source + defined + AFTER + main)
    command = ["g++", "-std=c++14", "-O1", "-g", "-w", "-fsanitize=thread", "-pthread", "-o", str(out), str(text)]
    subprocess.run(command, check=True, capture_output=True)
    return out


def raced(program: Path) -> tuple[int, str]:
    """The status of a compiled program, and what it told."""
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
