#include <algorithm>

#include "program/form.hpp"
#include "program/operations.hpp"

namespace gatewise {
namespace {

// Walks through the sections in the order in which they run, knowing what may be read.
class Checker {
  public:
    explicit Checker(const Program& program) : p_(program), made_(program.values.size(), false), sums_(made_) {}

    void check() {
        given();
        std::vector<bool> once = none();
        for (std::size_t v = 0; v < p_.values.size(); ++v) {
            Kind kind = p_.values[v].kind;
            once[v] = kind == Kind::constant || kind == Kind::size || kind == Kind::parameter;
        }
        join(once, walk(p_.once, Kind::vector, once, false));
        std::vector<bool> forward = once;
        forward[p_.input] = true;
        std::vector<bool> all = walk(p_.all_steps, Kind::row, forward, false);
        join(forward, all);
        std::vector<bool> before = none();
        for (const State& s : p_.states) before[s.before] = true;
        join(forward, before);
        std::vector<bool> step = walk(p_.step, Kind::row, forward, false);
        std::vector<bool> may_keep = before;
        join(may_keep, all);
        join(may_keep, step);
        kept(p_.kept, may_keep);

        join(once, walk(p_.once_back, Kind::vector, once, false));
        std::vector<bool> back = once;
        back[p_.input] = true;
        for (int v : p_.kept) back[v] = true;
        std::vector<bool> after = none();
        for (const State& s : p_.states) after[s.gradient_after] = true;
        std::vector<bool> in_loop = back;
        join(in_loop, after);
        std::vector<bool> step_back = walk(p_.step_back, Kind::row, in_loop, true);
        join(after, step_back);
        kept(p_.kept_back, after);
        for (int v : p_.kept_back) back[v] = true;
        std::vector<bool> outside = walk(p_.all_steps_back, Kind::row, back, true);
        join(back, outside);
        join(once, sums_);
        join(once, walk(p_.once_after, Kind::vector, once, false));

        for (const State& s : p_.states) {
            require(step[s.after] && step_back[s.gradient_before], "a state or its gradient is not made");
            int width = p_.values[s.before].width;
            for (int v : {s.after, s.gradient_after, s.gradient_before})
                require(p_.values[v].width == width, "a state changes its width");
        }
        require(outside[p_.input_gradient], "the gradient of the input is not made");
        require(p_.values[p_.input_gradient].width == p_.values[p_.input].width, "the gradient of the input is not as wide");
        gradients(back, once);
        for (std::size_t v = 0; v < p_.values.size(); ++v) {
            Kind kind = p_.values[v].kind;
            if (kind == Kind::row || kind == Kind::vector || kind == Kind::sum) require(made_[v], "a value is never made");
        }
    }

  private:
    static void require(bool condition, const char* what) {
        if (!condition) throw Refusal(std::string("the step program: ") + what);
    }
    std::vector<bool> none() const { return std::vector<bool>(p_.values.size(), false); }
    static void join(std::vector<bool>& into, const std::vector<bool>& more) {
        for (std::size_t i = 0; i < into.size(); ++i) into[i] = into[i] || more[i];
    }
    int value(int v) const {
        require(v >= 0 && static_cast<std::size_t>(v) < p_.values.size(), "a value is out of range");
        return v;
    }
    int width(int w) const {
        require(w >= 0 && static_cast<std::size_t>(w) < p_.widths.size(), "a width is out of range");
        return w;
    }
    int of_kind(int v, Kind kind) const {
        require(p_.values[value(v)].kind == kind, "a value is of another kind");
        return v;
    }
    bool is_one(int w) const { return p_.widths[w] == 1; }

