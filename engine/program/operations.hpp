// The codes of row operations: the same numbers as in gatewise.scan.program.operations, which never change.
#pragma once

namespace gatewise {

enum class Op : int {
    copy = 0, neg = 1, add = 2, sub = 3, mul = 4, div = 5, maximum = 6, minimum = 7,
    greater = 8, greater_equal = 9, equal = 10, select = 11,
    sigmoid = 16, tanh, relu, exp, expm1, log, log1p, sqrt, rsqrt, reciprocal, abs, sign, sin, cos, erf,
    sigmoid_gradient = 48, tanh_gradient = 49, relu_gradient = 50,
    row_sum = 64, row_mean = 65, row_max = 66,
    accumulate = 80,
    chosen = 96,
};

// How many operands an operation reads; 0 for a code that means nothing.
constexpr int sources_of(int code) {
    if (code >= 0 && code <= 1) return 1;
    if (code >= 2 && code <= 10) return 2;
    if (code == 11) return 3;
    if (code >= 16 && code <= 30) return 1;
    if (code >= 48 && code <= 50) return 2;
    if ((code >= 64 && code <= 66) || code == 80) return 1;
    if (code == 96) return 2;
    return 0;
}

constexpr bool is_reduction(int code) { return code >= 64 && code <= 66; }
constexpr bool is_sum(int code) { return code == 80; }
constexpr bool is_choice(int code) { return code == 96; }

}  // namespace gatewise
