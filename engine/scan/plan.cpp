#include "scan/plan.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "program/operations.hpp"

namespace gatewise {
namespace {

enum Place { all_steps = 1, step = 2, all_steps_back = 5 };  // of a section

struct Use {
    int section, stage, width;
    bool by_product;
};

class Planner {
  public:
    Planner(Plan& plan, const Program& program) : plan_(plan), p_(program), uses_(program.values.size()), made_(program.values.size()) {}

    void plan() {
        const Section* sections[] = {&p_.once, &p_.all_steps, &p_.step, &p_.once_back, &p_.step_back, &p_.all_steps_back, &p_.once_after};
        Steps* steps[] = {&plan_.once, &plan_.all_steps, &plan_.step, &plan_.once_back, &plan_.step_back, &plan_.all_steps_back, &plan_.once_after};
        const int last = plan_.save ? 7 : 3;
        std::vector<int> needed = count_uses(sections, last);
        std::vector<Lowered> lowered;
        for (int s = 0; s < last; ++s) {
            lowered.push_back(lower(*sections[s], needed));
            if (s == 2) plan_.forward_panels = static_cast<int>(plan_.panels.size());
        }
        for (int s = 0; s < last; ++s) look(lowered[s], s);
        for (std::size_t v = 0; v < made_.size(); ++v) plan_.forward[v] = made_[v].section >= 0 && made_[v].section < 3;
        find_homes();
        for (int s = 0; s < last; ++s) *steps[s] = group(lowered[s]);
    }

  private:
    struct LoweredStage {
        std::vector<Part> parts;
        std::vector<Instruction> instructions;
    };
    using Lowered = std::vector<LoweredStage>;

    int width(int value) const { return p_.values[value].width; }

    // How often each value is read, and once more where it is a result.
    std::vector<int> count_uses(const Section* const* sections, int last) const {
        std::vector<int> found(p_.values.size(), 0);
        auto note = [&](const std::vector<int>& values) {
            for (int v : values) ++found[v];
        };
        for (int s = 0; s < last; ++s)
            for (const Stage& stage : *sections[s]) {
                for (const Product& product : stage.products) note(product.sources);
                for (const Instruction& step : stage.instructions) note(step.sources);
            }
        for (const State& s : p_.states) ++found[s.after], ++found[s.gradient_before];
        if (plan_.save) {
            note(p_.kept), note(p_.kept_back), ++found[p_.input_gradient];
            for (const Vector& v : p_.vectors) note(v.gradients);
            for (const Matrix& m : p_.matrices)
                for (const Outer& o : m.gradient) note(o.left), note(o.right);
        }
        return found;
    }

    // Products part by part; a sum of a product and something that is there before it becomes part of the product.
    Lowered lower(const Section& section, const std::vector<int>& needed) {
        Lowered found;
        std::vector<bool> here(p_.values.size(), false);  // made in this stage
        for (const Stage& stage : section) {
            LoweredStage made;
            std::fill(here.begin(), here.end(), false);
            for (const Product& product : stage.products)
                for (std::size_t part = 0; part < product.targets.size(); ++part) {
                    here[product.targets[part]] = true;
                    made.parts.push_back({static_cast<int>(plan_.panels.size()), product.targets[part], product.sources, {}});
                    plan_.panels.push_back({product.matrix, product.transposed, static_cast<int>(part)});
                }
            for (const Instruction& step : stage.instructions) {
                if (!joins(step, made.parts, needed, here)) made.instructions.push_back(step);
                here[step.target] = true;
            }
            found.push_back(std::move(made));
        }
        return found;
    }

    bool joins(const Instruction& step, std::vector<Part>& parts, const std::vector<int>& needed, const std::vector<bool>& here) const {
        if (static_cast<Op>(step.operation) != Op::add) return false;
        for (int side : {0, 1}) {
            const int result = step.sources[side], other = step.sources[1 - side];
            if (needed[result] != 1 || here[other] || width(other) != width(step.target) || width(result) != width(step.target)) continue;
            for (Part& part : parts)
                if (part.target == result && static_cast<int>(part.addends.size()) < most_addends) {
                    part.target = step.target;
                    part.addends.push_back(other);
                    return true;
                }
        }
        return false;
    }

