// The step program: one time step of a recurrent cell, forward and backward, as data.
//
// The same form as gatewise.scan.program.form in Python, read from a flat array of integers (program/read.cpp) and
// checked before anything runs (program/check.cpp). Nothing here knows a cell.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace gatewise {

// What a caller did wrong: a damaged program, sizes that do not go together.
struct Refusal : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class Kind : int { input, state, gradient, row, parameter, constant, size, vector, sum };
constexpr int kinds = 9;

struct Value {
    Kind kind;
    int width;      // index of the width in Program::widths
    double number;  // of a constant
    int name;       // of a size: the width whose units it counts
};

struct Instruction {
    int operation;  // the code in gatewise.scan.program.operations
    int target;
    std::vector<int> sources;
};

struct Product {
    int matrix;
    bool transposed;
    std::vector<int> targets, sources;
};

struct Stage {
    std::vector<Product> products;
    std::vector<Instruction> instructions;
};

using Section = std::vector<Stage>;

struct State {
    int before, after, gradient_after, gradient_before;
};

struct Vector {
    std::vector<int> parts, gradients;
};

struct Outer {
    std::vector<int> left, right;
};

struct Matrix {
    std::vector<int> rows, columns;  // widths
    std::vector<Outer> gradient;
};

struct Program {
    int input, input_gradient;
    std::vector<int> widths;  // a fixed number of units, or -1 for one that the caller gives
    std::vector<Value> values;
    std::vector<State> states;
    std::vector<Vector> vectors;
    std::vector<Matrix> matrices;
    Section once, all_steps, step;                          // forward
    std::vector<int> kept;                                  // by the forward part
    Section once_back, step_back, all_steps_back, once_after;  // backward
    std::vector<int> kept_back;

    bool row_kind(int value) const {  // a number for each sequence, not one for all
        Kind kind = values[value].kind;
        return kind == Kind::input || kind == Kind::state || kind == Kind::gradient || kind == Kind::row;
    }
};

// Reads what gatewise.scan.engine.encode wrote. Throws Refusal for anything else.
Program read_program(const std::int32_t* codes, std::size_t count, const double* numbers, std::size_t number_count);

// Refuses a program that would read or write what is not there, whatever the sizes it is run at.
void check_program(const Program& program);

}  // namespace gatewise
