// The tiles of AMX, played by arrays: the code that fills them is tested where the processor has none.
#pragma once

#include <cstdint>
#include <cstring>

#include "tests/check.hpp"

namespace gatewise::tests {

struct Tiles {
    struct Shape {
        std::uint8_t palette, start, reserved[14];
        std::uint16_t bytes[16];
        std::uint8_t rows[16];
    };
    Shape shape{};
    unsigned char content[8][16][64];

    void configure(const void* given) {
        static_assert(sizeof(Shape) == 64);
        std::memcpy(&shape, given, sizeof(shape));
        CHECK(shape.palette == 1 && shape.start == 0);
        std::memset(content, 0xff, sizeof(content));
    }
    void release() { shape = {}; }
    void zero(int tile) { std::memset(content[tile], 0, sizeof(content[tile])); }
    void load(int tile, const void* from, long stride) {
        CHECK(shape.rows[tile] > 0 && shape.rows[tile] <= 16 && shape.bytes[tile] <= 64);
        for (int r = 0; r < shape.rows[tile]; ++r) std::memcpy(content[tile][r], static_cast<const char*>(from) + r * stride, shape.bytes[tile]);
    }
    void store(int tile, void* to, long stride) const {
        for (int r = 0; r < shape.rows[tile]; ++r) std::memcpy(static_cast<char*>(to) + r * stride, content[tile][r], shape.bytes[tile]);
    }
    float half(int tile, int row, int place) const {
        std::uint16_t bits;
        std::memcpy(&bits, content[tile][row] + 2 * place, 2);
        const std::uint32_t whole = std::uint32_t(bits) << 16;
        float value;
        std::memcpy(&value, &whole, 4);
        return value;
    }
    void multiply(int to, int a, int b) {  // what the processor refuses is a failure
        CHECK(shape.rows[a] == shape.rows[to] && shape.bytes[b] == shape.bytes[to] && shape.rows[b] == shape.bytes[a] / 4);
        for (int r = 0; r < shape.rows[to]; ++r)
            for (int k = 0; k < shape.bytes[a] / 4; ++k)
                for (int i = 0; i < shape.bytes[to] / 4; ++i) {
                    float sum;
                    std::memcpy(&sum, content[to][r] + 4 * i, 4);
                    sum += half(a, r, 2 * k) * half(b, k, 2 * i);
                    sum += half(a, r, 2 * k + 1) * half(b, k, 2 * i + 1);
                    std::memcpy(content[to][r] + 4 * i, &sum, 4);
                }
    }
};
inline Tiles tiles;

}  // namespace gatewise::tests

#define _tile_loadconfig(given) gatewise::tests::tiles.configure(given)
#define _tile_release() gatewise::tests::tiles.release()
#define _tile_zero(tile) gatewise::tests::tiles.zero(tile)
#define _tile_loadd(tile, from, stride) gatewise::tests::tiles.load(tile, from, stride)
#define _tile_stored(tile, to, stride) gatewise::tests::tiles.store(tile, to, stride)
#define _tile_dpbf16ps(to, a, b) gatewise::tests::tiles.multiply(to, a, b)
