// Whole scans, forward and backward, against plain loops and against differences of the loss.
#include "tests/cells.hpp"
#include "tests/check.hpp"
#include "tests/problem.hpp"

using namespace gatewise;
using namespace gatewise::tests;

namespace {

const std::vector<std::vector<int>> batches = {{1}, {1, 1, 1}, {3, 2, 2, 1}, {15, 15, 4}, {16, 16, 16}, {17, 9, 8, 1, 1}};
const int units[] = {1, 15, 16, 17};

std::shared_ptr<const Program> program(const Codes& codes) { return std::make_shared<Program>(codes.read()); }

// The longest distance between two arrays, where 1 is the largest number of the first.
template <class A, class B>
double distance(const std::vector<A>& expected, const std::vector<B>& found) {
    double most = 1e-300, apart = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        most = std::max(most, std::abs(double(expected[i])));
        const double here = std::abs(double(expected[i]) - double(found[i]));
        apart = here <= apart ? apart : here;  // NaN counts
    }
    return expected.size() == found.size() ? apart / std::max(most, 1.0) : 1.0 / 0.0;
}
template <class A, class B>
double distance(const Arrays<A>& expected, const Arrays<B>& found) {
    double apart = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const double here = distance(expected[i], found[i]);
        apart = here <= apart ? apart : here;
    }
    return apart;
}
template <class A, class B>
double distance(const Outcome<A>& expected, const Outcome<B>& found) {
    double apart = 0.0;
    for (double here : {distance(expected.states, found.states), distance(expected.final, found.final), distance(expected.x, found.x),
                        distance(expected.initial, found.initial), distance(expected.vectors, found.vectors), distance(expected.matrices, found.matrices)})
        apart = here <= apart ? apart : here;
    return apart;
}

// h' = tanh(W x + b + R h), one sequence after the other, as one would write it down.
Outcome<double> loop_of_rnn(const Problem<double>& p) {
    const std::size_t H = p.sizes.widths[0], X = p.sizes.widths[1], steps = p.sizes.batch_sizes.size();
    const std::vector<double>&W = p.matrices[0], &R = p.matrices[1], &b = p.vectors[0];
    Outcome<double> o;
    o.states = {std::vector<double>(p.total * H)}, o.final = {std::vector<double>(p.batch * H)}, o.x.resize(p.total * X);
    o.initial = o.final, o.vectors = {std::vector<double>(H)}, o.matrices = {std::vector<double>(H * X), std::vector<double>(H * H)};
    for (std::size_t sequence = 0; sequence < p.batch; ++sequence) {
        std::vector<std::size_t> rows;  // of this sequence, in the order in which it is read
        std::size_t offset = 0;
        for (std::size_t t = 0; t < steps; offset += p.sizes.batch_sizes[t++])
            if (sequence < std::size_t(p.sizes.batch_sizes[t])) rows.push_back(offset + sequence);
        if (p.sizes.reverse) rows = {rows.rbegin(), rows.rend()};
        Arrays<double> h = {{p.initial[0].begin() + sequence * H, p.initial[0].begin() + (sequence + 1) * H}};
        for (std::size_t row : rows) {
            std::vector<double> next(H);
            for (std::size_t i = 0; i < H; ++i) {
                double sum = b[i];
                for (std::size_t k = 0; k < X; ++k) sum += W[i * X + k] * p.x[row * X + k];
                for (std::size_t k = 0; k < H; ++k) sum += R[i * H + k] * h.back()[k];
                o.states[0][row * H + i] = next[i] = std::tanh(sum);
            }
            h.push_back(next);
        }
        std::copy(h.back().begin(), h.back().end(), o.final[0].begin() + sequence * H);
        std::vector<double> dh(p.final_gradient[0].begin() + sequence * H, p.final_gradient[0].begin() + (sequence + 1) * H);
        for (std::size_t s = rows.size(); s-- > 0;) {
            std::vector<double> before(H, 0.0);
            for (std::size_t i = 0; i < H; ++i) {
                const double y = h[s + 1][i], d = (dh[i] + p.states_gradient[0][rows[s] * H + i]) * (1.0 - y * y);
                o.vectors[0][i] += d;
                for (std::size_t k = 0; k < X; ++k) o.matrices[0][i * X + k] += d * p.x[rows[s] * X + k], o.x[rows[s] * X + k] += d * W[i * X + k];
                for (std::size_t k = 0; k < H; ++k) o.matrices[1][i * H + k] += d * h[s][k], before[k] += d * R[i * H + k];
            }
            dh = before;
        }
        std::copy(dh.begin(), dh.end(), o.initial[0].begin() + sequence * H);
    }
    return o;
}

// Both widths, all batches, both directions, every instruction set, one thread and several.
template <class F>
void every_size(const std::shared_ptr<const Program>& of, F see) {
    for (int h : units)
        for (int x : {h == 1 ? 15 : 1, h})
            for (const auto& batch_sizes : batches)
                for (bool reverse : {false, true}) see(Sizes{std::vector<int>(of->widths.size(), h), batch_sizes, reverse}, x);
}

}  // namespace

