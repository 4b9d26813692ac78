// The matrix tile of every instruction set against three loops.
#include <algorithm>
#include <limits>
#include <random>

#include "isa/isa.hpp"
#include "tests/check.hpp"

using namespace gatewise;

namespace {

template <class T>
struct TileCall {
    std::vector<std::vector<T>> left, right, addends;
    std::vector<T> out, expected, size;  // the sum, and the sum of its terms' sizes

    TileCall(const Kernels& kernels, int rows, int width, const std::vector<int>& depths, bool across, int addend_count, unsigned seed = 1) {
        std::mt19937 random(seed);
        std::uniform_real_distribution<double> between(-1.0, 1.0);
        auto some = [&](std::size_t count) {
            std::vector<T> found(count);
            for (T& number : found) number = T(float(between(random)));
            return found;
        };
        const int out_row = block + 3;
        out.assign(rows * out_row, T(77));
        expected.assign(out.size(), T(77)), size.assign(out.size(), T(0));
        for (int depth : depths) left.push_back(some(across ? depth * block : rows * block)), right.push_back(some(depth * block));
        for (int i = 0; i < addend_count; ++i) addends.push_back(some(i % 2 ? block : rows * block));  // every other one is one row for all
        for (int r = 0; r < rows; ++r)
            for (int i = 0; i < width; ++i) {
                double sum = 0.0, most = 0.0;
                for (int k = 0; k < addend_count; ++k) {
                    const double term = addends[k][(k % 2 ? 0 : r * block) + i];
                    sum += term, most += std::abs(term);
                }
                for (std::size_t c = 0; c < depths.size(); ++c)
                    for (int d = 0; d < depths[c]; ++d) {
                        const double term = double(left[c][across ? d * block + r : r * block + d]) * double(right[c][d * block + i]);
                        sum += term, most += std::abs(term);
                    }
                expected[r * out_row + i] = T(sum), size[r * out_row + i] = T(most);
            }
        std::vector<Chunk<T>> chunks;
        for (std::size_t c = 0; c < depths.size(); ++c) chunks.push_back({left[c].data(), right[c].data(), depths[c]});
        std::vector<const T*> addend;
        std::vector<std::ptrdiff_t> addend_row;
        for (int k = 0; k < addend_count; ++k) addend.push_back(addends[k].data()), addend_row.push_back(k % 2 ? 0 : block);
        kernels.of<T>().multiply({chunks.data(), static_cast<int>(chunks.size()), across, out.data(), out_row, rows, width, addend_count, addend.data(), addend_row.data()});
    }