    void look(const Lowered& section, int s) {
        for (std::size_t i = 0; i < section.size(); ++i) {
            const int stage = static_cast<int>(i);
            for (const Part& part : section[i].parts) {
                for (int source : part.sources) uses_[source].push_back({s, stage, -1, true});
                for (int source : part.addends) uses_[source].push_back({s, stage, -1, true});
                made_[part.target] = {s, stage, width(part.target), true};
            }
            for (const Instruction& step : section[i].instructions) {
                const int of = is_reduction(step.operation) ? width(step.sources[0]) : width(step.target);
                for (int source : step.sources) uses_[source].push_back({s, stage, of, false});
                made_[step.target] = {s, stage, is_reduction(step.operation) ? -1 : of, false};
            }
        }
    }

    void find_homes() {
        std::vector<bool> stored(p_.values.size(), false);
        if (plan_.save) {
            for (const auto* kept : {&p_.kept, &p_.kept_back})
                for (int v : *kept) stored[v] = true;
            for (const Matrix& m : p_.matrices)
                for (const Outer& o : m.gradient)
                    for (const auto* side : {&o.left, &o.right})
                        for (int v : *side) stored[v] = true;
        }
        std::vector<int> after(p_.values.size(), 0), handed(p_.values.size(), 0);
        for (const State& s : p_.states) after[s.after] = 1, handed[s.gradient_before] = 1;
        for (std::size_t v = 0; v < p_.values.size(); ++v) plan_.homes[v] = home(static_cast<int>(v), stored[v], after[v], handed[v]);
        for (std::size_t v = 0; v < p_.values.size(); ++v) {
            if (plan_.homes[v] != Home::ahead) continue;
            plan_.slot[v] = static_cast<int>(plan_.ahead.size());
            plan_.ahead.push_back(static_cast<int>(v));
        }
    }

    Home home(int v, bool stored, bool after, bool handed) const {
        switch (p_.values[v].kind) {
            case Kind::input: return Home::input;
            case Kind::state: return Home::before;
            case Kind::gradient: return stored ? Home::stored : Home::carried;
            case Kind::sum: return Home::sum;
            case Kind::row: break;
            default: return Home::shared;
        }
        const Use& made = made_[v];
        if (after) return Home::after;
        if (made.section < 0) return Home::nowhere;
        if (stored) return Home::stored;
        if (handed) return Home::handed;
        const bool result = plan_.save && v == p_.input_gradient;
        bool here = made.width >= 0, elsewhere = result, ahead = made.section == all_steps || (made.section == all_steps_back && result);
        for (const Use& use : uses_[v]) {
            ahead = ahead && (use.section == made.section || (made.section == all_steps && use.section == step));
            elsewhere = elsewhere || use.section != made.section;
            here = here && use.section == made.section && use.stage == made.stage && use.width == made.width && !use.by_product;
        }
        if (elsewhere) return ahead ? Home::ahead : Home::stored;
        return !here ? Home::passed : made.by_product ? Home::tile : Home::scratch;
    }

