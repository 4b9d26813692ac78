// A scan with random numbers: every array exactly as long as the engine may read and write, so that a sanitizer sees
// one step beyond.
#pragma once

#include <memory>
#include <random>

#include "scan/run.hpp"

namespace gatewise::tests {

template <class T>
using Arrays = std::vector<std::vector<T>>;

template <class T>
std::vector<T*> pointers(Arrays<T>& arrays) {
    std::vector<T*> found;
    for (auto& array : arrays) found.push_back(array.empty() ? nullptr : array.data());
    return found;
}
template <class T>
std::vector<const T*> pointers(const Arrays<T>& arrays) {
    std::vector<const T*> found;
    for (const auto& array : arrays) found.push_back(array.empty() ? nullptr : array.data());
    return found;
}

struct Sizes {
    std::vector<int> widths;  // units where the program says -1, by the width's number
    std::vector<int> batch_sizes;
    bool reverse = false;
};

template <class T>
struct Outcome {
    Arrays<T> states, final;                // of the forward pass
    std::vector<T> x;                       // gradients
    Arrays<T> initial, vectors, matrices;
    bool operator==(const Outcome&) const = default;
};

template <class T>
struct Problem {
    std::shared_ptr<const Program> program;
    Sizes sizes;
    std::size_t batch, total = 0;
    std::vector<T> x;
    Arrays<T> initial, vectors, matrices;
    Arrays<T> states_gradient, final_gradient;

    Problem(std::shared_ptr<const Program> of, Sizes with, unsigned seed = 1) : program(std::move(of)), sizes(std::move(with)), random(seed) {
        for (std::size_t i = 0; i < program->widths.size(); ++i)
            if (program->widths[i] != -1) sizes.widths[i] = program->widths[i];
        batch = sizes.batch_sizes.front();
        for (int rows : sizes.batch_sizes) total += rows;
        x = some(total * units(program->input));
        for (const State& s : program->states) {
            initial.push_back(some(batch * units(s.before)));
            states_gradient.push_back(some(total * units(s.before)));
            final_gradient.push_back(some(batch * units(s.before)));
        }
        for (const Vector& v : program->vectors) vectors.push_back(some(size(v)));
        for (const Matrix& m : program->matrices) matrices.push_back(some(across(m.rows) * across(m.columns), 1.0 / std::sqrt(across(m.columns))));
    }

    std::size_t units(int value) const { return sizes.widths[program->values[value].width]; }
    std::size_t across(const std::vector<int>& widths) const {
        std::size_t sum = 0;
        for (int w : widths) sum += sizes.widths[w];
        return sum;
    }
    std::size_t size(const Vector& v) const {
        std::size_t sum = 0;
        for (int part : v.parts) sum += units(part);
        return sum;
    }

    Run<T> run(const Kernels& kernels, int threads, bool save = true) const {
        Given<T> given{sizes.widths, sizes.batch_sizes, sizes.reverse, threads, false, x.data(), pointers(initial), pointers(vectors), pointers(matrices)};
        return Run<T>(program, kernels, std::move(given), save);
    }

    void forward(Run<T>& run, Outcome<T>& into) const {
        into.states = like(states_gradient), into.final = like(initial);
        run.forward({pointers(into.states), pointers(into.final)});
    }
    void backward(const Run<T>& run, Outcome<T>& into) const {
        into.x = std::vector<T>(x.size(), nothing);
        into.initial = like(initial), into.vectors = like(vectors), into.matrices = like(matrices);
        run.backward({pointers(states_gradient), pointers(final_gradient), into.x.data(), pointers(into.initial), pointers(into.vectors), pointers(into.matrices)});
    }
    Outcome<T> outcome(const Kernels& kernels, int threads) const {
        Outcome<T> found;
        Run<T> made = run(kernels, threads);
        forward(made, found);
        backward(made, found);
        return found;
    }

    // What the gradients are the gradients of.
    double loss(const Kernels& kernels) const {
        Outcome<T> found;
        Run<T> made = run(kernels, 1, false);
        forward(made, found);
        return dot(found.states, states_gradient) + dot(found.final, final_gradient);
    }

    static double dot(const std::vector<T>& a, const std::vector<T>& b) {
        double sum = 0.0;
        for (std::size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * double(b[i]);
        return sum;
    }
    static double dot(const Arrays<T>& a, const Arrays<T>& b) {
        double sum = 0.0;
        for (std::size_t i = 0; i < a.size(); ++i) sum += dot(a[i], b[i]);
        return sum;
    }

    std::vector<T> some(std::size_t count, double scale = 1.0) {
        std::uniform_real_distribution<double> between(-scale, scale);
        std::vector<T> found(count);
        for (T& number : found) number = T(float(between(random)));  // the same for float and double
        return found;
    }

    static constexpr T nothing = T(12345);  // stands where nothing was written
    static Arrays<T> like(const Arrays<T>& arrays) {
        Arrays<T> found;
        for (const auto& array : arrays) found.emplace_back(array.size(), nothing);
        return found;
    }

    std::mt19937 random;
};

}  // namespace gatewise::tests
