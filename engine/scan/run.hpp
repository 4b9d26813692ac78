// The only time loop: a program over whole sequences, forward and backward.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "isa/isa.hpp"
#include "scan/memory.hpp"
#include "scan/plan.hpp"
#include "scan/watch.hpp"

namespace gatewise {

// Matrices, or their transposes, as the tiles read them: one entry for each of Plan::panels.
template <class T>
struct Panels {
    std::vector<Buffer<T>> full;
    std::vector<Buffer<Low>> low;
};

// Panels of matrices that do not change: the first forward pass makes them, those after it read them. For passes of one
// program without a backward pass, with the same matrices, widths, instruction set and kind of products.
template <class T>
struct Kept {
    std::once_flag made;
    Panels<T> panels;
};

// What a scan reads. Every array is row-major and whole; rows of x lie time step after time step, the longest
// sequences first.
template <class T>
struct Given {
    std::vector<int> widths;       // units of each width of the program
    std::vector<int> batch_sizes;  // sequences at each time step, never growing
    bool reverse;                  // time runs backwards, each sequence from its own end
    int threads;
    bool low;                      // products of bfloat16 numbers
    const T* x;                    // [N, X]
    std::vector<const T*> initial;   // [B, width] of each state
    std::vector<const T*> vectors;   // [sum of parts]
    std::vector<const T*> matrices;  // [sum of rows, sum of columns]; must stay until the last backward pass
    std::vector<std::uint32_t> sequences = {};  // [B] the number of each, for a program that chooses units; else empty
    std::uint32_t seed = 0, start = 0;          // of its choices; the number of the first time step
    Kept<T>* kept = nullptr;                    // null: panels are this scan's own
};

// What a forward pass fills.
template <class T>
struct Found {
    std::vector<T*> states;  // [N, width] after every step; null where nobody asks
    std::vector<T*> final;   // [B, width]
    std::size_t row = 0;     // numbers from one row of the states to the next; 0: their width
};

// What a backward pass reads and fills; null where there is nothing, or nobody asks.
template <class T>
struct Gradients {
    std::vector<const T*> states;  // [N, width]
    std::vector<const T*> final;   // [B, width]
    T* x;
    std::vector<T*> initial, vectors, matrices;
};

template <class T>
class Run {
  public:
    // Throws Refusal for sizes that do not go together.
    Run(std::shared_ptr<const Program> program, const Kernels& kernels, Given<T> given, bool save);
    ~Run();

    // Both throw Stopped when `stop` says so; a run that was stopped in its forward pass is of no more use.
    void forward(const Found<T>& found, const Stop& stop = {});
    void backward(const Gradients<T>& gradients, const Stop& stop = {}) const;  // any number of times, after forward
    int threads() const { return static_cast<int>(splits_.size()) - 1; }        // that it can keep busy

  private:
    class Pass;
    class Ahead;
    class Back;
    class OuterSums;
    struct Ready;
    struct Worker;

    int units(int width) const { return given_.widths[width]; }
    int blocks(int width) const { return (units(width) + block - 1) / block; }
    std::size_t padded(int width) const { return static_cast<std::size_t>(blocks(width)) * block; }
    int time(int step) const { return given_.reverse ? steps_ - 1 - step : step; }
    int rows(int step) const { return given_.batch_sizes[time(step)]; }

    void check() const;
    void lay_out();
    void split_rows();
    void prepare(Pass& pass) const;

    std::shared_ptr<const Program> program_;
    const Program& p_;
    const KernelsOf<T>& kernels_;
    const LowKernels& low_;
    Given<T> given_;
    Plan plan_;
    int steps_ = 0, batch_ = 0;
    std::size_t total_ = 0;             // N
    std::vector<std::size_t> offsets_;  // of each time step's rows
    std::vector<std::size_t> slots_;    // rows before each step's states
    std::vector<int> slot_rows_;
    std::vector<int> splits_;           // rows of each thread
    std::vector<int> state_after_, state_handed_;  // value -> the first state that it becomes, or -1
    std::unique_ptr<Pass> pass_;        // what the forward pass left
};

template <class T>
using Runs = std::vector<std::unique_ptr<Run<T>>>;

// The forward passes of runs that do not wait for each other: the directions of a layer, of equal batches.
template <class T>
void forward_all(const Runs<T>& runs, const std::vector<Found<T>>& found, int threads, const Stop& stop = {});

}  // namespace gatewise
