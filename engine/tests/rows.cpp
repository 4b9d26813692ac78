// Every operation of the row machine against the same in plain C++, for every instruction set, float and double.
#include <functional>
#include <limits>
#include <random>

#include "tests/check.hpp"
#include "tests/row_call.hpp"

using namespace gatewise;
using namespace gatewise::tests;

namespace {

template <class T>
struct Meaning {
    Op operation;
    std::function<T(T, T, T)> of;
    T within = 0;  // units in the last place that it may be off; 0: the very bits
};

template <class T>
std::vector<Meaning<T>> meanings() {
    const T one = 1, off = 4;
    auto nan = [](T a, T b) { return std::isnan(a) ? a : b; };
    return {
        {Op::copy, [](T a, T, T) { return a; }},
        {Op::neg, [](T a, T, T) { return -a; }},
        {Op::add, [](T a, T b, T) { return a + b; }},
        {Op::sub, [](T a, T b, T) { return a - b; }},
        {Op::mul, [](T a, T b, T) { return a * b; }},
        {Op::div, [](T a, T b, T) { return a / b; }},
        {Op::maximum, [=](T a, T b, T) { return std::isnan(a) || std::isnan(b) ? nan(a, b) : std::max(a, b); }},
        {Op::minimum, [=](T a, T b, T) { return std::isnan(a) || std::isnan(b) ? nan(a, b) : std::min(a, b); }},
        {Op::greater, [](T a, T b, T) { return T(a > b); }},
        {Op::greater_equal, [](T a, T b, T) { return T(a >= b); }},
        {Op::equal, [](T a, T b, T) { return T(a == b); }},
        {Op::select, [](T a, T b, T c) { return a != 0 ? b : c; }},
        {Op::sigmoid, [=](T a, T, T) { return one / (one + std::exp(-a)); }, off},
        {Op::tanh, [](T a, T, T) { return std::tanh(a); }, off},
        {Op::relu, [](T a, T, T) { return a < 0 ? T(0) : a; }},
        {Op::exp, [](T a, T, T) { return std::exp(a); }, off},
        {Op::expm1, [](T a, T, T) { return std::expm1(a); }},
        {Op::log, [](T a, T, T) { return std::log(a); }},
        {Op::log1p, [](T a, T, T) { return std::log1p(a); }},
        {Op::sqrt, [](T a, T, T) { return std::sqrt(a); }},
        {Op::rsqrt, [=](T a, T, T) { return one / std::sqrt(a); }},
        {Op::reciprocal, [=](T a, T, T) { return one / a; }},
        {Op::abs, [](T a, T, T) { return std::abs(a); }},
        {Op::sign, [](T a, T, T) { return a > 0 ? T(1) : a < 0 ? T(-1) : a; }},
        {Op::sin, [](T a, T, T) { return std::sin(a); }},
        {Op::cos, [](T a, T, T) { return std::cos(a); }},
        {Op::erf, [](T a, T, T) { return std::erf(a); }},
        {Op::sigmoid_gradient, [=](T a, T b, T) { return a * (b * (one - b)); }, off},
        {Op::tanh_gradient, [=](T a, T b, T) { return a * std::fma(-b, b, one); }, std::numeric_limits<T>::infinity()},
        {Op::relu_gradient, [](T a, T b, T) { return b > 0 ? a : T(0); }},
    };
}

template <class T>
bool close(T found, T expected, T ulp) {
    if (std::isnan(expected) || std::isnan(found)) return std::isnan(expected) && std::isnan(found);
    if (found == expected) return true;  // -0 is 0
    const T small = std::numeric_limits<T>::min();
    if (std::abs(expected) < small) return std::abs(found) <= small && ulp > 0;  // an approximation may flush
    return std::abs(found - expected) <= ulp * std::numeric_limits<T>::epsilon() * std::abs(expected);
}

template <class T>
std::vector<T> numbers(std::mt19937& random, std::size_t count) {
    using L = std::numeric_limits<T>;
    const T special[] = {0, -T(0), 1, -1, L::infinity(), -L::infinity(), L::quiet_NaN(), L::max(), L::lowest(), L::min(), T(0.5), T(88), T(-88)};
    std::uniform_real_distribution<T> between(-4, 4);
    std::vector<T> found(count);
    for (T& number : found) number = random() % 4 ? between(random) : special[random() % std::size(special)];
    return found;
}

template <class T>
void every_operation(const Kernels& kernels) {
    std::mt19937 random(3);
    for (const Meaning<T>& meaning : meanings<T>())
        for (int rows = 1; rows <= group_rows; ++rows)
            for (int own : {0, 1, 2, 3}) {
                RowCall<T> call(kernels, meaning.operation, rows, own);
                const int count = sources_of(static_cast<int>(meaning.operation));
                for (int s = 0; s < count; ++s) call.of_source(s) = numbers<T>(random, call.of_source(s).size());
                if (meaning.operation == Op::tanh_gradient)  // 1 - y^2 of a y that a tanh gave, where nothing cancels much
                    for (T& y : call.of_source(1)) y = std::isfinite(y) ? std::clamp(y, T(-0.9), T(0.9)) : T(0);
                call.run();
                const T within = std::isinf(meaning.within) ? T(16) : meaning.within;
                for (int r = 0; r < rows; ++r)
                    for (int i = 0; i < block; ++i) {
                        const T a = call.source(0, r, i), b = count > 1 ? call.source(1, r, i) : 0, c = count > 2 ? call.source(2, r, i) : 0;
                        const T found = call.target()[r * block + i], expected = meaning.of(a, b, c);
                        CHECK_THAT(close(found, expected, within), kernels.name << ", operation " << static_cast<int>(meaning.operation) << " of " << a << ", " << b
                                                                                << ", " << c << " is " << found << ", not " << expected);
                    }
            }
}

template <class T>
void sums_of_pairs(const Kernels& kernels) {
    std::mt19937 random(4);
    for (int rows = 1; rows <= group_rows; ++rows) {
        RowCall<T> call(kernels, Op::accumulate, rows);
        std::uniform_real_distribution<T> between(-4, 4);
        for (T& number : call.of_source(0)) number = between(random);
        for (T& number : call.of_target()) number = between(random);
        for (int full = 0; full < RowCall<T>::levels; ++full) {
            const std::vector<T> before = call.of_target();
            call.run(true, full);
            for (int r = 0; r < rows; r += sum_rows)
                for (int i = 0; i < block; ++i) {
                    const int at = r / sum_rows * RowCall<T>::levels * block + i;
                    T up = call.source(0, r, i) + (r + 1 < rows ? call.source(0, r + 1, i) : T(0));
                    for (int level = 0; level < RowCall<T>::levels; ++level) {
                        if (level <= full) up += before[at + level * block];
                        const T expected = level < full ? T(0) : level == full ? up : before[at + level * block];
                        CHECK(call.of_target()[at + level * block] == expected);
                    }
                }
        }
    }
}

// Two blocks of units one after the other; the second has `lanes` units, and what lies beyond must not count.
template <class T>
void reductions(const Kernels& kernels) {
    std::mt19937 random(5);
    std::uniform_real_distribution<T> between(-4, 4);
    for (Op operation : {Op::row_sum, Op::row_mean, Op::row_max})
        for (int rows : {1, 3, group_rows})
            for (int lanes : {1, 7, block}) {
                RowCall<T> whole(kernels, operation, rows), last(kernels, operation, rows, 3, lanes);
                for (T& number : whole.of_source(0)) number = between(random);
                for (int i = 0; i < rows * block; ++i) last.source(0)[i] = i % block < lanes ? between(random) : std::numeric_limits<T>::quiet_NaN();
                std::fill(whole.of_target().begin(), whole.of_target().end(), std::numeric_limits<T>::quiet_NaN());  // what was there before
                whole.run(true);
                last.of_target() = whole.of_target();
                last.run(false);
                for (int r = 0; r < rows; ++r)
                    for (int i = 0; i < block; ++i) {
                        const T a = whole.source(0, r, i), b = last.source(0, r, i);
                        const T expected = i >= lanes ? a : operation == Op::row_max ? std::max(a, b) : a + b;
                        CHECK(last.target()[r * block + i] == expected);
                    }
            }
}

}  // namespace

