// The only file that knows Python: checks what comes, releases the interpreter, and passes plain memory on.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "output/linear.hpp"
#include "scan/run.hpp"

namespace nb = nanobind;
using namespace gatewise;

namespace {

using Codes = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Array = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
template <class T>
using Arrays = std::vector<std::optional<Array<T>>>;

void require(bool condition, const std::string& what) {
    if (!condition) throw Refusal("the scan: " + what);
}

template <class T, class A>
T* data(const A& array, std::size_t count, const char* name) {
    require(array.size() == count, std::string(name) + " is expected with " + std::to_string(count) + " numbers, but " + std::to_string(array.size()) + " came");
    return array.data();
}
template <class T, class A>
T* data(const std::optional<A>& array, std::size_t count, const char* name) {
    return array ? data<T>(*array, count, name) : nullptr;
}

std::shared_ptr<Program> make_program(const Codes& codes, const Numbers& numbers) {
    return std::make_shared<Program>(read_program(codes.data(), codes.size(), numbers.data(), numbers.size()));
}

// Whether Python has an error to raise, for Ctrl-C say.
bool signalled() {
    nb::gil_scoped_acquire hold;
    return PyErr_CheckSignals() != 0;
}

// Other threads of Python run meanwhile; a signal ends the work with the exception that its handler raised.
template <class F>
void stoppable(F work) {
    try {
        nb::gil_scoped_release release;
        work();
    } catch (const Stopped&) {
        throw nb::python_error();
    }
}

std::size_t size_of(const Program& program, const std::vector<int>& widths, const Vector& vector) {
    std::size_t sum = 0;
    for (int part : vector.parts) sum += widths[program.values[part].width];
    return sum;
}
std::size_t size_of(const Program&, const std::vector<int>& widths, const Matrix& matrix) {
    std::size_t rows = 0, columns = 0;
    for (int w : matrix.rows) rows += widths[w];
    for (int w : matrix.columns) columns += widths[w];
    return rows * columns;
}

// One scan: the arrays that it reads stay alive with it.
template <class T>
class Scan {
  public:
    Scan(std::shared_ptr<Program> program, std::vector<int> widths, std::vector<int> batch_sizes, bool reverse, int threads, const std::string& isa, bool low,
         Array<const T> x, std::vector<Array<const T>> initial, std::vector<Array<const T>> vectors, std::vector<Array<const T>> matrices, bool save,
         std::vector<std::uint32_t> sequences, std::uint32_t seed, std::uint32_t start)
        : program_(std::move(program)), widths_(widths) {
        require(widths.size() == program_->widths.size() && !batch_sizes.empty(), "a width or a time step is missing");
        for (int n : batch_sizes) {
            require(n >= 0, "a batch size is negative");
            total_ += n;
        }
        require(total_ <= std::size_t(1) << 31, "there are more rows than memory could hold");  // no product of sizes overflows
        batch_ = batch_sizes.front();
        require(initial.size() == program_->states.size() && vectors.size() == program_->vectors.size() && matrices.size() == program_->matrices.size(),
                "a state or a parameter is missing");
        Given<T> given{widths, std::move(batch_sizes), reverse, threads, low, data<const T>(x, total_ * units(program_->input), "x"), {}, {}, {}, std::move(sequences), seed, start};
        for (std::size_t i = 0; i < initial.size(); ++i)
            given.initial.push_back(data<const T>(initial[i], batch_ * units(program_->states[i].before), "an initial state"));
        for (std::size_t i = 0; i < vectors.size(); ++i) given.vectors.push_back(data<const T>(vectors[i], size(program_->vectors[i]), "a vector"));
        for (std::size_t i = 0; i < matrices.size(); ++i) given.matrices.push_back(data<const T>(matrices[i], size(program_->matrices[i]), "a matrix"));
        run_ = std::make_unique<Run<T>>(program_, choose(isa), std::move(given), save);
        held_ = std::move(matrices);
        for (auto* arrays : {&initial, &vectors}) held_.insert(held_.end(), arrays->begin(), arrays->end());
        held_.push_back(x);
    }

