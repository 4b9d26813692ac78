// What both directions share: homes of values as memory, panels of matrices, and the running of stages.
#pragma once

#include <algorithm>
#include <cstring>

#include "program/operations.hpp"
#include "scan/run.hpp"

namespace gatewise {

// Where the rows of one value lie at one time step.
template <class T>
struct View {
    T* base;
    std::ptrdiff_t unit, pair, row;
    T* rows_from(int block_of_units, int r) const { return base + block_of_units * unit + r * row; }
};

// One part of a product at one time step: from where to where.
template <class T>
struct Run<T>::Ready {
    View<T> to, addend[most_addends];
    const T* from[most_addends];              // the addends at the block of units that is worked on
    std::ptrdiff_t from_row[most_addends];
    std::vector<Chunk<T>> chunks{};  // of the sources, in float or double
    const Low* low = nullptr;        // the sources, packed
    std::size_t depth = 0;           // steps of a panel's depth, or pieces of it
};

template <class T>
struct Run<T>::Worker {  // what belongs to one thread
    int begin, end;      // rows
    Watch* watch = nullptr;
    int thread = 0;
    void look() const {
        if (watch) watch->look(thread);
    }
    Buffer<T> scratch{}, tiles{};
    std::vector<std::vector<Operand<T>>> operands{};  // for each time step of a chunk
    std::vector<std::vector<T*>> here{};
    std::vector<int> shifts{}, ends{};    // of those steps: rows of a tile before each, and where its rows end
    std::vector<Ready> ready{};           // each part at each of them
    std::vector<Buffer<T>> ahead{};       // what is made for the time steps of a chunk
    int first = 0;                        // of those steps
    std::vector<std::size_t> before{};    // rows of the chunk before each of them
    std::vector<Buffer<Low>> packed{};    // sources of products of bfloat16 numbers
};

template <class T>
class Run<T>::Pass {
    struct Shape;  // of a part's matrix

  public:
    explicit Pass(const Run& run, const Pass* forward = nullptr) : run_(run), p_(run.p_), plan_(run.plan_), forward_(forward) {
        shared_.resize(p_.values.size());
        stored_.resize(p_.values.size());
    }

    const Run& run_;
    const Program& p_;
    const Plan& plan_;
    const Pass* forward_;  // the forward pass, for a backward one
    std::vector<Buffer<T>> shared_, stored_, passed_, sums_;
    Panels<T> panels_;  // unless they are kept
    std::vector<Buffer<T>> slots_;             // of each state
    std::vector<Buffer<T>> carried_[2];        // of each state
    Buffer<T> x_;
    int parity_ = 0;
    bool after_loop_ = false;

    const T* shared(int v) const { return shared_[v] ? shared_[v].data() : forward_ ? forward_->shared(v) : nullptr; }
    T* stored(int v) const { return stored_[v] ? stored_[v].data() : forward_->stored(v); }

    // A value as it is at a step of the loop; parity says which of two buffers carries gradients.
    View<T> view(int v, int step, const Worker& worker, int tile_rows, std::ptrdiff_t tile_shift, int parity) const {
        const int w = p_.values[v].width;
        const bool one = p_.widths[w] == 1;
        auto rows = [&](T* base, std::ptrdiff_t unit) { return View<T>{base, one ? 0 : unit, sum_rows * block, block}; };
        switch (plan_.homes[v]) {
            case Home::shared: return {const_cast<T*>(shared(v)), one ? 0 : block, 0, 0};
            case Home::sum:
                if (after_loop_) return {shared_[v].data(), one ? 0 : block, 0, 0};
                return {sums_[v].data(), one ? 0 : block, static_cast<std::ptrdiff_t>(sum_levels(run_.steps_) * run_.padded(w)), static_cast<std::ptrdiff_t>(run_.padded(w))};
            case Home::input: return rows(input() + run_.offsets_[run_.time(step)] * run_.padded(w), run_.rows(step) * block);
            case Home::stored: return rows(stored(v) + run_.offsets_[run_.time(step)] * run_.padded(w), run_.rows(step) * block);
            case Home::ahead: {
                const std::ptrdiff_t own = std::min(worker.end, run_.rows(step)) - worker.begin;
                return rows(worker.ahead[plan_.slot[v]].data() + worker.before[step - worker.first] * run_.padded(w) - worker.begin * block, own * block);
            }
            case Home::before: return slot(state_before(v), step, one);
            case Home::after: return slot(run_.state_after_[v], step + 1, one);
            case Home::carried: return rows(carried_[parity][state_gradient(v)].data(), run_.batch_ * block);
            case Home::handed: return rows(carried_[1 - parity][run_.state_handed_[v]].data(), run_.batch_ * block);
            case Home::passed: return rows(passed_[plan_.slot[v]].data(), run_.batch_ * block);
            case Home::tile:
                return {worker.tiles.data() + (plan_.slot[v] * tile_rows + tile_shift) * block - worker.begin * block, 0, sum_rows * block, block};
            case Home::scratch: return {worker.scratch.data() + plan_.slot[v] * group_rows * block, 0, 0, block};
            case Home::nowhere: break;
        }
        throw Refusal("a value has no home");
    }