TEST(every_operation_means_what_it_says) {
    for (const Kernels* kernels : runnable()) every_operation<float>(*kernels), every_operation<double>(*kernels);
}

TEST(sums_are_taken_pair_by_pair) {
    for (const Kernels* kernels : runnable()) sums_of_pairs<float>(*kernels), sums_of_pairs<double>(*kernels);
}

// A level is full when eight of the level below went into it, and there is always one more to go to.
TEST(levels_of_sums_are_full_at_powers_of_eight) {
    for (int steps = 1, most = 0; steps < 5'000; ++steps) {
        most = std::max(most, full_levels(steps - 1));
        CHECK(sum_levels(steps) == most + 1);
    }
    for (auto [step, full] : {std::pair(6, 0), {7, 1}, {8, 0}, {62, 0}, {63, 2}, {64, 0}, {511, 3}, {519, 1}}) CHECK(full_levels(step) == full);
}

TEST(reductions_count_the_units_that_are_there) {
    for (const Kernels* kernels : runnable()) reductions<float>(*kernels), reductions<double>(*kernels);
}

TEST(every_instruction_set_is_named_and_can_be_forced) {
    CHECK(&choose("") == runnable().front());
    for (const Kernels* kernels : runnable()) CHECK(&choose(kernels->name) == kernels);
    CHECK(std::string(runnable().back()->name) == "portable");
}

MAIN
