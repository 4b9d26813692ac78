// A program that is damaged is refused, or is a program all the same: then it runs within its memory.
#include <climits>
#include <ctime>

#include "tests/cells.hpp"
#include "tests/check.hpp"
#include "tests/problem.hpp"

using namespace gatewise;
using namespace gatewise::tests;

namespace {

int accepted = 0, refused = 0;

// Reads it from memory of its own length; if it is a program, runs it both ways.
void try_to_run(const Codes& damaged, bool run = true) {
    std::shared_ptr<const Program> program;
    try {
        program = std::make_shared<const Program>(damaged.read());
    } catch (const Refusal&) {
        ++refused;
        return;
    }
    ++accepted;
    for (int units : program->widths) run = run && units <= 64;  // damage may have made a width large
    if (!run) return;
    Sizes sizes{{}, {3, 3, 2}, accepted % 2 == 0};
    for (std::size_t w = 0; w < program->widths.size(); ++w) sizes.widths.push_back(w % 2 ? 3 : 17);
    const Problem<float> problem(program, sizes);
    problem.outcome(choose(""), 1);
    Outcome<float> alone;
    Run<float> scoring = problem.run(choose("portable"), 2, false);
    problem.forward(scoring, alone);
}

bool reads(const Codes& codes) {
    return !refuses<Refusal>([&] { codes.read(); });
}

Program rnn() { return plain_rnn().read(); }

// Whether the check refuses the RNN after a change, with these words.
template <class F>
bool refused_after(F change, const char* words) {
    Program changed = rnn();
    change(changed);
    return refuses<Refusal>([&] { write(changed).read(); }, words);
}

}  // namespace

TEST(a_program_is_read_as_it_was_written) {
    for (const Cell& cell : cells()) {
        CHECK_THAT(reads(cell.codes), cell.name);
        const Codes again = write(cell.codes.read());
        CHECK_THAT(again.codes == cell.codes.codes, cell.name);
        CHECK_THAT(again.numbers == cell.codes.numbers, cell.name);
    }
}

TEST(every_prefix_is_refused) {
    for (const Cell& cell : cells()) {
        for (std::size_t count = 0; count < cell.codes.codes.size(); ++count) {
            const Codes part{{cell.codes.codes.begin(), cell.codes.codes.begin() + count}, cell.codes.numbers};
            CHECK_THAT(refuses<Refusal>([&] { part.read(); }), cell.name << ", its first " << count << " integers");
        }
        Codes longer = cell.codes;
        longer.codes.push_back(0);
        CHECK_THAT(refuses<Refusal>([&] { longer.read(); }, "something follows it"), cell.name);
        if (cell.codes.numbers.empty()) continue;
        Codes poorer = cell.codes;
        poorer.numbers.pop_back();
        CHECK_THAT(refuses<Refusal>([&] { poorer.read(); }, "a constant has no number"), cell.name);
    }
}

