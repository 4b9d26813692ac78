// Gradients of matrices: the sum over all rows of left^T right, once the loop is over.
#pragma once

#include "scan/pass.hpp"

namespace gatewise {

// The share of one thread: some bands of each matrix, whole. A band is added up in the order of time, whatever the number
// of threads.
template <class T>
class Run<T>::OuterSums {
  public:
    OuterSums(const Pass& pass, Watch& watch, int thread, int threads) : pass_(pass), run_(pass.run_), watch_(watch), thread_(thread), threads_(threads) {}

    // How many threads have something to do.
    static int threads(const Run& run) {
        int bands = 0;
        for (const Matrix& matrix : run.p_.matrices)
            for (int w : matrix.rows) bands += (run.blocks(w) + blocks_at_once - 1) / blocks_at_once;
        return std::clamp(bands, 1, run.given_.threads);
    }

    void matrix(const Matrix& matrix, T* to) {
        if (!to) return;
        columns_ = 0;
        std::size_t height = 0;
        for (int w : matrix.columns) columns_ += run_.units(w);
        for (int w : matrix.rows) height += run_.units(w);
        if (matrix.gradient.empty()) {
            if (thread_ == 0) std::fill_n(to, height * columns_, T(0));
            return;
        }
        for (first_ = 0; first_ < run_.steps_; first_ = last_) {
            int held = 0;
            for (last_ = first_; last_ < run_.steps_ && (last_ == first_ || held + run_.rows(last_) <= rows_at_once); ++last_) held += run_.rows(last_);
            held_ = held;
            for (std::size_t term = 0; term < matrix.gradient.size(); ++term) {
                add_ = first_ > 0 || term > 0;
                outer(matrix.gradient[term], to);
            }
        }
    }

  private:
    static constexpr int rows_at_once = 128;  // rows of left and right between two visits of a band
    static constexpr int blocks_at_once = 4;  // of a band, which share what is read of the right side

    using Views = std::vector<View<T>>;  // of one value, at each step

    int width(int value) const { return run_.p_.values[value].width; }

    void outer(const Outer& outer, T* to) {
        std::vector<Views> rights;
        for (int right : outer.right) rights.push_back(views(right));
        if (run_.given_.low) pack_rights(outer, rights);
        int band = 0;
        for (int left : outer.left) {
            const int height = run_.units(width(left)), blocks = run_.blocks(width(left));
            const Views lefts = views(left);
            for (int begin = 0; begin < blocks; begin += blocks_at_once) {
                if (band++ % threads_ != thread_) continue;
                watch_.look(thread_);
                multiply_band(outer, lefts, rights, begin, std::min(blocks, begin + blocks_at_once), height, to);
            }
            to += static_cast<std::size_t>(height) * columns_;
        }
    }

    void multiply_band(const Outer& outer, const Views& lefts, const std::vector<Views>& rights, int begin, int end, int height, T* to) {
        if (run_.given_.low) pack_lefts(lefts, begin, end);
        int number = 0;  // of a block of the right side
        for (std::size_t i = 0; i < outer.right.size(); ++i) {
            const int across = run_.units(width(outer.right[i]));
            for (int r = 0; r * block < across; ++r, ++number)
                for (int l = begin; l < end; ++l) {
                    T* out = to + static_cast<std::size_t>(l) * block * columns_ + r * block;
                    const int rows = std::min(block, height - l * block), units = std::min(block, across - r * block);
                    with_target(out, rows, units, [&](const Target<T>& target) {
                        if (run_.given_.low) multiply_low(l - begin, number, target);
                        else multiply(lefts, l, rights[i], r, target);
                    });
                }
            to += across;
        }
    }

    // The last block of a row has fewer than 16 numbers, and what follows it is not ours to read.
    template <class F>
    void with_target(T* out, int rows, int units, F multiply) const {
        T edge[block * block];
        const T* addend = out;
        std::ptrdiff_t row = static_cast<std::ptrdiff_t>(columns_), addend_row = row;
        if (add_ && units < block) {
            for (int r = 0; r < rows; ++r) std::copy_n(out + r * row, units, edge + r * block);
            addend = edge, addend_row = block;
        }
        multiply(Target<T>{out, row, rows, units, add_ ? 1 : 0, &addend, &addend_row});
    }

