#include <cmath>

#include "program/form.hpp"

namespace gatewise {
namespace {

constexpr std::int32_t magic = 0x47570001;  // "GW" and the version of this encoding
constexpr std::int32_t most = 65'535;

class Reader {
  public:
    Reader(const std::int32_t* codes, std::size_t count, const double* numbers, std::size_t number_count)
        : at_(codes), end_(codes + count), numbers_(numbers), number_count_(number_count) {}

    Program program() {
        if (next() != magic) refuse("is no encoded step program of this version");
        Program p;
        p.input = next();
        p.input_gradient = next();
        p.widths = list([&] { return next(); });
        p.values = list([&] { return value(); });
        p.states = list([&] { return State{next(), next(), next(), next()}; });
        p.vectors = list([&] { return Vector{integers(), integers()}; });
        p.matrices = list([&] { return Matrix{integers(), integers(), list([&] { return Outer{integers(), integers()}; })}; });
        p.once = section();
        p.all_steps = section();
        p.step = section();
        p.kept = integers();
        p.once_back = section();
        p.step_back = section();
        p.all_steps_back = section();
        p.once_after = section();
        p.kept_back = integers();
        if (at_ != end_) refuse("something follows it");
        return p;
    }

  private:
    [[noreturn]] static void refuse(const char* what) { throw Refusal(std::string("the encoded step program: ") + what); }

    std::int32_t next() {
        if (at_ == end_) refuse("it is too short");
        return *at_++;
    }

    template <class F>
    auto list(F item) -> std::vector<decltype(item())> {
        std::int32_t count = next();
        if (count < 0 || count > most) refuse("a count is out of range");
        std::vector<decltype(item())> found;
        found.reserve(count);
        for (std::int32_t i = 0; i < count; ++i) found.push_back(item());
        return found;
    }

    std::vector<int> integers() {
        return list([&] { return static_cast<int>(next()); });
    }

    Value value() {
        std::int32_t kind = next(), width = next(), name = next();
        if (kind < 0 || kind >= kinds) refuse("unknown kind of value");
        double number = 0.0;
        if (static_cast<Kind>(kind) == Kind::constant) {
            if (name < 0 || static_cast<std::size_t>(name) >= number_count_) refuse("a constant has no number");
            number = numbers_[name];
        }
        return {static_cast<Kind>(kind), width, number, name};
    }

    Section section() {
        return list([&] {
            Stage stage;
            stage.products = list([&] {
                std::int32_t matrix = next(), transposed = next();
                return Product{matrix, transposed != 0, integers(), integers()};
            });
            stage.instructions = list([&] {
                std::int32_t operation = next(), target = next();
                return Instruction{operation, target, integers()};
            });
            return stage;
        });
    }

    const std::int32_t *at_, *end_;
    const double* numbers_;
    std::size_t number_count_;
};

}  // namespace

Program read_program(const std::int32_t* codes, std::size_t count, const double* numbers, std::size_t number_count) {
    Program program = Reader(codes, count, numbers, number_count).program();
    check_program(program);
    return program;
}

}  // namespace gatewise