TEST(an_rnn_equals_a_plain_loop) {
    const auto rnn = program(plain_rnn());
    every_size(rnn, [&](Sizes sizes, int x) {
        sizes.widths[1] = x;
        const Problem<double> p(rnn, sizes);
        const Problem<float> single(rnn, sizes);
        const Outcome<double> expected = loop_of_rnn(p);
        for (const Kernels* kernels : runnable())
            for (int threads : {1, 3}) {
                const double apart = distance(expected, p.outcome(*kernels, threads));
                CHECK_THAT(apart < 1e-14 * (x + sizes.widths[0]), kernels->name << ", H " << sizes.widths[0] << ", X " << x << ", " << threads << " threads: " << apart);
                const double rounded = distance(expected, single.outcome(*kernels, threads));
                CHECK_THAT(rounded < 1e-5, kernels->name << ", float, H " << sizes.widths[0] << ", X " << x << ": " << rounded);
            }
    });
}

static bool has_corners(const Program& p) {  // whose slope the differences would miss
    for (const Stage& stage : p.step)
        for (const Instruction& i : stage.instructions)
            if (static_cast<Op>(i.operation) == Op::relu) return true;
    return false;
}

// Along one random direction through all that a scan reads, the loss changes as the gradients say.
TEST(gradients_are_slopes_of_the_loss) {
    for (const Cell& cell : cells()) {
        const auto of = program(cell.codes);
        if (has_corners(*of)) continue;
        for (const auto& batch_sizes : batches)
            for (bool reverse : {false, true}) {
                Sizes sizes{{}, batch_sizes, reverse};
                for (std::size_t w = 0; w < of->widths.size(); ++w) sizes.widths.push_back(w % 2 ? 17 : 5);
                Problem<double> p(of, sizes);
                const Outcome<double> found = p.outcome(choose(""), 1);
                Problem<double> way(of, sizes, 2);
                const double slope = p.dot(found.x, way.x) + p.dot(found.initial, way.initial) + p.dot(found.vectors, way.vectors) + p.dot(found.matrices, way.matrices);
                auto moved = [&](double by) {
                    Problem<double> there = p;
                    auto add = [&](std::vector<double>& to, const std::vector<double>& more) {
                        for (std::size_t i = 0; i < to.size(); ++i) to[i] += by * more[i];
                    };
                    auto add_all = [&](Arrays<double>& to, const Arrays<double>& more) {
                        for (std::size_t i = 0; i < to.size(); ++i) add(to[i], more[i]);
                    };
                    add(there.x, way.x), add_all(there.initial, way.initial), add_all(there.vectors, way.vectors), add_all(there.matrices, way.matrices);
                    return there.loss(choose(""));
                };
                const double h = 1e-4;  // five points: the error is of order h^4
                const double measured = (8.0 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12.0 * h);
                CHECK_THAT(std::abs(measured - slope) < 1e-6 * (1.0 + std::abs(slope)), cell.name << ": " << measured << ", but the gradients say " << slope);
            }
    }
}

// The same bits from any number of threads; within rounding from any instruction set, and from float.
TEST(threads_and_instruction_sets_agree) {
    for (const Cell& cell : cells()) {
        const auto of = program(cell.codes);
        for (const auto& batch_sizes : batches) {
            Sizes sizes{{}, batch_sizes, false};
            for (std::size_t w = 0; w < of->widths.size(); ++w) sizes.widths.push_back(w % 2 ? 15 : 33);
            const Problem<double> p(of, sizes);
            const Problem<float> single(of, sizes);
            const Outcome<double> expected = p.outcome(choose("portable"), 1);
            for (const Kernels* kernels : runnable()) {
                const Outcome<double> found = p.outcome(*kernels, 1);
                const Outcome<float> rounded = single.outcome(*kernels, 1);
                CHECK_THAT(distance(expected, found) < 1e-12, cell.name << ", " << kernels->name << ": " << distance(expected, found));
                CHECK_THAT(distance(expected, rounded) < 1e-4, cell.name << ", float, " << kernels->name << ": " << distance(expected, rounded));
                for (int threads : {2, 5}) {
                    CHECK_THAT(p.outcome(*kernels, threads) == found, cell.name << ", " << threads << " threads");
                    CHECK_THAT(single.outcome(*kernels, threads) == rounded, cell.name << ", float, " << threads << " threads");
                }
            }
        }
    }
}

// A forward pass alone, which saves nothing, finds the same states, whatever its threads do first.
TEST(a_forward_pass_alone_finds_the_same_states) {
    for (const Cell& cell : cells()) {
        const auto of = program(cell.codes);
        for (const auto& batch_sizes : batches) {
            const Problem<float> p(of, {std::vector<int>(of->widths.size(), 17), batch_sizes, false});
            Outcome<float> saving;
            Run<float> first = p.run(choose(""), 1);
            p.forward(first, saving);
            for (int threads : {1, 2, 3}) {
                Outcome<float> alone;
                Run<float> scoring = p.run(choose(""), threads, false);
                p.forward(scoring, alone);
                CHECK_THAT(alone.states == saving.states && alone.final == saving.final, cell.name << ", " << threads << " threads");
            }
        }
    }
}

