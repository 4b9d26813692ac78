// The largest error of the functions that the row machine approximates itself, over the floats:
// test_functions [STRIDE] looks at every STRIDE-th of all 2^32 bit patterns.
#include <cfloat>
#include <cstdlib>

#include "program/operations.hpp"
#include "tests/check.hpp"
#include "tests/row_call.hpp"
#include "threads/pool.hpp"

using namespace gatewise;
using namespace gatewise::tests;

namespace {

std::uint64_t stride = 257;
constexpr int batch = group_rows * block;

struct Function {
    const char* name;
    Op operation;
    long double (*exact)(long double);
    double bound;  // in units in the last place of the exact result
};

long double exact_sigmoid(long double x) { return 1.0L / (1.0L + std::exp(-x)); }

const Function functions[] = {
    {"exp", Op::exp, [](long double x) { return std::exp(x); }, 1.25},
    {"sigmoid", Op::sigmoid, exact_sigmoid, 2.5},
    {"tanh", Op::tanh, [](long double x) { return std::tanh(x); }, 3.25},
};

struct Worst {
    double ulp = 0.0;
    float at = 0.0f;
};

// What is smaller than the smallest normal number may become 0; the exponential does so a hair before (functions.inl).
constexpr long double smallest = FLT_MIN * 1.0001L;

double error_in_ulp(float found, long double exact) {
    if (std::fabs(exact) < smallest) return std::fabs(found) <= smallest ? 0.0 : HUGE_VAL;
    if (exact > FLT_MAX * (1.0L + 1e-7L)) return found > FLT_MAX ? 0.0 : HUGE_VAL;
    if (found > FLT_MAX) return exact > FLT_MAX * (1.0L - 3e-7L) ? 0.0 : HUGE_VAL;  // rounding may end above
    int exponent;
    std::frexp(exact, &exponent);
    const double error = static_cast<double>(std::fabs(found - exact) / std::ldexp(1.0L, exponent - FLT_MANT_DIG));
    return error >= 0.0 ? error : HUGE_VAL;  // NaN
}

void apply(const Kernels& kernels, Op operation, const float* from, float* to) {
    RowCall<float> call(kernels, operation, group_rows);
    std::copy_n(from, batch, call.source(0));
    call.run();
    std::copy_n(call.target(), batch, to);
}

}  // namespace

TEST(approximations_stay_within_their_bounds) {
    const auto sets = runnable();
    for (const Function& function : functions) {
        std::vector<Worst> worst(sets.size());
        in_parallel(1, [&](int) {  // with denormal numbers flushed, as in a scan
            float x[batch], found[batch];
            long double exact[batch];
            for (std::uint64_t bits = 0; bits < (std::uint64_t(1) << 32);) {
                int count = 0;
                for (; count < batch && bits < (std::uint64_t(1) << 32); bits += stride) {
                    const auto pattern = static_cast<std::uint32_t>(bits);
                    float number;
                    std::memcpy(&number, &pattern, 4);
                    if (!std::isnan(number)) x[count++] = number;
                }
                for (int i = count; i < batch; ++i) x[i] = 0.0f;
                for (int i = 0; i < batch; ++i) exact[i] = function.exact(x[i]);
                for (std::size_t s = 0; s < sets.size(); ++s) {
                    apply(*sets[s], function.operation, x, found);
                    for (int i = 0; i < batch; ++i) {
                        const double error = error_in_ulp(found[i], exact[i]);
                        if (error > worst[s].ulp) worst[s] = {error, x[i]};
                    }
                }
            }
        });
        for (std::size_t s = 0; s < sets.size(); ++s) {
            std::printf("%-8s %-9s at most %.3f ulp, at %.9g\n", function.name, sets[s]->name, worst[s].ulp, worst[s].at);
            CHECK_THAT(worst[s].ulp <= function.bound, function.name << ", " << sets[s]->name << ": " << worst[s].ulp << " at " << worst[s].at);
        }
    }
}

TEST(special_numbers) {
    const float inf = HUGE_VALF, nan = std::nanf("");
    const float x[] = {nan, -nan, inf, -inf, 0.0f, -0.0f, 1e-40f, -1e-40f, FLT_MAX, -FLT_MAX, FLT_MIN, -FLT_MIN};
    const float exponentials[] = {nan, nan, inf, 0, 1, 1, 1, 1, inf, 0, 1, 1};
    const float sigmoids[] = {nan, nan, 1, 0, 0.5f, 0.5f, 0.5f, 0.5f, 1, 0, 0.5f, 0.5f};
    const float tangents[] = {nan, nan, 1, -1, 0, 0, 0, 0, 1, -1, FLT_MIN, -FLT_MIN};
    const float* expected[] = {exponentials, sigmoids, tangents};
    float from[batch] = {}, found[batch];
    std::copy(std::begin(x), std::end(x), from);
    for (const Kernels* kernels : runnable())
        for (int f = 0; f < 3; ++f) {
            in_parallel(1, [&](int) { apply(*kernels, functions[f].operation, from, found); });
            for (std::size_t i = 0; i < std::size(x); ++i) {
                const float e = expected[f][i];
                const bool same = std::isnan(e) ? std::isnan(found[i]) : found[i] == e || (std::fabs(e) == FLT_MIN && std::fabs(found[i] - e) <= FLT_MIN);
                CHECK_THAT(same, functions[f].name << "(" << x[i] << ") is " << found[i] << " with " << kernels->name);
            }
        }
}

// A gate stays in its range, and what grows does not shrink, or gradient checks of saturated cells would wander.
TEST(gates_stay_in_their_range) {
    for (const Kernels* kernels : runnable()) {
        float from[batch], found[batch];
        for (int start = -200; start < 200; ++start) {
            for (int i = 0; i < batch; ++i) from[i] = (start + i / float(batch)) * 0.25f;
            for (const Function& function : {functions[1], functions[2]}) {
                apply(*kernels, function.operation, from, found);
                for (float y : found) CHECK_THAT(std::fabs(y) <= 1.0f && (y >= 0.0f || function.operation == Op::tanh), function.name << " gives " << y);
            }
        }
    }
}

int main(int count, char** arguments) {
    if (count > 1) stride = std::max(1L, std::atol(arguments[1]));
    return run_all(1, arguments);
}