TEST(extreme_integers_do_no_harm) {
    accepted = refused = 0;
    const std::vector<Cell> all = cells();
    for (std::size_t c = 0; c < all.size(); c += c < 2 ? 1 : 8) {  // those by hand, and a few more
        const Cell& cell = all[all.size() - 1 - c];
        for (std::size_t place = 0; place < cell.codes.codes.size(); ++place)
            for (std::int32_t number : {INT_MIN, -65'536, -1, 0, 1, 63, 65'535, 65'536, INT_MAX}) {
                Codes damaged = cell.codes;
                damaged.codes[place] = number;
                try_to_run(damaged, number >= 0 && number < 256);
            }
    }
    CHECK_THAT(accepted > 100 && refused > 1'000, accepted << " accepted, " << refused << " refused");  // the damage reaches both
}

TEST(random_damage_does_no_harm) {
    std::mt19937 random(7);
    const std::vector<Cell> all = cells();
    accepted = refused = 0;
    const int trials = 10'000;
    for (int trial = 0; trial < trials; ++trial) {
        Codes damaged = all[trial % all.size()].codes;
        std::vector<std::int32_t>& codes = damaged.codes;
        auto somewhere = [&] { return codes.begin() + random() % codes.size(); };
        for (int times = 1 + trial % 3; times > 0; --times) switch (random() % 6) {
                case 0: *somewhere() ^= std::int32_t(1) << random() % 32; break;
                case 1: *somewhere() = static_cast<std::int32_t>(random() % 80); break;
                case 2: *somewhere() = *somewhere(); break;
                case 3: *somewhere() += random() % 2 ? 1 : -1; break;
                case 4: std::swap(*somewhere(), *somewhere()); break;
                case 5: random() % 2 ? void(codes.erase(somewhere())) : void(codes.insert(somewhere(), random() % 16)); break;
            }
        try_to_run(damaged);
    }
    CHECK_THAT(accepted > 200, accepted);
    std::printf("of %d damaged programs %d were refused, %d ran\n", trials, refused, accepted);
}

// The time of the check grows with the program, not with its square.
TEST(a_large_program_is_checked_at_once) {
    Program large = rnn();
    large.values.resize(60'000, {Kind::constant, 2, 1.0, 0});
    large.widths.push_back(1);
    large.step.resize(60'000);
    const Codes codes = write(large);
    const std::clock_t before = std::clock();
    CHECK(reads(codes));
    const double seconds = double(std::clock() - before) / CLOCKS_PER_SEC;
    CHECK_THAT(seconds < 2.0, seconds << " s");
}

TEST(the_check_says_what_is_wrong) {
    CHECK(refused_after([](Program& p) { p.values.clear(); }, "empty"));
    CHECK(refused_after([](Program& p) { p.widths[0] = 0; }, "a width is out of range"));
    CHECK(refused_after([](Program& p) { p.widths[0] = -2; }, "a width is out of range"));
    CHECK(refused_after([](Program& p) { p.widths.insert(p.widths.end(), {1, 1}); }, "two widths are of one unit"));
    CHECK(refused_after([](Program& p) { p.values[4].width = 2; }, "a width is out of range"));
    CHECK(refused_after([](Program& p) { p.input = 13; }, "a value is out of range"));
    CHECK(refused_after([](Program& p) { p.input = 1; }, "another kind"));
    CHECK(refused_after([](Program& p) { p.states.push_back(p.states[0]); }, "given by nothing, or twice"));
    CHECK(refused_after([](Program& p) { p.values.push_back(p.values[4]); }, "a value is never made"));
    CHECK(refused_after([](Program& p) { p.step[0].instructions.pop_back(); }, "not there"));
    CHECK(refused_after([](Program& p) { p.step[0].instructions[0].sources = {5}; }, "reads another number of values"));
    CHECK(refused_after([](Program& p) { p.step[0].instructions[0].operation = 31; }, "an operation is unknown"));
    CHECK(refused_after([](Program& p) { p.step[0].instructions[0].sources[0] = 0; }, "an operand is not as wide"));
    CHECK(refused_after([](Program& p) { std::swap(p.step[0].instructions[0], p.step[0].instructions[1]); }, "not there yet"));
    CHECK(refused_after([](Program& p) { p.step[0].instructions[1].target = 7; }, "made twice"));
    CHECK(refused_after([](Program& p) { p.step[0].products[0].matrix = 2; }, "no such matrix"));
    CHECK(refused_after([](Program& p) { p.step[0].products[0].matrix = 0; }, "sources do not fit"));
    CHECK(refused_after([](Program& p) { p.step[0].products[0].targets = {6, 7}; }, "targets do not fit"));
    CHECK(refused_after([](Program& p) { p.once = {{{}, {step(Op::tanh, 8, {3})}}}; }, "another kind"));
    CHECK(refused_after([](Program& p) { p.step[0].instructions.push_back(step(Op::accumulate, 10, {8})); }, "backward part only"));
    CHECK(refused_after([](Program& p) { p.kept = {1, 8, 8}; }, "keeps what is not there, or twice"));
    CHECK(refused_after([](Program& p) { p.kept = {1}; }, "not in this section"));
    CHECK(refused_after([](Program& p) { p.kept_back.clear(); }, "not in this section"));
    CHECK(refused_after([](Program& p) { p.vectors[0].gradients[0] = 9; }, "not there after the loop"));
    CHECK(refused_after([](Program& p) { p.matrices[0].gradient[0].left = {0}; }, "does not fit its matrix"));
    CHECK(refused_after([](Program& p) { p.input_gradient = 11; }, "the gradient of the input is not made"));
}

MAIN
