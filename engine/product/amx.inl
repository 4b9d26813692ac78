// Products of bfloat16 numbers in the tiles of AMX: included inside the namespace of an instruction set. Up to four tiles
// of 16 rows share what is read of the right side.

struct alignas(64) TileShapes {
    std::uint8_t palette = 1, start = 0, reserved[14] = {};
    std::uint16_t bytes[16] = {};
    std::uint8_t rows[16] = {};
};

// Sums in tiles 0 to 3, the left side in 4, the right side in 5. The last of `count` tiles has `last` rows.
inline void shape_tiles(int last, int count) {
    TileShapes shapes;
    for (int i = 0; i < count; ++i) shapes.bytes[i] = block * sizeof(float), shapes.rows[i] = static_cast<std::uint8_t>(i == count - 1 ? last : 16);
    shapes.bytes[4] = shapes.bytes[6] = piece * sizeof(Low), shapes.rows[4] = 16, shapes.rows[6] = static_cast<std::uint8_t>(last);
    shapes.bytes[5] = 2 * block * sizeof(Low), shapes.rows[5] = piece / 2;
    asm volatile("" ::: "memory");  // the loads below are not known to read memory
    _tile_loadconfig(&shapes);
}

template <int C>  // tiles, of which the last is read through tile 6
void amx_tiles(const LowTile& task, int begin, int rows) {
    shape_tiles(rows - 16 * (C - 1), C);
    _tile_zero(0);
    if constexpr (C > 1) _tile_zero(1);
    if constexpr (C > 2) _tile_zero(2);
    if constexpr (C > 3) _tile_zero(3);
    for (int p = 0; p < task.pieces; ++p) {
        const Low* a = task.a + (static_cast<std::ptrdiff_t>(p) * task.to.rows + begin) * piece;
        _tile_loadd(5, task.b + static_cast<std::ptrdiff_t>(p) * piece * block, 2 * block * sizeof(Low));
        if constexpr (C > 1) {
            _tile_loadd(4, a, piece * sizeof(Low));
            _tile_dpbf16ps(0, 4, 5);
        }
        if constexpr (C > 2) {
            _tile_loadd(4, a + 16 * piece, piece * sizeof(Low));
            _tile_dpbf16ps(1, 4, 5);
        }
        if constexpr (C > 3) {
            _tile_loadd(4, a + 32 * piece, piece * sizeof(Low));
            _tile_dpbf16ps(2, 4, 5);
        }
        _tile_loadd(6, a + 16 * (C - 1) * piece, piece * sizeof(Low));
        if constexpr (C == 1) _tile_dpbf16ps(0, 6, 5);
        if constexpr (C == 2) _tile_dpbf16ps(1, 6, 5);
        if constexpr (C == 3) _tile_dpbf16ps(2, 6, 5);
        if constexpr (C == 4) _tile_dpbf16ps(3, 6, 5);
    }
    alignas(64) float made[C * 16][block];
    _tile_stored(0, made[0], block * sizeof(float));
    if constexpr (C > 1) _tile_stored(1, made[16], block * sizeof(float));
    if constexpr (C > 2) _tile_stored(2, made[32], block * sizeof(float));
    if constexpr (C > 3) _tile_stored(3, made[48], block * sizeof(float));
    asm volatile("" ::: "memory");
    for (int r = 0; r < rows; ++r) {
        V<float> sum[1][Vectors<float>::per_block];
        for (int v = 0; v < Vectors<float>::per_block; ++v) sum[0][v] = load(made[r] + v * Vectors<float>::lanes);
        put<float, 1>(sum, task.to, begin + r);
    }
}

void multiply_in_tiles(const LowTile& task) {
    for (int begin = 0; begin < task.to.rows; begin += 64) {
        const int rows = std::min(64, task.to.rows - begin);
        if (rows > 48) amx_tiles<4>(task, begin, rows);
        else if (rows > 32) amx_tiles<3>(task, begin, rows);
        else if (rows > 16) amx_tiles<2>(task, begin, rows);
        else amx_tiles<1>(task, begin, rows);
    }
    _tile_release();
}
