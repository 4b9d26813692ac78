// Products of bfloat16 numbers: included inside the namespace of an instruction set. A processor without such products
// widens the numbers and multiplies in float, to the same sums but for their rounding.

typedef std::uint32_t Bits __attribute__((vector_size(vector_bytes)));
typedef std::uint16_t Halves __attribute__((vector_size(vector_bytes / 2)));

// To the nearest, halves to even; the upper half of each float's bits. NaN stays one.
inline Bits rounded(V<float> x) {
    const Bits bits = (Bits)x;
    const Bits nearest = bits + 0x7fffu + ((bits >> 16) & 1u);
    return (x == x ? nearest : bits | 0x400000u) & 0xffff0000u;
}

constexpr int low_lanes = Vectors<float>::lanes;

// What fills the last block is no number of the row.
void pack_rows(const LowRows& task) {
    for (int r = 0; r < task.rows; ++r) {
        Low* to = task.to + r * piece;
        for (int i = 0; i < task.units; i += low_lanes) {
            const Bits bits = rounded(load(task.from + (i / block) * task.unit + r * block + i % block)) >> 16;
            const Halves halves = __builtin_convertvector(bits, Halves);
            std::memcpy(to + i, &halves, sizeof(halves));
        }
        std::memset(to + task.units, 0, sizeof(Low) * (piece - task.units));
    }
}

void pack_left(const float* const* rows, int count, Low* to) {
    Low there[piece][piece] = {};
    for (int d = 0; d < count; ++d) pack_rows({rows[d], 0, block, 1, there[d]});
    for (int u = 0; u < block; ++u)
        for (int d = 0; d < piece; ++d) to[u * piece + d] = there[d][u];
}

void pack_right(const float* const* rows, int count, Low* to) {
    for (int d = 0; d < piece; d += 2, to += 2 * block)
        for (int i = 0; i < block; i += low_lanes) {
            const Bits even = d < count ? rounded(load(rows[d] + i)) >> 16 : Bits{};
            const Bits odd = d + 1 < count ? rounded(load(rows[d + 1] + i)) : Bits{};
            const Bits both = even | odd;
            std::memcpy(to + 2 * i, &both, sizeof(both));
        }
}

#if defined(__AMX_BF16__)
// product/amx.inl
#elif defined(__AVX512BF16__)
constexpr int most_low_rows = 12;

template <int R>
__attribute__((noinline)) void low_tile(const LowTile& task, int begin) {
    V<float> sum[R][1] = {};
    for (int p = 0; p < task.pieces; ++p) {
        const Low* a = task.a + (static_cast<std::ptrdiff_t>(p) * task.to.rows + begin) * piece;
        const Low* b = task.b + static_cast<std::ptrdiff_t>(p) * piece * block;
        for (int d = 0; d < piece; d += 2, a += 2, b += 2 * block) {
            const __m512i right = _mm512_loadu_si512(b);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
                std::int32_t left;
                std::memcpy(&left, a + r * piece, sizeof(left));
                sum[r][0] = (V<float>)_mm512_dpbf16_ps((__m512)sum[r][0], (__m512bh)_mm512_set1_epi32(left), (__m512bh)right);
            }
        }
    }
    put<float, R>(sum, task.to, begin);
}
#else
constexpr int most_low_rows = registers / Vectors<float>::per_block < 2 ? 1 : registers / Vectors<float>::per_block - 1;

template <int R>
__attribute__((noinline)) void low_tile(const LowTile& task, int begin) {
    constexpr int N = Vectors<float>::per_block;
    V<float> sum[R][N] = {};
    for (int p = 0; p < task.pieces; ++p) {
        const Low* a = task.a + (static_cast<std::ptrdiff_t>(p) * task.to.rows + begin) * piece;
        const Low* b = task.b + static_cast<std::ptrdiff_t>(p) * piece * block;
        for (int d = 0; d < piece; d += 2, a += 2, b += 2 * block) {
            V<float> even[N], odd[N];
#pragma GCC unroll 8
            for (int v = 0; v < N; ++v) {
                Bits both;
                std::memcpy(&both, b + v * 2 * low_lanes, sizeof(both));
                even[v] = (V<float>)(both << 16), odd[v] = (V<float>)(both & 0xffff0000u);
            }
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
                std::uint32_t pair;
                std::memcpy(&pair, a + r * piece, sizeof(pair));
                const Bits both = pair - Bits{};
                const V<float> first = (V<float>)(both << 16), second = (V<float>)(both & 0xffff0000u);
#pragma GCC unroll 8
                for (int v = 0; v < N; ++v) sum[r][v] += first * even[v];
#pragma GCC unroll 8
                for (int v = 0; v < N; ++v) sum[r][v] += second * odd[v];
            }
        }
    }
    put<float, R>(sum, task.to, begin);
}
#endif

#if !defined(__AMX_BF16__)
template <int R>
void low_tile_of(int rows, const LowTile& task, int begin) {  // R rows or fewer
    if constexpr (R == 1) low_tile<1>(task, begin);
    else if (rows == R) low_tile<R>(task, begin);
    else low_tile_of<R - 1>(rows, task, begin);
}

[[maybe_unused]] void multiply_low(const LowTile& task) {
    each_tile(task.to.rows, most_low_rows, [&](int begin, int rows) { low_tile_of<most_low_rows>(rows, task, begin); });
}
#endif
