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

constexpr int deep = 4;  // steps of the depth between two tests for its end

template <class T, int R, int Row>
inline __attribute__((always_inline)) void add_products(V<T> (&sum)[R][Vectors<T>::per_block], const T* a, const T* b) {
    constexpr int N = Vectors<T>::per_block, L = Vectors<T>::lanes;
    V<T> right[N];
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) right[v] = load(b + v * L);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
        const V<T> left = all(a[r * Row]);
#pragma GCC unroll 8
        for (int v = 0; v < N; ++v) sum[r][v] += left * right[v];
    }
}

// Sums are put down once, and what they are added to comes last, when registers are free again.
template <class T, int R>
inline __attribute__((always_inline)) void put(const V<T> (&sum)[R][Vectors<T>::per_block], const Target<T>& to, int begin) {
    constexpr int N = Vectors<T>::per_block, L = Vectors<T>::lanes;
    T* out = to.out + begin * to.out_row;
    if (to.addends <= 1 && to.width == block) {
        const T* addend = to.addends ? to.addend[0] + begin * to.addend_row[0] : nullptr;
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r, out += to.out_row)
#pragma GCC unroll 8
            for (int v = 0; v < N; ++v) store<T>(out + v * L, addend ? sum[r][v] + load(addend + r * to.addend_row[0] + v * L) : sum[r][v]);
        return;
    }
    T made[R][block];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < N; ++v) store<T>(made[r] + v * L, sum[r][v]);
    for (int r = 0; r < R; ++r, out += to.out_row) {
        for (int i = 0; i < to.addends; ++i)
            for (int v = 0; v < N; ++v) store<T>(made[r] + v * L, load(made[r] + v * L) + load(to.addend[i] + (begin + r) * to.addend_row[i] + v * L));
        if (to.width == block) std::memcpy(out, made[r], sizeof(made[r]));
        else std::copy_n(made[r], to.width, out);
    }
}

template <class T, int R, int Row, int Step>
__attribute__((noinline)) void tile(const Tile<T>& task, int begin) {
    V<T> sum[R][Vectors<T>::per_block] = {};
    for (const Chunk<T>*chunk = task.chunks, *end = chunk + task.count; chunk != end; ++chunk) {
        const T* a = chunk->a + begin * Row;
        const T* b = chunk->b;
        int d = chunk->depth;
        for (; d >= deep; d -= deep) {
#pragma GCC unroll 8
            for (int i = 0; i < deep; ++i, a += Step, b += block) add_products<T, R, Row>(sum, a, b);
        }
        for (; d > 0; --d, a += Step, b += block) add_products<T, R, Row>(sum, a, b);
    }
    put<T, R>(sum, task.to, begin);
}

template <class T, int R, int Row, int Step>
void tile_of(int rows, const Tile<T>& task, int begin) {  // R rows or fewer
    if constexpr (R == 1) tile<T, 1, Row, Step>(task, begin);
    else if (rows == R) tile<T, R, Row, Step>(task, begin);
    else tile_of<T, R - 1, Row, Step>(rows, task, begin);
}

// Tiles of nearly equal height: one of two rows would leave the multipliers waiting.
template <class F>
inline void each_tile(int rows, int most, F f) {
    const int count = (rows + most - 1) / most;
    for (int i = 0, begin = 0; i < count; ++i) {
        const int end = rows * (i + 1) / count;
        f(begin, end - begin);
        begin = end;
    }
}

constexpr int depth_at_once = 256;  // of a long panel: that much stays in L1 while all tiles read it

template <class T>
void multiply(const Tile<T>& task) {
    if (task.across) {
        each_tile(task.to.rows, most_rows<T>, [&](int begin, int rows) { tile_of<T, most_rows<T>, 1, block>(rows, task, begin); });
        return;
    }
    Tile<T> part = task;
    const T* const begun = task.to.out;
    for (int done = 0; done == 0 || done < task.count; done += part.count) {
        int depth = 0;
        part.chunks = task.chunks + done;
        for (part.count = 0; done + part.count < task.count && depth < depth_at_once; ++part.count) depth += part.chunks[part.count].depth;
        each_tile(task.to.rows, most_rows<T>, [&](int begin, int rows) { tile_of<T, most_rows<T>, block, 1>(rows, part, begin); });
        part.to.addends = 1, part.to.addend = &begun, part.to.addend_row = &task.to.out_row;  // sums go on where they were
        if (task.count == 0) break;
    }
}

template <class T, int R>
__attribute__((noinline)) void row_tile(const RowTile<T>& task, int begin) {
    constexpr int N = Vectors<T>::per_block, L = Vectors<T>::lanes;
    V<T> sum[R][N] = {};
    const T* a[R];
    for (int r = 0; r < R; ++r) a[r] = task.rows + (begin + r) * task.row;
    const T* b = task.panel;
    for (std::ptrdiff_t d = 0; d < task.depth; ++d, b += block) {
        V<T> right[N];
#pragma GCC unroll 8
        for (int v = 0; v < N; ++v) right[v] = load(b + v * L);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            const V<T> left = all(a[r][d]);
#pragma GCC unroll 8
            for (int v = 0; v < N; ++v) sum[r][v] += left * right[v];
        }
    }
    T made[R][block];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < N; ++v) store<T>(made[r] + v * L, sum[r][v]);
    for (int c = 0; c < task.columns; ++c)
        for (int r = 0; r < R; ++r) task.out[c * task.out_column + begin + r] = task.bias ? made[r][c] + task.bias[begin + r] : made[r][c];
}

template <class T, int R>
void row_tile_of(int rows, const RowTile<T>& task, int begin) {  // R rows or fewer
    if constexpr (R == 1) row_tile<T, 1>(task, begin);
    else if (rows == R) row_tile<T, R>(task, begin);
    else row_tile_of<T, R - 1>(rows, task, begin);
}

template <class T>
void multiply_rows(const RowTile<T>& task) {
    each_tile(task.count, most_rows<T>, [&](int begin, int rows) { row_tile_of<T, most_rows<T>>(rows, task, begin); });
}