    // The groups of each stage; what is 1 wide comes first, since the others may read it.
    Steps group(const Lowered& section) {
        Steps steps;
        int passed = 0;
        for (const LoweredStage& stage : section) {
            std::map<std::pair<bool, int>, Group> groups;  // (wider than 1, width)
            auto of = [&](int w) -> Group& {
                Group& found = groups[{p_.widths[w] != 1, w}];
                found.width = w;
                return found;
            };
            for (const Part& part : stage.parts) of(width(part.target)).parts.push_back(part);
            for (const Instruction& step : stage.instructions) {
                const bool reduces = is_reduction(step.operation);
                Group& g = of(reduces ? width(step.sources[0]) : width(step.target));
                Code code{static_cast<std::uint8_t>(step.operation), static_cast<std::uint8_t>(step.sources.size()), operand(g, step.target), {}};
                if (is_choice(step.operation)) choose(step, code);
                else for (std::size_t i = 0; i < step.sources.size(); ++i) code.sources[i] = operand(g, step.sources[i]);
                g.codes.push_back(code);
                if (reduces) g.reductions.push_back({step.target, step.operation, g.width});
            }
            Groups ordered;
            for (auto& [key, g] : groups) {
                settle(g, steps, passed);
                ordered.push_back(std::move(g));
            }
            steps.stages.push_back(std::move(ordered));
        }
        return steps;
    }

    // A choice reads no operand: its source is its place in Plan::choices.
    void choose(const Instruction& step, Code& code) {
        const double rate = p_.values[step.sources[0]].number, state = p_.values[step.sources[1]].number;
        code.count = 0;
        code.sources[0] = static_cast<std::uint16_t>(plan_.choices.size());
        plan_.choices.push_back({static_cast<std::uint64_t>(std::nearbyint(rate * 4294967296.0)), static_cast<std::uint32_t>(state)});
    }

    std::uint16_t operand(Group& g, int value) {
        auto found = std::find(g.operands.begin(), g.operands.end(), value);
        if (found == g.operands.end()) found = g.operands.insert(found, value);
        return static_cast<std::uint16_t>(found - g.operands.begin());
    }

    // Numbers for what lives in this group only: a place in scratch is free again after its last reader.
    void settle(const Group& g, Steps& steps, int& passed) {
        int tiles = 0;
        for (const Part& part : g.parts)
            if (plan_.homes[part.target] == Home::tile) plan_.slot[part.target] = tiles++;
        std::vector<int> last(g.operands.size(), -1), free;
        for (std::size_t i = 0; i < g.codes.size(); ++i)
            for (int s = 0; s < g.codes[i].count; ++s) last[g.codes[i].sources[s]] = static_cast<int>(i);
        int used = 0;
        for (std::size_t i = 0; i < g.codes.size(); ++i) {
            const Code& code = g.codes[i];
            const int target = g.operands[code.target];
            if (plan_.homes[target] == Home::scratch) {
                if (free.empty()) free.push_back(used++);
                plan_.slot[target] = free.back();
                free.pop_back();
                if (last[code.target] < 0) free.push_back(plan_.slot[target]);
            }
            for (int s = 0; s < code.count; ++s) {
                const int place = code.sources[s], source = g.operands[place];
                const bool again = std::find(code.sources, code.sources + s, place) != code.sources + s;
                if (!again && last[place] == static_cast<int>(i) && plan_.homes[source] == Home::scratch) free.push_back(plan_.slot[source]);
            }
        }
        for (int value : g.operands)
            if (plan_.homes[value] == Home::passed && plan_.slot[value] < 0) plan_.slot[value] = passed++;
        for (const Part& part : g.parts)
            if (plan_.homes[part.target] == Home::passed && plan_.slot[part.target] < 0) plan_.slot[part.target] = passed++;
        steps.scratch = std::max(steps.scratch, used);
        steps.tiles = std::max(steps.tiles, tiles);
    }

    Plan& plan_;
    const Program& p_;
    std::vector<std::vector<Use>> uses_;
    struct Made : Use {
        Made() : Use{-1, -1, -1, false} {}
        Made& operator=(const Use& use) { return static_cast<Use&>(*this) = use, *this; }
    };
    std::vector<Made> made_;
};

}  // namespace

Plan::Plan(const Program& given, bool will_save)
    : program(given), save(will_save), homes(given.values.size(), Home::nowhere), forward(given.values.size(), false), slot(given.values.size(), -1) {
    Planner(*this, given).plan();
}

}  // namespace gatewise