    View<T> slot(int state, int step, bool one) const {
        const Pass& owner = forward_ ? *forward_ : *this;
        const std::size_t padded = run_.padded(p_.values[p_.states[state].before].width);
        return {owner.slots_[state].data() + run_.slots_[step] * padded, one ? 0 : run_.slot_rows_[step] * block, sum_rows * block, block};
    }

    T* input() const { return forward_ ? forward_->x_.data() : x_.data(); }
    int state_before(int v) const {
        for (std::size_t s = 0; s < p_.states.size(); ++s)
            if (p_.states[s].before == v) return static_cast<int>(s);
        return -1;
    }
    int state_gradient(int v) const {
        for (std::size_t s = 0; s < p_.states.size(); ++s)
            if (p_.states[s].gradient_after == v) return static_cast<int>(s);
        return -1;
    }

    // Rows of a row-major array to blocks, and back; a value that is 1 wide fills its block.
    void pack(const T* from, int width, const View<T>& to, int begin, int end) const {
        const int units = run_.units(width);
        const bool one = p_.widths[width] == 1;
        for (int r = begin; r < end; ++r)
            for (int u = 0; u * block < units; ++u) {
                T* out = to.rows_from(u, r);
                const T* in = from + static_cast<std::size_t>(r) * units + u * block;
                const int lanes = std::min(block, units - u * block);
                for (int i = 0; i < lanes; ++i) out[i] = in[i];
                for (int i = lanes; i < block; ++i) out[i] = one ? in[0] : T(0);
            }
    }
    void unpack(const View<T>& from, int width, T* to, int begin, int end) const { unpack(from, width, to, begin, end, run_.units(width)); }
    void unpack(const View<T>& from, int width, T* to, int begin, int end, std::size_t row) const {
        const int units = run_.units(width);
        for (int r = begin; r < end; ++r)
            for (int u = 0; u * block < units; ++u)
                std::memcpy(to + r * row + u * block, from.rows_from(u, r), sizeof(T) * std::min(block, units - u * block));
    }
    void copy(const View<T>& from, const View<T>& to, int width, int begin, int end) const {
        for (int u = 0; u < run_.blocks(width); ++u)
            for (int r = begin; r < end; ++r) std::memcpy(to.rows_from(u, r), from.rows_from(u, r), sizeof(T) * block);
    }

    // Room for one thread, with the chunks of the section outside the loop.
    void make_worker(Worker& worker, const Steps& loop, const Steps& all, const std::vector<std::vector<int>>& chunks) const {
        std::size_t most = worker.end - worker.begin;
        for (const auto& times : chunks) most = std::max(most, open_chunk(worker, times));
        worker.scratch = Buffer<T>(static_cast<std::size_t>(std::max({loop.scratch, all.scratch, 1})) * group_rows * block);
        worker.tiles = Buffer<T>(std::max({loop.tiles * static_cast<std::size_t>(worker.end - worker.begin), all.tiles * most, std::size_t(1)}) * block);
        for (int v : plan_.ahead) worker.ahead.emplace_back(plan_.forward[v] == !forward_ ? most * run_.padded(p_.values[v].width) : 0);
    }

    // What is made ahead belongs to these time steps from now on; returns how many rows of them are the thread's.
    std::size_t open_chunk(Worker& worker, const std::vector<int>& times) const {
        worker.first = times.front();
        worker.before.clear();
        std::size_t rows = 0;
        for (int step : times) {
            worker.before.push_back(rows);
            rows += std::max(0, std::min(worker.end, run_.rows(step)) - worker.begin);
        }
        return rows;
    }

