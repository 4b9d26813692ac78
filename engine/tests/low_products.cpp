// Products of bfloat16 numbers against three loops: of every instruction set, and of AMX's tiles played by arrays.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>

#include "isa/isa.hpp"
#include "tests/simulated_amx.hpp"

namespace gatewise::simulated {
namespace {
#include "row/vector.inl"
#include "product/multiply.inl"
#include "product/bfloat16.inl"
#include "product/amx.inl"
const LowKernels kernels{multiply_in_tiles, pack_rows, pack_left, pack_right};
}  // namespace
}  // namespace gatewise::simulated

using namespace gatewise;

namespace {

struct Named {
    const char* name;
    const LowKernels& low;
};

std::vector<Named> all_kernels() {
    std::vector<Named> found{{"simulated amx", simulated::kernels}};
    for (const Kernels* kernels : runnable()) found.push_back({kernels->name, kernels->low});
    return found;
}

// To the nearest, halves to even, in double: an independent way.
float rounded(float x) {
    if (x != x || std::isinf(x)) return x;
    int exponent;
    const double part = std::frexp(double(x), &exponent);
    const int digits = std::min(8, exponent + 133);  // fewer for numbers below the smallest normal one
    const double scaled = std::ldexp(part, digits);
    const double whole = std::nearbyint(scaled);
    return float(std::ldexp(whole, exponent - digits));
}

float widened(Low bits) {
    const std::uint32_t whole = std::uint32_t(bits) << 16;
    float value;
    std::memcpy(&value, &whole, 4);
    return value;
}

bool same(float a, float b) { return a == b || (a != a && b != b); }

// Rows in blocks of 16 units, as the scan keeps them; what fills the last block is no number of theirs.
std::vector<float> some_rows(int rows, int units, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const int blocks = (units + block - 1) / block;
    std::vector<float> found(static_cast<std::size_t>(blocks) * rows * block, std::numeric_limits<float>::quiet_NaN());
    for (int u = 0; u < units; ++u)
        for (int r = 0; r < rows; ++r) found[(u / block * rows + r) * block + u % block] = normal(random);
    return found;
}

float at(const std::vector<float>& rows_in_blocks, int rows, int r, int u) { return rows_in_blocks[(u / block * rows + r) * block + u % block]; }

void product_is_right(const Named& kernels, int rows, int units, int width, int addends) {
    const std::vector<float> left = some_rows(rows, units, 1), right = some_rows(units, block, 2), more = some_rows(rows, block, 3);
    const int pieces = (units + piece - 1) / piece;
    std::vector<Low> a(static_cast<std::size_t>(pieces) * rows * piece, 0xffff), b(static_cast<std::size_t>(pieces) * piece * block, 0xffff);
    for (int p = 0; p < pieces; ++p) {
        const int here = std::min(piece, units - p * piece);
        kernels.low.pack_rows({left.data() + 2 * p * rows * block, rows * block, here, rows, a.data() + p * rows * piece});
        const float* steps[piece];
        for (int d = 0; d < here; ++d) steps[d] = right.data() + (p * piece + d) * block;
        kernels.low.pack_right(steps, here, b.data() + p * piece * block);
    }
    const int out_row = block + 5;
    std::vector<float> out(rows * out_row, 77.0f);
    const float* const addend[] = {more.data(), more.data()};
    const std::ptrdiff_t addend_row[] = {block, 0};
    kernels.low.multiply({a.data(), b.data(), pieces, {out.data(), out_row, rows, width, addends, addend, addend_row}});
    for (int r = 0; r < rows; ++r)
        for (int i = 0; i < out_row; ++i) {
            double sum = addends > 0 ? more[r * block + i % block] : 0.0, size = std::abs(sum);
            if (addends > 1) sum += more[i % block], size += std::abs(more[i % block]);
            for (int u = 0; u < units; ++u) {
                const double term = double(rounded(at(left, rows, r, u))) * double(rounded(right[u * block + i % block]));
                sum += term, size += std::abs(term);
            }
            const float found = out[r * out_row + i];
            const bool good = i < width ? std::abs(found - sum) <= 64 * std::numeric_limits<float>::epsilon() * size : found == 77.0f;
            CHECK_THAT(good, kernels.name << ", " << rows << " rows, " << units << " units, " << width << " wide: " << found << " for " << sum);
        }
}

}  // namespace

