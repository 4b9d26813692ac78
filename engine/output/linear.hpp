// The output layer: features times a matrix, a row at a time, so that a row has the same bits in any batch.
#pragma once

#include <cstddef>

#include "isa/isa.hpp"
#include "scan/watch.hpp"

namespace gatewise {

// out[n][v] = bias[v] + the sum over k, in order, of features[n][k] * weight[v][k]; all row-major and whole.
template <class T>
struct Linear {
    const T* features;  // [rows, depth]
    const T* weight;    // [units, depth]
    const T* bias;      // [units], or null
    T* out;             // [rows, units]
    std::size_t rows, depth, units;
};

// Throws Stopped when `stop` says so.
template <class T>
void run_linear(const Kernels& kernels, const Linear<T>& task, int threads, const Stop& stop);

}  // namespace gatewise
