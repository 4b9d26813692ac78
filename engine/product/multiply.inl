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

template <class T, int R>
inline __attribute__((always_inline)) void add_products(V<T> (&sum)[R][Vectors<T>::per_block], const T* a, std::ptrdiff_t row, const T* b) {
    constexpr int N = Vectors<T>::per_block, L = Vectors<T>::lanes;
    V<T> right[N];
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) right[v] = load(b + v * L);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
        const V<T> left = all(a[r * row]);
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

template <class T, int R, int Row, int Step>  // a Row of 0: the task says it
__attribute__((noinline)) void tile(const Tile<T>& task, int begin) {
    const std::ptrdiff_t row = Row ? Row : task.row;
    V<T> sum[R][Vectors<T>::per_block] = {};
    for (const Chunk<T>*chunk = task.chunks, *end = chunk + task.count; chunk != end; ++chunk) {
        const T* a = chunk->a + begin * row;
        const T* b = chunk->b;
        int d = chunk->depth;
        for (; d >= deep; d -= deep) {
#pragma GCC unroll 8
            for (int i = 0; i < deep; ++i, a += Step, b += block) add_products<T, R>(sum, a, row, b);
        }
        for (; d > 0; --d, a += Step, b += block) add_products<T, R>(sum, a, row, b);
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

// How many chunks from here on are read at once.
template <class T>
int chunks_at_once(const Tile<T>& task, int from) {
    int count = 0;
    for (int depth = 0; from + count < task.count && depth < depth_at_once; ++count) depth += task.chunks[from + count].depth;
    return count;
}

template <class T>
void multiply(const Tile<T>& task) {
    if (task.across) {
        each_tile(task.to.rows, most_rows<T>, [&](int begin, int rows) { tile_of<T, most_rows<T>, 1, block>(rows, task, begin); });
        return;
    }
    Tile<T> part = task;
    const T* const begun = task.to.out;
    for (int done = 0; done == 0 || done < task.count; done += part.count) {
        part.chunks = task.chunks + done;
        part.count = chunks_at_once(task, done);
        each_tile(task.to.rows, most_rows<T>, [&](int begin, int rows) {
            if (task.row) tile_of<T, most_rows<T>, 0, 1>(rows, part, begin);
            else tile_of<T, most_rows<T>, block, 1>(rows, part, begin);
        });
        part.to.addends = 1, part.to.addend = &begun, part.to.addend_row = &task.to.out_row;  // sums go on where they were
        if (task.count == 0) break;
    }
}

template <class T, int P>
__attribute__((noinline)) void beside(const Tile<T>* tiles) {
    constexpr int N = Vectors<T>::per_block, L = Vectors<T>::lanes;
    V<T> sum[P][1][N] = {};
    for (int c = 0; c < tiles[0].count; ++c) {
        const T *a = tiles[0].chunks[c].a, *b[P];
        for (int p = 0; p < P; ++p) b[p] = tiles[p].chunks[c].b;
        for (std::ptrdiff_t d = 0; d < tiles[0].chunks[c].depth; ++d) {
            const V<T> left = all(a[d]);
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
                for (int v = 0; v < N; ++v) sum[p][0][v] += left * load(b[p] + d * block + v * L);
        }
    }
    for (int p = 0; p < P; ++p) put<T, 1>(sum[p], tiles[p].to, 0);
}

template <class T, int P>
void beside_of(int count, const Tile<T>* tiles) {  // P tiles or fewer
    if constexpr (P == 1) beside<T, 1>(tiles);
    else if (count == P) beside<T, P>(tiles);
    else beside_of<T, P - 1>(count, tiles);
}

// A sum of one row waits for itself at every step of the depth; several of them do not wait for each other.
template <class T>
void multiply_beside(const Tile<T>* tiles, int count) {
    Tile<T> parts[most_beside];
    const T* begun[most_beside];
    for (int p = 0; p < count; ++p) parts[p] = tiles[p], begun[p] = tiles[p].to.out;
    for (int done = 0; done == 0 || done < tiles[0].count; done += parts[0].count) {
        for (int p = 0; p < count; ++p) parts[p].chunks = tiles[p].chunks + done, parts[p].count = chunks_at_once(tiles[0], done);
        beside_of<T, most_beside>(count, parts);
        for (int p = 0; p < count; ++p) parts[p].to.addends = 1, parts[p].to.addend = &begun[p], parts[p].to.addend_row = &tiles[p].to.out_row;
        if (tiles[0].count == 0) break;
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