// A backward pass leaves what the forward pass saved as it is.
TEST(a_backward_pass_may_be_repeated) {
    for (const Cell& cell : cells()) {
        const auto of = program(cell.codes);
        const Problem<float> p(of, {std::vector<int>(of->widths.size(), 17), {5, 3, 3, 1}, false});
        Run<float> run = p.run(choose(""), 2);
        Outcome<float> first, second;
        p.forward(run, first), p.backward(run, first);
        p.forward(run, second), p.backward(run, second), p.backward(run, second);
        CHECK_THAT(first == second, cell.name);
        Outcome<float> alone;
        Run<float> scoring = p.run(choose(""), 2, false);
        p.forward(scoring, alone);
        CHECK(refuses<Refusal>([&] { p.backward(scoring, alone); }, "nothing was saved"));
    }
}

// Every buffer that a call needs was kept from the call before.
TEST(a_call_that_is_repeated_asks_for_no_more_memory) {
    for (const Cell& cell : cells()) {
        const auto of = program(cell.codes);
        const Problem<float> p(of, {std::vector<int>(of->widths.size(), 33), std::vector<int>(40, 9), false});
        for (int i = 0; i < 3; ++i) p.outcome(choose(""), 1);
        const std::size_t before = memory_state().fresh;
        for (int i = 0; i < 5; ++i) p.outcome(choose(""), 1);
        CHECK_THAT(memory_state().fresh == before, cell.name << ": " << memory_state().fresh - before << " more");
    }
}

// Null where nobody asks, or where nothing comes: a gradient that does not come counts as zero.
TEST(what_nobody_asks_for_is_not_made) {
    for (const Cell& cell : cells()) {
        const auto of = program(cell.codes);
        Problem<double> p(of, {std::vector<int>(of->widths.size(), 17), {5, 3, 3, 1}, true});
        for (auto& array : p.states_gradient) std::fill(array.begin(), array.end(), 0.0);
        for (auto& array : p.final_gradient) std::fill(array.begin(), array.end(), 0.0);
        for (std::size_t s = 0; s < p.initial.size(); ++s) p.final_gradient[s] = p.some(p.initial[s].size());
        const Outcome<double> all = p.outcome(choose(""), 1);
        Run<double> run = p.run(choose(""), 1);
        Arrays<double> final = p.like(p.initial);
        const std::vector<double*> nobody(p.initial.size(), nullptr);
        run.forward({nobody, pointers(final)});
        CHECK_THAT(final == all.final, cell.name);
        Arrays<double> initial = p.like(p.initial);
        const Arrays<double>& given = p.final_gradient;
        run.backward({std::vector<const double*>(p.initial.size(), nullptr), pointers(given), nullptr, pointers(initial),
                      std::vector<double*>(p.vectors.size(), nullptr), std::vector<double*>(p.matrices.size(), nullptr)});
        CHECK_THAT(initial == all.initial, cell.name << ": gradients of initial states");
    }
}

TEST(sizes_that_do_not_go_together_are_refused) {
    const auto rnn = program(plain_rnn());
    const Problem<float> p(rnn, {{4, 3}, {2, 1}, false});
    auto refused = [&](auto change, const char* text) {
        Given<float> given{p.sizes.widths, p.sizes.batch_sizes, false, 1, false, p.x.data(), pointers(p.initial), pointers(p.vectors), pointers(p.matrices)};
        change(given);
        return refuses<Refusal>([&] { Run<float>(rnn, choose(""), given, true); }, text);
    };
    CHECK(refused([](auto& g) { g.widths.pop_back(); }, "a width is missing"));
    CHECK(refused([](auto& g) { g.widths[0] = 0; }, "a width must be 1 or more"));
    CHECK(refused([](auto& g) { g.batch_sizes = {}; }, "a time step is needed"));
    CHECK(refused([](auto& g) { g.batch_sizes = {2, -1}; }, "a time step is needed"));
    CHECK(refused([](auto& g) { g.batch_sizes = {1, 2}; }, "the longest first"));
    CHECK(refused([](auto& g) { g.initial.clear(); }, "an initial state is missing"));
    CHECK(refused([](auto& g) { g.vectors.clear(); }, "a parameter is missing"));
    CHECK(refused([](auto& g) { g.matrices.pop_back(); }, "a parameter is missing"));
    CHECK(refused([](auto& g) { g.threads = 0; }, "at least one thread"));
    CHECK(refuses<Refusal>([] { choose("another"); }, "cannot run here"));
    const auto gate = program(number_gate());
    const Problem<float> q(gate, {{4, 3, 1}, {2, 1}, false});
    CHECK(refuses<Refusal>(
        [&] { Run<float>(gate, choose(""), {{4, 3, 2}, {2, 1}, false, 1, false, q.x.data(), pointers(q.initial), {}, pointers(q.matrices)}, true); },
        "is not the program's"));
}

MAIN