    void multiply(const Views& lefts, int l, const Views& rights, int r, const Target<T>& target) {
        chunks_.clear();
        for (std::size_t step = 0; step < lefts.size(); ++step) {
            const View<T>&a = lefts[step], &b = rights[step];
            chunks_.push_back({a.base + l * a.unit, b.base + r * b.unit, run_.rows(first_ + static_cast<int>(step))});
        }
        run_.kernels_.multiply({chunks_.data(), static_cast<int>(chunks_.size()), true, target});
    }

    int pieces() const { return (held_ + piece - 1) / piece; }

    void multiply_low(int left, int right, const Target<T>& target) const {
        if constexpr (std::is_same_v<T, float>) {
            const std::size_t size = static_cast<std::size_t>(pieces()) * piece * block;
            if (target.rows == block) run_.low_.multiply({left_.data() + left * size, right_.data() + right * size, pieces(), target});
            else multiply_few(left_.data() + left * size, right_.data() + right * size, target);
        }
    }

    // The last band of a matrix may have fewer rows than are packed: they go through a whole tile.
    void multiply_few(const Low* left, const Low* right, const Target<float>& target) const {
        float whole[block * block];
        run_.low_.multiply({left, right, pieces(), {whole, block, block, block, 0, nullptr, nullptr}});
        for (int r = 0; r < target.rows; ++r)
            for (int i = 0; i < target.width; ++i)
                target.out[r * target.out_row + i] = whole[r * block + i] + (target.addends ? target.addend[0][r * target.addend_row[0] + i] : 0.0f);
    }

    void pack_rights(const Outer& outer, const std::vector<Views>& rights) {
        std::size_t blocks = 0;
        for (int right : outer.right) blocks += run_.blocks(width(right));
        make_room(right_, blocks);
        Low* to = right_.data();
        for (std::size_t i = 0; i < outer.right.size(); ++i)
            for (int r = 0; r < run_.blocks(width(outer.right[i])); ++r) to = pack(rights[i], r, run_.low_.pack_right, to);
    }

    void pack_lefts(const Views& lefts, int begin, int end) {
        make_room(left_, blocks_at_once);
        Low* to = left_.data();
        for (int l = begin; l < end; ++l) to = pack(lefts, l, run_.low_.pack_left, to);
    }

    void make_room(Buffer<Low>& buffer, std::size_t blocks) const {
        const std::size_t needed = blocks * pieces() * piece * block;
        if (buffer.count() < needed) buffer = Buffer<Low>(needed);
    }

    // One block of units at all the steps, 32 rows to a piece.
    Low* pack(const Views& views, int u, void (*kernel)(const float* const*, int, Low*), Low* to) const {
        if constexpr (std::is_same_v<T, float>) {
            const float* rows[piece];
            int count = 0;
            for (std::size_t step = 0; step < views.size(); ++step)
                for (int r = 0; r < run_.rows(first_ + static_cast<int>(step)); ++r) {
                    rows[count++] = views[step].base + u * views[step].unit + r * views[step].row;
                    if (count < piece) continue;
                    kernel(rows, count, to);
                    to += piece * block, count = 0;
                }
            if (count) kernel(rows, count, to), to += piece * block;
        }
        return to;
    }

    Views views(int value) const {
        const Worker nobody{0, 0};
        Views found;
        for (int step = first_; step < last_; ++step) found.push_back(pass_.view(value, step, nobody, 0, 0, 0));
        return found;
    }

    const Pass& pass_;
    const Run& run_;
    Watch& watch_;
    const int thread_, threads_;
    std::size_t columns_ = 0;
    int first_ = 0, last_ = 0, held_ = 0;  // steps, and their rows
    bool add_ = false;
    std::vector<Chunk<T>> chunks_;
    Buffer<Low> left_, right_;
};

}  // namespace gatewise
