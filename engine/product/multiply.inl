// The matrix tile: included inside the namespace of an instruction set. Each number is one sum in the order of the
// depth, whatever rows are computed beside it: a row has the same bits in any batch.

#if defined(__AVX512F__)
constexpr int registers = 28;
#elif defined(__AVX2__)
constexpr int registers = 12;
#elif defined(__aarch64__)
constexpr int registers = 24;
#else
constexpr int registers = 8;
#endif

template <class T>
constexpr int most_rows = registers / Vectors<T>::per_block > 12 ? 12
                          : registers / Vectors<T>::per_block < 1 ? 1 : registers / Vectors<T>::per_block;

template <class T, int R>
void tile(const Tile<T>& task, int begin) {
    constexpr int N = Vectors<T>::per_block, L = Vectors<T>::lanes;
    V<T> sum[R][N] = {};
    for (int c = 0; c < task.count; ++c) {
        const Chunk<T>& chunk = task.chunks[c];
        const T* a = chunk.a + begin * task.row;
        const T* b = chunk.b;
        for (int d = 0; d < chunk.depth; ++d, a += task.step, b += block) {
            V<T> right[N];
#pragma GCC unroll 8
            for (int v = 0; v < N; ++v) right[v] = load(b + v * L);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
                const V<T> left = all(a[r * task.row]);
#pragma GCC unroll 8
                for (int v = 0; v < N; ++v) sum[r][v] += left * right[v];
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
        T* out = task.out + (begin + r) * task.out_row;
        if (task.width == block) {
#pragma GCC unroll 8
            for (int v = 0; v < N; ++v) store<T>(out + v * L, task.add ? load(out + v * L) + sum[r][v] : sum[r][v]);
        } else {
            for (int i = 0; i < task.width; ++i) out[i] = (task.add ? out[i] : T(0)) + sum[r][i / L][i % L];
        }
    }
}

template <class T, int R>
void rest(const Tile<T>& task, int begin) {  // R rows or fewer
    if constexpr (R > 0) {
        if (task.rows - begin == R) tile<T, R>(task, begin);
        else rest<T, R - 1>(task, begin);
    }
}

template <class T>
void multiply(const Tile<T>& task) {
    constexpr int R = most_rows<T>;
    int begin = 0;
    for (; begin + R <= task.rows; begin += R) tile<T, R>(task, begin);
    rest<T, R - 1>(task, begin);
}