    // What the caller gives: every index in range, every given value of its kind and given once.
    void given() {
        require(!p_.values.empty() && !p_.states.empty() && !p_.widths.empty(), "it is empty");
        for (int units : p_.widths) require(units == -1 || (units >= 1 && units <= 65'535), "a width is out of range");
        // Numbers for a whole row are worked on before what is wider, which is known by their one width.
        require(std::count(p_.widths.begin(), p_.widths.end(), 1) <= 1, "two widths are of one unit");
        for (const Value& v : p_.values) {
            width(v.width);
            if (v.kind == Kind::size) width(v.name);
            if (v.kind == Kind::constant || v.kind == Kind::size) require(is_one(v.width), "a number is 1 wide");
        }
        std::vector<int> seen(p_.values.size(), 0);
        ++seen[of_kind(p_.input, Kind::input)];
        value(p_.input_gradient);
        for (const State& s : p_.states) {
            ++seen[of_kind(s.before, Kind::state)];
            ++seen[of_kind(s.gradient_after, Kind::gradient)];
            value(s.after);
            value(s.gradient_before);
        }
        for (const Vector& v : p_.vectors) {
            require(!v.parts.empty() && v.parts.size() == v.gradients.size(), "a vector lacks a gradient");
            for (int part : v.parts) ++seen[of_kind(part, Kind::parameter)];
            for (int gradient : v.gradients) value(gradient);
        }
        for (std::size_t v = 0; v < seen.size(); ++v) {
            Kind kind = p_.values[v].kind;
            bool outside = kind == Kind::input || kind == Kind::state || kind == Kind::gradient || kind == Kind::parameter;
            require(seen[v] == (outside ? 1 : 0), "a given value is given by nothing, or twice");
        }
        for (const Matrix& m : p_.matrices) {
            require(!m.rows.empty() && !m.columns.empty(), "a matrix is empty");
            for (int w : m.rows) width(w);
            for (int w : m.columns) width(w);
        }
    }

    std::vector<bool> walk(const Section& section, Kind kind, const std::vector<bool>& readable, bool sums) {
        std::vector<bool> made = none(), now = readable;
        for (const Stage& stage : section) {
            std::vector<int> fresh, later;
            for (const Product& product : stage.products) {
                require(kind == Kind::row, "a product is of rows");
                this->product(product, now);
                for (int target : product.targets) define(target, kind), made[target] = true, fresh.push_back(target);
            }
            for (int target : fresh) now[target] = true;
            for (const Instruction& i : stage.instructions) {
                instruction(i, now, kind, sums);
                if (is_sum(i.operation)) {
                    sums_[i.target] = true;
                } else {
                    made[i.target] = true;
                    if (is_reduction(i.operation)) later.push_back(i.target);
                    else now[i.target] = true;
                }
            }
            for (int target : later) now[target] = true;
        }
        return made;
    }

    void define(int v, Kind kind) {
        require(p_.values[value(v)].kind == kind && !made_[v], "a value is made twice, or is of another kind");
        made_[v] = true;
    }

    void read(int v, const std::vector<bool>& readable) const {
        require(readable[value(v)], "a value is read that is not there yet, or not in this section");
    }

    void instruction(const Instruction& i, const std::vector<bool>& now, Kind kind, bool sums) {
        int count = sources_of(i.operation);
        require(count > 0 && static_cast<int>(i.sources.size()) == count, "an operation is unknown, or reads another number of values");
        for (int source : i.sources) read(source, now);
        require(sums || !is_sum(i.operation), "sums are taken in the backward part only");
        define(i.target, is_sum(i.operation) ? Kind::sum : kind);
        if (is_choice(i.operation)) choice(i, kind);
        int target = p_.values[i.target].width;
        if (is_reduction(i.operation)) require(is_one(target), "a reduction makes one number");
        else if (is_sum(i.operation))
            require(p_.values[i.sources[0]].width == target && p_.row_kind(i.sources[0]), "a sum is of rows as wide");
        else
            for (int source : i.sources) {
                int w = p_.values[source].width;
                require(w == target || is_one(w), "an operand is not as wide as the result");
            }
    }

    void choice(const Instruction& i, Kind kind) const {
        const Value &rate = p_.values[i.sources[0]], &state = p_.values[i.sources[1]];
        require(kind == Kind::row, "only rows have units to choose");
        require(rate.kind == Kind::constant && rate.number >= 0.0 && rate.number <= 1.0, "units are chosen at a rate that is a number from 0 to 1");
        const bool there = state.number >= 0.0 && state.number < static_cast<double>(p_.states.size()) && state.number == static_cast<int>(state.number);
        require(state.kind == Kind::constant && there, "units are chosen of a state that is not there");
    }

    void product(const Product& product, const std::vector<bool>& now) {
        require(product.matrix >= 0 && static_cast<std::size_t>(product.matrix) < p_.matrices.size(), "there is no such matrix");
        const Matrix& m = p_.matrices[product.matrix];
        for (int source : product.sources) read(source, now), require(p_.row_kind(source), "a product is of rows");
        for (int target : product.targets) value(target);
        require(same(product.sources, product.transposed ? m.rows : m.columns), "a product's sources do not fit its matrix");
        require(same(product.targets, product.transposed ? m.columns : m.rows), "a product's targets do not fit its matrix");
    }

    bool same(const std::vector<int>& values, const std::vector<int>& widths) const {
        if (values.size() != widths.size()) return false;
        for (std::size_t i = 0; i < values.size(); ++i)
            if (p_.values[values[i]].width != widths[i]) return false;
        return true;
    }

    void kept(const std::vector<int>& values, const std::vector<bool>& there) const {
        std::vector<bool> seen = none();
        for (int v : values) {
            require(there[value(v)] && !seen[v], "it keeps what is not there, or twice");
            seen[v] = true;
        }
    }

    void gradients(const std::vector<bool>& rows, const std::vector<bool>& last) const {
        for (const Vector& v : p_.vectors)
            for (std::size_t i = 0; i < v.parts.size(); ++i) {
                const Value& found = p_.values[v.gradients[i]];
                require(last[v.gradients[i]], "the gradient of a vector is not there after the loop");
                require(found.width == p_.values[v.parts[i]].width || found.kind == Kind::constant, "the gradient of a vector is not as wide");
            }
        for (const Matrix& m : p_.matrices)
            for (const Outer& o : m.gradient)
                for (const auto* side : {&o.left, &o.right}) {
                    for (int v : *side) require(rows[value(v)] && p_.row_kind(v), "an operand of a gradient is no row");
                    require(same(*side, side == &o.left ? m.rows : m.columns), "a gradient does not fit its matrix");
                }
    }

    const Program& p_;
    std::vector<bool> made_, sums_;
};

}  // namespace

void check_program(const Program& program) { Checker(program).check(); }

}  // namespace gatewise