    void forward(const Arrays<T>& states, const std::vector<Array<T>>& final) {
        require(states.size() == program_->states.size() && final.size() == states.size(), "a state is missing");
        Found<T> found;
        for (std::size_t i = 0; i < states.size(); ++i) {
            const int value = program_->states[i].before;
            found.states.push_back(data<T>(states[i], total_ * units(value), "the states"));
            found.final.push_back(data<T>(final[i], batch_ * units(value), "the final states"));
        }
        stoppable([&] { run_->forward(found, signalled); });
    }

    void backward(const Arrays<const T>& states, const Arrays<const T>& final, const std::optional<Array<T>>& x, const Arrays<T>& initial, const Arrays<T>& vectors,
                  const Arrays<T>& matrices) const {
        const std::size_t count = program_->states.size();
        require(states.size() == count && final.size() == count && initial.size() == count && vectors.size() == program_->vectors.size() &&
                    matrices.size() == program_->matrices.size(), "a gradient is missing");
        Gradients<T> gradients{{}, {}, data<T>(x, total_ * units(program_->input), "the gradient of x"), {}, {}, {}};
        for (std::size_t i = 0; i < count; ++i) {
            const int value = program_->states[i].before;
            gradients.states.push_back(data<const T>(states[i], total_ * units(value), "the gradient of the states"));
            gradients.final.push_back(data<const T>(final[i], batch_ * units(value), "the gradient of the final states"));
            gradients.initial.push_back(data<T>(initial[i], batch_ * units(value), "the gradient of the initial states"));
        }
        for (std::size_t i = 0; i < vectors.size(); ++i) gradients.vectors.push_back(data<T>(vectors[i], size(program_->vectors[i]), "the gradient of a vector"));
        for (std::size_t i = 0; i < matrices.size(); ++i) gradients.matrices.push_back(data<T>(matrices[i], size(program_->matrices[i]), "the gradient of a matrix"));
        stoppable([&] { run_->backward(gradients, signalled); });
    }

  private:
    std::size_t units(int value) const { return widths_[program_->values[value].width]; }
    template <class P>
    std::size_t size(const P& parameter) const { return size_of(*program_, widths_, parameter); }

    std::shared_ptr<Program> program_;
    std::vector<Array<const T>> held_;  // what is read later: by the forward pass all of it, by the backward pass matrices
    std::vector<int> widths_;
    std::size_t total_ = 0, batch_ = 0;
    std::unique_ptr<Run<T>> run_;
};

// The directions of a layer whose weights do not change: what is made of them is made once.
template <class T>
class Steady {
  public:
    Steady(std::shared_ptr<Program> program, std::vector<int> widths, const std::string& isa, std::vector<std::vector<Array<const T>>> vectors,
           std::vector<std::vector<Array<const T>>> matrices)
        : program_(std::move(program)), widths_(std::move(widths)), kernels_(choose(isa)) {
        require(widths_.size() == program_->widths.size(), "a width is missing");
        require(vectors.size() == matrices.size() && (vectors.size() == 1 || vectors.size() == 2), "one direction is expected, or two");
        for (std::size_t d = 0; d < vectors.size(); ++d) {
            require(vectors[d].size() == program_->vectors.size() && matrices[d].size() == program_->matrices.size(), "a parameter is missing");
            Direction& made = directions_.emplace_back();
            for (std::size_t i = 0; i < vectors[d].size(); ++i) made.vectors.push_back(data<const T>(vectors[d][i], size_of(*program_, widths_, program_->vectors[i]), "a vector"));
            for (std::size_t i = 0; i < matrices[d].size(); ++i) made.matrices.push_back(data<const T>(matrices[d][i], size_of(*program_, widths_, program_->matrices[i]), "a matrix"));
            made.kept = std::make_unique<Kept<T>>();
            for (auto* arrays : {&vectors[d], &matrices[d]}) held_.insert(held_.end(), arrays->begin(), arrays->end());
        }
    }

    Steady(const Steady&) = delete;