    void make_passed(std::initializer_list<const Steps*> sections) {
        std::vector<std::size_t> sizes;
        for (const Steps* steps : sections)
            for (const Groups& stage : steps->stages)
                for (const Group& g : stage) {
                    for (int v : g.operands) note_passed(v, sizes);
                    for (const Part& part : g.parts) note_passed(part.target, sizes);
                }
        for (std::size_t i = 0; i < sizes.size(); ++i) passed_.emplace_back(sizes[i] * run_.batch_);
    }
    void note_passed(int v, std::vector<std::size_t>& sizes) const {
        if (plan_.homes[v] != Home::passed) return;
        const std::size_t slot = plan_.slot[v];
        if (sizes.size() <= slot) sizes.resize(slot + 1, 0);
        sizes[slot] = std::max(sizes[slot], run_.padded(p_.values[v].width));
    }

    // Numbers that are the same for all rows.
    void make_shared(int v, const T* from) {
        const int w = p_.values[v].width, units = run_.units(w);
        shared_[v] = Buffer<T>(run_.padded(w));
        T* to = shared_[v].data();
        for (int i = 0; i < units; ++i) to[i] = from[i];
        for (std::size_t i = units; i < run_.padded(w); ++i) to[i] = p_.widths[w] == 1 ? from[0] : T(0);
    }

    // A section of numbers that are the same for all rows: one row.
    void run_once(const Steps& steps) {
        Worker worker{0, 1};
        for (const Groups& stage : steps.stages)
            for (const Group& g : stage) {
                for (const Code& code : g.codes) {
                    const int v = g.operands[code.target];
                    if (!shared_[v]) shared_[v] = Buffer<T>(run_.padded(p_.values[v].width));
                }
                std::vector<Operand<T>> operands;
                for (int v : g.operands) {
                    View<T> at = view(v, 0, worker, 0, 0, 0);
                    operands.push_back({at.base, at.unit, 0, 0});
                }
                std::vector<T*> here(operands.size());
                for (int u = 0; u < run_.blocks(g.width); ++u) {
                    for (std::size_t i = 0; i < operands.size(); ++i) here[i] = operands[i].base + u * operands[i].unit;
                    execute(g, operands.data(), here.data(), u, 0, 1, 0);
                }
                for (const Reduction& reduction : g.reductions) join(reduction, view(reduction.value, 0, worker, 0, 0, 0), 0, 1);
            }
    }

    void execute(const Group& g, const Operand<T>* operands, T* const* here, int u, int begin, int rows, int step) const {
        const int lanes = std::min(block, run_.units(g.width) - u * block);
        run_.kernels_.execute({g.codes.data(), static_cast<int>(g.codes.size()), operands, here, begin / sum_rows, rows, lanes, u == 0, full_levels(step), place(u, begin, step)});
    }

    Place place(int u, int begin, int step) const {
        const auto& given = run_.given_;
        const std::uint32_t* sequences = given.sequences.empty() ? nullptr : given.sequences.data() + begin;
        return {plan_.choices.data(), sequences, given.seed, given.start + static_cast<std::uint32_t>(run_.time(step)), static_cast<std::uint32_t>(u * block)};
    }

    // The lanes of a reduction become one number, which fills its block.
    void join(const Reduction& reduction, const View<T>& at, int begin, int end) const {
        for (int r = begin; r < end; ++r) {
            T* row = at.rows_from(0, r);
            for (int half = block / 2; half > 0; half /= 2)  // in pairs: sums round less than one by one
                for (int i = 0; i < half; ++i) {
                    const T other = row[i + half];
                    if (static_cast<Op>(reduction.operation) == Op::row_max) row[i] = other != other || other > row[i] ? other : row[i];
                    else row[i] += other;
                }
            const T found = static_cast<Op>(reduction.operation) == Op::row_mean ? row[0] / T(run_.units(reduction.width)) : row[0];
            std::fill(row, row + block, found);
        }
    }

    // Products: scan/products.cpp.
    void make_panels(int begin, int end);
    void drop_panels() { panels_ = {}; }
    const Panels<T>& panels() const { return run_.given_.kept ? run_.given_.kept->panels : panels_; }
    void prepare_products(const Group& g, Worker& worker, const std::vector<int>& times, int parity, int tile_rows) const;
    void multiply(const Group& g, Worker& worker, int u, std::size_t count) const;  // one block of units at `count` time steps

