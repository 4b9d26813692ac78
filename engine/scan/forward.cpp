#include <numeric>

#include "scan/pass.hpp"
#include "threads/pool.hpp"

namespace gatewise {

constexpr int chunk_rows = 96;  // rows worked on together outside the loop

template <class T>
void Run<T>::forward(const Found<T>& found, const Stop& stop) {
    Watch watch(stop);
    pass_ = std::make_unique<Pass>(*this);
    Pass& pass = *pass_;
    for (std::size_t v = 0; v < p_.values.size(); ++v) {
        const Value& value = p_.values[v];
        const T number = value.kind == Kind::size ? T(units(value.name)) : T(value.number);
        if (value.kind == Kind::constant || value.kind == Kind::size) pass.make_shared(static_cast<int>(v), &number);
        else if (plan_.homes[v] == Home::stored && plan_.forward[v])
            pass.stored_[v] = Buffer<T>(total_ * padded(value.width));
    }
    for (std::size_t i = 0; i < p_.vectors.size(); ++i) {
        const T* from = given_.vectors[i];
        for (int part : p_.vectors[i].parts) {
            pass.make_shared(part, from);
            from += units(p_.values[part].width);
        }
    }
    pass.x_ = Buffer<T>(total_ * padded(p_.values[p_.input].width));
    for (const State& s : p_.states)
        pass.slots_.emplace_back((plan_.save ? slots_.back() + slot_rows_.back() : std::size_t(2) * batch_) * padded(p_.values[s.before].width));
    pass.make_passed({&plan_.all_steps, &plan_.step});
    pass.run_once(plan_.once);
    pass.make_panels(0, plan_.forward_panels);

    const auto chunks = pass.chunks_of_steps(plan_.all_steps, chunk_rows * std::max<int>(1, static_cast<int>(splits_.size()) - 1));
    in_parallel(static_cast<int>(splits_.size()) - 1, [&](int thread) {
        Worker worker{splits_[thread], splits_[thread + 1], &watch, thread};
        int most = worker.end - worker.begin;
        for (const auto& times : chunks) {
            int rows_there = 0;
            for (int step : times) rows_there += std::max(0, std::min(worker.end, rows(step)) - worker.begin);
            most = std::max(most, rows_there);
        }
        pass.make_worker(worker, plan_.step, plan_.all_steps, most);
        const int width = p_.values[p_.input].width;
        for (int step = 0; step < steps_; ++step) {
            const std::size_t offset = offsets_[time(step)];
            const int end = std::min(worker.end, rows(step));
            if (end > worker.begin) pass.pack(given_.x + offset * units(width), width, pass.view(p_.input, step, worker, 0, 0, 0), worker.begin, end);
        }
        for (const auto& times : chunks) pass.run(plan_.all_steps, worker, times, 0);
        for (int step = 0; step < steps_; ++step) {
            const int end = std::min(worker.end, rows(step)), before = step > 0 ? rows(step - 1) : 0;
            const int after = step + 1 < steps_ ? rows(step + 1) : 0;
            for (std::size_t s = 0; s < p_.states.size(); ++s) {
                const int w = p_.values[p_.states[s].before].width;
                if (end > std::max(worker.begin, before))  // sequences that begin here
                    pass.pack(given_.initial[s], w, pass.slot(static_cast<int>(s), step, p_.widths[w] == 1), std::max(worker.begin, before), end);
            }
            if (end <= worker.begin) continue;
            pass.run(plan_.step, worker, {step}, 0);
            for (std::size_t s = 0; s < p_.states.size(); ++s) {
                const int w = p_.values[p_.states[s].before].width, first = state_after_[p_.states[s].after];
                const bool one = p_.widths[w] == 1;
                const View<T> made = pass.slot(static_cast<int>(s), step + 1, one);
                if (first != static_cast<int>(s)) pass.copy(pass.slot(first, step + 1, one), made, w, worker.begin, end);
                if (found.states[s]) pass.unpack(made, w, found.states[s] + offsets_[time(step)] * units(w), worker.begin, end);
                pass.unpack(made, w, found.final[s], std::max(worker.begin, after), end);  // sequences that end here
            }
        }
    });
    pass.passed_.clear();
    pass.drop_panels();
    if (!plan_.save) pass_.reset();
}

template void Run<float>::forward(const Found<float>&, const Stop&);
template void Run<double>::forward(const Found<double>&, const Stop&);

}  // namespace gatewise