    void forward(const std::vector<int>& batch_sizes, int threads, const Array<const T>& x, const std::vector<Array<const T>>& initial, const Array<T>& outputs,
                 const std::vector<Array<T>>& final) const {
        std::size_t total = 0;
        require(!batch_sizes.empty() && initial.size() == program_->states.size() && final.size() == initial.size(), "a time step or a state is missing");
        for (int n : batch_sizes) {
            require(n >= 0, "a batch size is negative");
            total += n;
        }
        require(total <= std::size_t(1) << 31, "there are more rows than memory could hold");
        const std::size_t count = directions_.size(), width = units(program_->states.front().before), batch = batch_sizes.front();
        T* const to = data<T>(outputs, total * width * count, "the outputs");
        const T* const from = data<const T>(x, total * units(program_->input), "x");
        std::vector<Found<T>> found(count, {std::vector<T*>(initial.size(), nullptr), {}, width * count});
        Runs<T> runs;
        for (std::size_t d = 0; d < count; ++d) {
            const Direction& at = directions_[d];
            Given<T> given{widths_, batch_sizes, d == 1, threads, false, from, {}, at.vectors, at.matrices};
            given.kept = at.kept.get();
            found[d].states.front() = to + d * width;
            for (std::size_t i = 0; i < initial.size(); ++i) {
                const std::size_t size = batch * units(program_->states[i].before);
                given.initial.push_back(data<const T>(initial[i], count * size, "an initial state") + d * size);
                found[d].final.push_back(data<T>(final[i], count * size, "a final state") + d * size);
            }
            runs.push_back(std::make_unique<Run<T>>(program_, kernels_, std::move(given), false));
        }
        stoppable([&] { forward_all(runs, found, threads, signalled); });
    }

  private:
    struct Direction {
        std::vector<const T*> vectors, matrices;
        std::unique_ptr<Kept<T>> kept;
    };
    std::size_t units(int value) const { return widths_[program_->values[value].width]; }

    std::shared_ptr<Program> program_;
    std::vector<int> widths_;
    const Kernels& kernels_;
    std::vector<Direction> directions_;
    std::vector<Array<const T>> held_;
};

template <class T>
void linear(const Array<const T>& features, const Array<const T>& weight, const std::optional<Array<const T>>& bias, const Array<T>& out, int threads, const std::string& isa) {
    require(features.ndim() == 2 && weight.ndim() == 2 && features.shape(1) == weight.shape(1), "features [N, K] and a weight [V, K] are expected");
    require(weight.shape(1) <= std::size_t(1) << 30 && threads >= 1, "the features are too wide, or there is no thread");
    const std::size_t rows = features.shape(0), units = weight.shape(0);
    const T* given = data<const T>(bias, units, "the bias");
    require(out.ndim() == 2 && out.shape(0) == rows && out.shape(1) == units, "the result is expected as [N, V]");
    const Linear<T> task{features.data(), weight.data(), given, out.data(), rows, features.shape(1), units};
    const Kernels& kernels = choose(isa);
    stoppable([&] { run_linear(kernels, task, threads, signalled); });
}

template <class T>
void bind(nb::module_& module, const char* name, const char* steady) {
    using S = Scan<T>;
    nb::class_<S>(module, name)
        .def(nb::init<std::shared_ptr<Program>, std::vector<int>, std::vector<int>, bool, int, const std::string&, bool, Array<const T>, std::vector<Array<const T>>,
                      std::vector<Array<const T>>, std::vector<Array<const T>>, bool, std::vector<std::uint32_t>, std::uint32_t, std::uint32_t>())
        .def("forward", &S::forward)
        .def("backward", &S::backward);
    using Y = Steady<T>;
    nb::class_<Y>(module, steady)
        .def(nb::init<std::shared_ptr<Program>, std::vector<int>, const std::string&, std::vector<std::vector<Array<const T>>>, std::vector<std::vector<Array<const T>>>>())
        .def("forward", &Y::forward);
    module.def("linear", &linear<T>, nb::arg("features"), nb::arg("weight"), nb::arg("bias").none(), nb::arg("out"), nb::arg("threads"), nb::arg("isa"));
}

}  // namespace

NB_MODULE(_engine, module) {
    nb::set_leak_warnings(false);  // programs that a process keeps to its end are no leak
    nb::exception<Refusal>(module, "Refusal", PyExc_ValueError);
    nb::class_<Program>(module, "Program").def_static("read", &make_program);
    bind<float>(module, "Scan32", "Steady32");
    bind<double>(module, "Scan64", "Steady64");
    module.def("instruction_set", [](const std::string& name) { return std::string(choose(name).name); });
    module.def("instruction_sets", [] {
        std::vector<std::string> names;
        for (const Kernels* kernels : runnable()) names.push_back(kernels->name);
        return names;
    });
}