    // The stages of a section at some steps of the loop, for the rows of one thread.
    void run(const Steps& steps, Worker& worker, const std::vector<int>& times, int parity) const {
        for (const Groups& stage : steps.stages)
            for (const Group& g : stage) run(g, worker, times, parity);
    }

    void run(const Group& g, Worker& worker, const std::vector<int>& times, int parity) const {
        const std::size_t count = times.size();
        worker.operands.resize(std::max(worker.operands.size(), count));
        worker.here.resize(std::max(worker.here.size(), count));
        int tile_rows = 0;
        worker.shifts.resize(count), worker.ends.resize(count);
        for (std::size_t t = 0; t < count; ++t) {
            worker.ends[t] = std::min(worker.end, run_.rows(times[t]));
            worker.shifts[t] = tile_rows;
            tile_rows += std::max(0, worker.ends[t] - worker.begin);
        }
        const std::vector<int>&shifts = worker.shifts, &ends = worker.ends;
        for (std::size_t t = 0; t < count; ++t) {
            worker.operands[t].clear();
            for (int v : g.operands) {
                View<T> at = view(v, times[t], worker, tile_rows, shifts[t], parity);
                worker.operands[t].push_back({at.base, at.unit, at.pair, at.row});
            }
            worker.here[t].resize(g.operands.size());
        }
        prepare_products(g, worker, times, parity, tile_rows);
        for (int u = 0; u < run_.blocks(g.width); ++u) {
            worker.look();
            multiply(g, worker, u, count);
            if (g.codes.empty()) continue;
            for (std::size_t t = 0; t < count; ++t) {
                std::vector<T*>& here = worker.here[t];
                for (std::size_t i = 0; i < here.size(); ++i) here[i] = worker.operands[t][i].base + u * worker.operands[t][i].unit;
                for (int r = worker.begin; r < ends[t]; r += group_rows)
                    execute(g, worker.operands[t].data(), here.data(), u, r, std::min(group_rows, ends[t] - r), times[t]);
            }
        }
        for (const Reduction& reduction : g.reductions)
            for (std::size_t t = 0; t < count; ++t)
                join(reduction, view(reduction.value, times[t], worker, tile_rows, shifts[t], parity), worker.begin, std::max(worker.begin, ends[t]));
    }

    // Whether groups hand something on: there is room for one time step of it.
    bool passes(const Steps& steps) const {
        for (const Groups& stage : steps.stages)
            for (const Group& g : stage)
                for (int v : g.operands)
                    if (plan_.homes[v] == Home::passed) return true;
        return false;
    }

    // Time steps whose rows are worked on together outside the loop, so that a panel is read once for many rows.
    std::vector<std::vector<int>> chunks_of_steps(const Steps& steps, int rows) const {
        std::vector<std::vector<int>> found;
        int held = 0;
        const bool alone = steps.stages.size() > 1 || passes(steps);
        for (int step = 0; step < run_.steps_; ++step) {
            if (found.empty() || alone || held + run_.rows(step) > rows) found.emplace_back(), held = 0;
            found.back().push_back(step);
            held += run_.rows(step);
        }
        return found;
    }

  private:
    Shape shape(const PanelOf& of) const;
    Buffer<T> panel(const PanelOf& of) const;
    Buffer<Low> low_panel(const PanelOf& of) const;
    void multiply(const Part& part, Ready& ready, int u, int begin, int end) const;
    bool single_rows(const Group& g, const Worker& worker, std::size_t count) const;
    void multiply_steps(const Part& part, Ready* steps, int u, int count) const;
    void multiply_one_row(const Group& g, std::size_t first, std::size_t end, Worker& worker, int u, std::size_t t, std::size_t count) const;
    Target<T> aim(const Part& part, Ready& ready, int u, int begin, int end) const;
    Tile<T> tile(const Part& part, Ready& ready, int u, const Target<T>& target) const;
    void spread(const Part& part, const View<T>& to, int begin, int end) const;
    const Low* pack_sources(const std::vector<int>& sources, Worker& worker, std::size_t place, int step, int tile_rows, int shift, int parity) const;
    int pieces(const std::vector<int>& sources) const {
        int found = 0;
        for (int source : sources) found += (run_.units(p_.values[source].width) + piece - 1) / piece;
        return found;
    }
};

}  // namespace gatewise
