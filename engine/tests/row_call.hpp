// One instruction on rows of numbers of its own, each operand exactly as long as it may be read.
#pragma once

#include <algorithm>
#include <vector>

#include "isa/isa.hpp"
#include "program/operations.hpp"

namespace gatewise::tests {

template <class T>
class RowCall {
  public:
    static constexpr int levels = 3;  // of a sum

    // Sources beyond the first `own` are one row for all.
    RowCall(const Kernels& kernels, Op operation, int rows, int own = 3, int lanes = block) : kernels_(kernels.of<T>()), rows_(rows), lanes_(lanes) {
        const int count = sources_of(static_cast<int>(operation));
        code_ = {static_cast<std::uint8_t>(operation), static_cast<std::uint8_t>(count), 0, {1, 2, 3}};
        if (is_sum(static_cast<int>(operation))) add_sums((rows + sum_rows - 1) / sum_rows);
        else add(rows, block);
        for (int i = 0; i < count; ++i) add(i < own ? rows : 1, i < own ? block : 0);
    }

    T* target() { return memory_[0].data(); }
    T* source(int number) { return memory_[number + 1].data(); }
    T source(int number, int row, int unit) { return source(number)[row * operands_[number + 1].row + unit]; }
    std::vector<T>& of_source(int number) { return memory_[number + 1]; }
    std::vector<T>& of_target() { return memory_[0]; }

    void run(bool first = true, int full = 0) {
        std::vector<T*> here;
        for (std::size_t i = 0; i < memory_.size(); ++i) here.push_back(operands_[i].base = memory_[i].data());
        kernels_.execute({&code_, 1, operands_.data(), here.data(), 0, rows_, lanes_, first, full, {}});
    }

  private:
    void add(int rows, std::ptrdiff_t row) {
        memory_.emplace_back(static_cast<std::size_t>(rows) * block, T(0));
        operands_.push_back({nullptr, 0, sum_rows * row, row});
    }
    void add_sums(int pairs) {
        memory_.emplace_back(static_cast<std::size_t>(pairs) * levels * block, T(0));
        operands_.push_back({nullptr, 0, levels * block, block});
    }

    const KernelsOf<T>& kernels_;
    int rows_, lanes_;
    Code code_;
    std::vector<std::vector<T>> memory_;
    std::vector<Operand<T>> operands_;
};

}  // namespace gatewise::tests