TEST(a_product_equals_three_loops) {
    for (const Named& kernels : all_kernels())
        for (int rows : {1, 2, 5, 6, 12, 13, 16, 17, 31, 32, 33, 48, 50, 64, 65, 130})
            for (int units : {1, 15, 16, 17, 32, 33, 48, 70})
                for (int width : {1, 15, 16})
                    for (int addends : {0, 1, 2}) product_is_right(kernels, rows, units, width, addends);
}

TEST(rows_as_depth_are_packed_in_both_ways) {
    const std::vector<float> rows = some_rows(piece, block, 5);
    const float* places[piece];
    for (int d = 0; d < piece; ++d) places[d] = rows.data() + d * block;
    for (const Named& kernels : all_kernels())
        for (int count : {1, 2, 15, 31, 32}) {
            Low left[piece * block], right[piece * block];
            kernels.low.pack_left(places, count, left);
            kernels.low.pack_right(places, count, right);
            for (int d = 0; d < piece; ++d)
                for (int u = 0; u < block; ++u) {
                    const float expected = d < count ? rounded(places[d][u]) : 0.0f;
                    CHECK_THAT(widened(left[u * piece + d]) == expected, kernels.name << ", left, step " << d << ", unit " << u);
                    CHECK_THAT(widened(right[(d / 2 * block + u) * 2 + d % 2]) == expected, kernels.name << ", right, step " << d << ", unit " << u);
                }
        }
}

TEST(rounding_is_to_the_nearest_and_keeps_what_is_no_number) {
    const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    std::uint32_t odd = 0x7f800001u;  // a NaN that would become infinite if its last digits were cut off
    float quiet;
    std::memcpy(&quiet, &odd, 4);
    std::vector<float> numbers{0.0f, -0.0f, 1.0f, 1.00390625f, 1.01171875f, -1.00390625f, 3.3895e38f, 3.4e38f, inf, -inf, nan, quiet, 1e-40f, -1e-45f, 1.17549435e-38f};
    std::mt19937 random(4);
    while (numbers.size() % block) numbers.push_back(std::ldexp(float(random()), int(random() % 200) - 150));
    for (const Named& kernels : all_kernels())
        for (std::size_t first = 0; first < numbers.size(); first += block) {
            Low low[piece];
            kernels.low.pack_rows({numbers.data() + first, 0, block, 1, low});
            for (int i = 0; i < block; ++i)
                CHECK_THAT(same(widened(low[i]), rounded(numbers[first + i])), kernels.name << ": " << numbers[first + i] << " becomes " << widened(low[i]));
        }
}

TEST(a_row_does_not_depend_on_its_neighbours) {
    const int rows = 70, units = 50, pieces = 2;
    const std::vector<float> left = some_rows(rows, units, 8), right = some_rows(units, block, 9);
    for (const Named& kernels : all_kernels()) {
        std::vector<Low> b(pieces * piece * block);
        for (int p = 0; p < pieces; ++p) {
            const float* steps[piece];
            const int here = std::min(piece, units - p * piece);
            for (int d = 0; d < here; ++d) steps[d] = right.data() + (p * piece + d) * block;
            kernels.low.pack_right(steps, here, b.data() + p * piece * block);
        }
        auto product = [&](int begin, int count) {
            std::vector<Low> a(pieces * count * piece);
            for (int p = 0; p < pieces; ++p)
                kernels.low.pack_rows({left.data() + (2 * p * rows + begin) * block, rows * block, std::min(piece, units - p * piece), count, a.data() + p * count * piece});
            std::vector<float> out(count * block);
            kernels.low.multiply({a.data(), b.data(), pieces, {out.data(), block, count, block, 0, nullptr, nullptr}});
            return out;
        };
        const std::vector<float> together = product(0, rows);
        for (int begin = 0; begin < rows; begin += 9)
            for (int count = 1; begin + count <= rows; count += 5) {
                const std::vector<float> part = product(begin, count);
                CHECK_THAT(std::equal(part.begin(), part.end(), together.begin() + begin * block), kernels.name << ", rows " << begin << " to " << begin + count);
            }
    }
}

MAIN
