// Programs of a few cells, written by hand, and those of the registered cells where tests/write_programs.py wrote them.
#pragma once

#include <cstddef>
#include <string>

#include "program/operations.hpp"
#include "tests/codes.hpp"

namespace gatewise::tests {

struct Cell {
    std::string name;
    Codes codes;
};

inline Instruction step(Op operation, int target, std::vector<int> sources) { return {static_cast<int>(operation), target, std::move(sources)}; }

// h' = tanh(W x + b + R h), as gatewise.scan.fused.encode writes it: the numbers pin the encoding.
inline Codes plain_rnn() {
    return {{0x47570001, 0, 12,                               // input, its gradient
             2, -1, -1,                                       // widths: 0 is H, 1 is X
             13, 0, 1, 0, 1, 0, 0, 2, 0, 0, 4, 0, 0,          // values: x, h, dh', b,
             3, 0, 0, 3, 0, 0, 3, 0, 0, 3, 0, 0, 3, 0, 0,     // 4 = W x, 5 = b + 4, 6 = R h, 7 = 5 + 6, 8 = tanh 7,
             3, 0, 0, 8, 0, 0, 3, 0, 0, 3, 1, 0,              // 9 = d 7, 10 = d b, 11 = d h, 12 = d x
             1, 1, 8, 2, 11,                                  // the state: before, after, gradients after and before
             1, 1, 3, 1, 10,                                  // the vector b
             2, 1, 0, 1, 1, 1, 1, 9, 1, 0, 1, 0, 1, 0, 1, 1, 9, 1, 1,  // matrices: W [H, X] and R [H, H]
             0,                                               // once
             1, 1, 0, 0, 1, 4, 1, 0, 1, 2, 5, 2, 3, 4,        // all steps
             1, 1, 1, 0, 1, 6, 1, 1, 2, 2, 7, 2, 5, 6, 17, 8, 1, 7,  // step
             2, 1, 8,                                         // kept
             0,                                               // once, backward
             2, 0, 2, 49, 9, 2, 2, 8, 80, 10, 1, 9, 1, 1, 1, 1, 11, 1, 9, 0,  // step, backward
             1, 1, 0, 1, 1, 12, 1, 9, 0,                      // all steps, backward
             0, 1, 9},                                        // once after, kept
            {}};
}

// h' = tanh(W x + (S x) (V x) + u h), where S x and u h are one number for a whole row: what is 1 wide meets what is
// H wide in one stage, as factor and as addend, in the loop and outside.
inline Codes number_gate() {
    enum { x, h, dh, wx, sx, yx, gx, a, uh, b, out, d, du, back, dsum, dg, dy, dx1, dx2, dx3, dx12, dx, count };
    Program p{};
    p.input = x, p.input_gradient = dx, p.widths = {-1, -1, 1};  // H, X, 1
    p.values.assign(count, {Kind::row, 0, 0, 0});
    p.values[x] = {Kind::input, 1, 0, 0}, p.values[h] = {Kind::state, 0, 0, 0}, p.values[dh] = {Kind::gradient, 0, 0, 0};
    for (int one : {sx, uh, du, dsum}) p.values[one].width = 2;
    for (int of_x : {dx1, dx2, dx3, dx12, dx}) p.values[of_x].width = 1;
    p.states = {{h, out, dh, back}};
    p.matrices = {{{0}, {1}, {{{d}, {x}}}},     // W [H, X]
                  {{2}, {1}, {{{dsum}, {x}}}},  // S [1, X]
                  {{0}, {1}, {{{dy}, {x}}}},    // V [H, X]
                  {{2}, {0}, {{{du}, {h}}}}};   // u [1, H]
    p.all_steps = {{{{0, false, {wx}, {x}}, {1, false, {sx}, {x}}, {2, false, {yx}, {x}}},
                    {step(Op::mul, gx, {sx, yx}), step(Op::add, a, {wx, gx})}}};
    p.step = {{{{3, false, {uh}, {h}}}, {step(Op::add, b, {a, uh}), step(Op::tanh, out, {b})}}};
    p.kept = {h, out, sx, yx};
    p.step_back = {{{}, {step(Op::tanh_gradient, d, {dh, out}), step(Op::row_sum, du, {d})}}, {{{3, true, {back}, {du}}}, {}}};
    p.kept_back = {d, du};
    p.all_steps_back = {{{}, {step(Op::mul, dg, {d, yx}), step(Op::row_sum, dsum, {dg}), step(Op::mul, dy, {d, sx})}},
                        {{{0, true, {dx1}, {d}}, {1, true, {dx2}, {dsum}}, {2, true, {dx3}, {dy}}},
                         {step(Op::add, dx12, {dx1, dx2}), step(Op::add, dx, {dx12, dx3})}}};
    return write(p);
}

#if __has_include("programs.inl")
inline std::vector<Cell> registered_cells() {
    return {
#include "programs.inl"
    };
}
#else
inline std::vector<Cell> registered_cells() { return {}; }
#endif

inline std::vector<Cell> cells() {
    std::vector<Cell> found = registered_cells();
    found.push_back({"a plain RNN by hand", plain_rnn()});
    found.push_back({"a gate of one number by hand", number_gate()});
    return found;
}

}  // namespace gatewise::tests
