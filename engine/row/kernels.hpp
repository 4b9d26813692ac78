// What an instruction set offers: the row machine and the matrix tile, for float and for double.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gatewise {

constexpr int block = 16;      // units that lie side by side: every row is stored in blocks of 16, the last one padded
constexpr int group_rows = 8;  // rows that one instruction works on at most
constexpr int sum_rows = 2;    // rows that one partial sum adds up; threads begin at multiples of it
constexpr int sum_steps = 8;   // terms of a partial sum before it goes to the next level

// How many levels of a sum are full after a time step: that of every 8th step, the next one at every 64th, and so on. It
// depends on the number of the step alone, so that threads change no bit.
constexpr int full_levels(int step) {
    int found = 0;
    for (int done = step + 1; done % sum_steps == 0; done /= sum_steps) ++found;
    return found;
}

// Levels that the sums over so many time steps need: the last one is never full.
constexpr int sum_levels(int steps) {
    int found = 1;
    for (; steps >= sum_steps; steps /= sum_steps) ++found;
    return found;
}

// One instruction as the row machine reads it; operands are places in a table.
struct Code {
    std::uint8_t operation;
    std::uint8_t count;  // of sources
    std::uint16_t target;
    std::uint16_t sources[3];
};

// Where an operand lies. Strides are in elements: from one block of units to the next, from one pair of rows to the
// next, and from one row to the next within an instruction. A stride of 0 means that all share one place.
// A sum has levels in the place of rows.
template <class T>
struct Operand {
    T* base;
    std::ptrdiff_t unit, pair, row;
};

// Of a long panel: that much stays in L1 while all tiles read it. Sums begin anew where chunks have reached it.
constexpr int depth_at_once = 256;

// A piece of a product's depth: at each step of it b advances by a block.
template <class T>
struct Chunk {
    const T* a;
    const T* b;
    int depth;
};

// Where sums go: out[r][0..width) = sum + addends.
template <class T>
struct Target {
    T* out;
    std::ptrdiff_t out_row;
    int rows, width;
    int addends;
    const T* const* addend;
    const std::ptrdiff_t* addend_row;
};

// The sum over chunks and depth of a[r][d] * b[d][0..16). Rows of a lie `row` apart (0: a block) and its depth side by
// side; where `across`, rows lie side by side and the depth a block apart.
template <class T>
struct Tile {
    const Chunk<T>* chunks;
    int count;
    bool across;
    Target<T> to;
    std::ptrdiff_t row = 0;
};

constexpr int most_beside = 4;  // tiles of one row that are computed side by side

// out[c][r] = bias[r] + the sum over d of rows[r][d] * panel[d][c]: rows of a matrix as they lie in memory, against up to
// 16 columns side by side. The bias may be null.
template <class T>
struct RowTile {
    const T* rows;
    std::ptrdiff_t row;
    const T* panel;
    int depth;
    const T* bias;
    T* out;
    std::ptrdiff_t out_column;
    int count, columns;
};

// Products of bfloat16 numbers, added up in float. The depth comes in pieces of 32 steps, the last one filled with
// zeros: a is [pieces][rows][32], b is [pieces][16 pairs of steps][16][2], which is what tiles of AMX read.
constexpr int piece = 32;
using Low = std::uint16_t;

struct LowTile {
    const Low* a;
    const Low* b;
    int pieces;
    Target<float> to;
};

// Rows of a product's source to its packed form, one piece: `units` of them, in one or two blocks.
struct LowRows {
    const float* from;
    std::ptrdiff_t unit;  // from one block of units to the next
    int units, rows;
    Low* to;
};

struct LowKernels {
    void (*multiply)(const LowTile&);
    void (*pack_rows)(const LowRows&);
    // Up to 32 rows of one block of units, given one by one, where rows are the depth: as a's [16][32] or as b's piece.
    void (*pack_left)(const float* const* rows, int count, Low* to);
    void (*pack_right)(const float* const* rows, int count, Low* to);
};

// Which units keep their old value: those whose hash is below the threshold, 2^32 times their share.
struct Choice {
    std::uint64_t threshold;
    std::uint32_t state;
};

// Where the rows of a task stand, for choices: the numbers are hashed, so that each place has its own.
struct Place {
    const Choice* choices;
    const std::uint32_t* sequences;  // the number of each row's sequence
    std::uint32_t seed, time;
    std::uint32_t unit;  // the first of this block
};

// Instructions over `rows` <= 8 rows of one block of units.
template <class T>
struct Rows {
    const Code* codes;
    int count;
    const Operand<T>* operands;
    T* const* here;  // operands' bases at this block of units
    std::ptrdiff_t pair;  // the pair of rows at which they begin
    int rows;
    int lanes;   // units of this block that are there: 16, but for the last block
    bool first;  // block of units: reductions begin
    int full;    // levels of sums that go up after this time step
    Place place;
};

template <class T>
struct KernelsOf {
    void (*execute)(const Rows<T>&);
    void (*multiply)(const Tile<T>&);
    // The same for up to most_beside tiles of one row whose chunks read the same a.
    void (*multiply_beside)(const Tile<T>* tiles, int count);
    void (*multiply_rows)(const RowTile<T>&);
};

struct Kernels {
    const char* name;
    KernelsOf<float> f32;
    KernelsOf<double> f64;
    LowKernels low;
    template <class T>
    const KernelsOf<T>& of() const;
};
template <>
inline const KernelsOf<float>& Kernels::of<float>() const { return f32; }
template <>
inline const KernelsOf<double>& Kernels::of<double>() const { return f64; }

}  // namespace gatewise