    bool right_within_rounding() const {
        for (std::size_t i = 0; i < out.size(); ++i)
            if (!(std::abs(out[i] - expected[i]) <= 64 * std::numeric_limits<T>::epsilon() * size[i])) return false;
        return true;
    }
};

template <class T>
void every_shape(const Kernels& kernels) {
    const std::vector<std::vector<int>> depths = {{1}, {16}, {16, 16, 3}, {5, 16}};
    for (int rows = 1; rows <= 40; ++rows)
        for (int width : {1, 7, 15, 16})
            for (const auto& depth : depths)
                for (int addends : {0, 1, 3})
                    CHECK_THAT((TileCall<T>(kernels, rows, width, depth, false, addends).right_within_rounding()), kernels.name << ", " << rows << " rows, " << width << " wide");
    const std::vector<std::vector<int>> steps = {{1}, {2, 1}, {40, 33, 1}};
    for (int rows = 1; rows <= block; ++rows)
        for (int width : {1, 7, 15, 16})
            for (const auto& depth : steps)
                for (int addends : {0, 1})
                    CHECK_THAT((TileCall<T>(kernels, rows, width, depth, true, addends).right_within_rounding()), kernels.name << ", across, " << rows << " rows, " << width << " wide");
}

// A row has the same bits whatever rows are computed beside it.
template <class T>
void rows_do_not_meet(const Kernels& kernels) {
    std::mt19937 random(9);
    std::normal_distribution<T> normal;
    std::vector<T> left(40 * block), right(block * block);
    for (T& number : left) number = normal(random);
    for (T& number : right) number = normal(random);
    auto product = [&](int begin, int rows) {
        std::vector<T> out(rows * block);
        Chunk<T> chunk{left.data() + begin * block, right.data(), block};
        kernels.of<T>().multiply({&chunk, 1, false, out.data(), block, rows, block, 0, nullptr, nullptr});
        return out;
    };
    const std::vector<T> together = product(0, 40);
    for (int begin = 0; begin < 40; begin += 7)
        for (int rows = 1; begin + rows <= 40; rows += 3) {
            const std::vector<T> part = product(begin, rows);
            CHECK_THAT(std::equal(part.begin(), part.end(), together.begin() + begin * block), kernels.name << ", rows " << begin << " to " << begin + rows);
        }
}

// Tiles of one row side by side, and rows that lie further apart than a block, have the bits of a tile by itself; also
// where chunks of a single row are joined, and where the depth is so long that sums begin anew.
template <class T>
void other_layouts(const Kernels& kernels) {
    constexpr int blocks = 41, depth = blocks * block, rows = 30;
    std::mt19937 random(10);
    std::normal_distribution<T> normal;
    std::vector<T> left(rows * depth), right(most_beside * depth * block), addend(most_beside * block);
    for (auto* numbers : {&left, &right, &addend})
        for (T& number : *numbers) number = normal(random);
    const KernelsOf<T>& of = kernels.of<T>();
    const std::ptrdiff_t none = 0;
    std::vector<Chunk<T>> parts[most_beside], joined[most_beside];
    const T* addends[most_beside];
    std::vector<T> alone(most_beside * block), together(most_beside * block), longer(most_beside * block);
    std::vector<Tile<T>> tiles, tiles_of_joined;
    for (int p = 0; p < most_beside; ++p) {
        const T* b = right.data() + p * depth * block;
        for (int u = 0; u < blocks; ++u) parts[p].push_back({left.data() + u * block, b + u * block * block, block});
        for (int d = 0; d < depth; d += depth_at_once) joined[p].push_back({left.data() + d, b + d * block, std::min(depth_at_once, depth - d)});
        addends[p] = addend.data() + p * block;
        tiles.push_back({parts[p].data(), blocks, false, {together.data() + p * block, block, 1, block, p % 2, &addends[p], &none}});
        tiles_of_joined.push_back({joined[p].data(), static_cast<int>(joined[p].size()), false, {longer.data() + p * block, block, 1, block, p % 2, &addends[p], &none}});
        of.multiply({parts[p].data(), blocks, false, {alone.data() + p * block, block, 1, block, p % 2, &addends[p], &none}});
    }
    for (int count = 1; count <= most_beside; ++count) {
        std::fill(together.begin(), together.end(), T(77));
        of.multiply_beside(tiles.data(), count);
        of.multiply_beside(tiles_of_joined.data(), count);
        CHECK_THAT(std::equal(alone.begin(), alone.begin() + count * block, together.begin()), kernels.name << ", " << count << " beside");
        CHECK_THAT(std::equal(alone.begin(), alone.begin() + count * block, longer.begin()), kernels.name << ", " << count << " beside, joined");
    }
    std::vector<T> apart(rows * block), packed(rows * depth), close(rows * block);
    of.multiply({joined[0].data(), static_cast<int>(joined[0].size()), false, {apart.data(), block, rows, block, 0, nullptr, nullptr}, depth});
    std::vector<Chunk<T>> chunks;
    for (int u = 0; u < blocks; ++u) {
        for (int r = 0; r < rows; ++r) std::copy_n(left.data() + r * depth + u * block, block, packed.data() + (u * rows + r) * block);
        chunks.push_back({packed.data() + u * rows * block, right.data() + u * block * block, block});
    }
    of.multiply({chunks.data(), blocks, false, {close.data(), block, rows, block, 0, nullptr, nullptr}});
    CHECK_THAT(apart == close, kernels.name << ", rows apart");
}

}  // namespace

TEST(a_tile_equals_three_loops) {
    for (const Kernels* kernels : runnable()) every_shape<float>(*kernels), every_shape<double>(*kernels);
}

TEST(a_row_of_a_tile_does_not_depend_on_its_neighbours) {
    for (const Kernels* kernels : runnable()) rows_do_not_meet<float>(*kernels), rows_do_not_meet<double>(*kernels);
}

TEST(a_row_has_the_same_bits_in_every_layout) {
    for (const Kernels* kernels : runnable()) other_layouts<float>(*kernels), other_layouts<double>(*kernels);
}

MAIN
