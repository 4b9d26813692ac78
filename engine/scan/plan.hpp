// A program made ready to run: its steps grouped by width, and a home for every value.
#pragma once

#include <vector>

#include "program/form.hpp"
#include "row/kernels.hpp"

namespace gatewise {

// Where the numbers of a value lie while a section runs.
enum class Home {
    nowhere,    // not used in this mode
    shared,     // one row for all: constants, parameters, vectors
    input,      // x, in blocks
    before,     // a state before the step
    after,      // the state after it
    carried,    // the gradient that comes from the step after
    handed,     // the gradient that goes to the step before
    stored,     // a row for each sequence and time step
    ahead,      // the same, for the time steps of one chunk: made outside the loop and read there or in the loop, then gone
    passed,     // between stages of one step: a row for each sequence
    tile,       // what a product hands to the instructions of its block of units
    scratch,    // between instructions of one block of units
    sum,        // partial sums, one for each pair of rows
};

// One part of a product: what becomes one value.
struct Part {
    int product;  // its place in Plan::panels
    int target;
    std::vector<int> sources;
    std::vector<int> addends;  // values that are there before the product, to which it is added
};

constexpr int most_addends = 4;

struct Reduction {
    int value, operation, width;  // of what is reduced
};

// The steps of one stage whose results are equally wide: they run block of units by block of units.
struct Group {
    int width;
    std::vector<Part> parts;
    std::vector<Code> codes;
    std::vector<int> operands;  // values, by their place in the codes
    std::vector<Reduction> reductions;
};

using Groups = std::vector<Group>;

struct Steps {
    std::vector<Groups> stages;
    int scratch = 0;  // rows of scratch, each of 8 x 16 numbers
    int tiles = 0;
};

// A matrix, or its transpose, cut into panels for one part of its product.
struct PanelOf {
    int matrix;
    bool transposed;
    int part;
};

struct Plan {
    Plan(const Program& program, bool save);

    const Program& program;
    bool save;  // whether a backward pass will follow
    std::vector<Home> homes;
    std::vector<bool> forward;  // whether the forward part makes a value
    std::vector<int> slot;   // of a value in scratch, tile, passed or ahead: its number there
    std::vector<int> ahead;  // the values of that home
    std::vector<Choice> choices;  // by their numbers in the codes
    std::vector<PanelOf> panels;
    int forward_panels = 0;  // the first ones are read by the forward part
    Steps once, all_steps, step, once_back, step_back, all_steps_back, once_after;
};

}  // namespace gatewise
