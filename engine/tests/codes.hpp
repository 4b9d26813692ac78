// A program as the integers that the engine reads: the inverse of program/read.cpp, so that tests may write and
// damage programs.
#pragma once

#include <cstdint>
#include <vector>

#include "program/form.hpp"

namespace gatewise::tests {

struct Codes {
    std::vector<std::int32_t> codes;
    std::vector<double> numbers;
    Program read() const { return read_program(codes.data(), codes.size(), numbers.data(), numbers.size()); }
};

class Writer {
  public:
    Codes write(const Program& p) {
        add(0x47570001), add(p.input), add(p.input_gradient);
        list(p.widths);
        each(p.values, [&](const Value& v) { value(v); });
        each(p.states, [&](const State& s) { add(s.before), add(s.after), add(s.gradient_after), add(s.gradient_before); });
        each(p.vectors, [&](const Vector& v) { list(v.parts), list(v.gradients); });
        each(p.matrices, [&](const Matrix& m) {
            list(m.rows), list(m.columns);
            each(m.gradient, [&](const Outer& o) { list(o.left), list(o.right); });
        });
        for (const Section* s : {&p.once, &p.all_steps, &p.step}) section(*s);
        list(p.kept);
        for (const Section* s : {&p.once_back, &p.step_back, &p.all_steps_back, &p.once_after}) section(*s);
        list(p.kept_back);
        return made_;
    }

  private:
    void add(int code) { made_.codes.push_back(code); }
    template <class Items, class F>
    void each(const Items& items, F write_one) {
        add(static_cast<int>(items.size()));
        for (const auto& item : items) write_one(item);
    }
    void list(const std::vector<int>& items) {
        each(items, [&](int item) { add(item); });
    }
    void value(const Value& v) {
        add(static_cast<int>(v.kind)), add(v.width);
        if (v.kind != Kind::constant) return add(v.name);
        add(static_cast<int>(made_.numbers.size()));
        made_.numbers.push_back(v.number);
    }
    void section(const Section& stages) {
        each(stages, [&](const Stage& stage) {
            each(stage.products, [&](const Product& p) { add(p.matrix), add(p.transposed), list(p.targets), list(p.sources); });
            each(stage.instructions, [&](const Instruction& i) { add(i.operation), add(i.target), list(i.sources); });
        });
    }
    Codes made_;
};

inline Codes write(const Program& program) { return Writer().write(program); }

}  // namespace gatewise::tests
