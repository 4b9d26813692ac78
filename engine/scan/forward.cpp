#include <algorithm>

#include "scan/pass.hpp"
#include "threads/pool.hpp"

namespace gatewise {

constexpr int chunk_rows = 96;  // rows worked on together outside the loop

// The forward pass of one thread's rows: what needs no state for a chunk of time steps, then those steps.
template <class T>
class Run<T>::Ahead {
  public:
    Ahead(const Run& run, Pass& pass, const Found<T>& found, Worker& worker) : run_(run), p_(run.p_), pass_(pass), found_(found), worker_(worker) {}

    void go(const std::vector<std::vector<int>>& chunks) {
        pass_.make_worker(worker_, run_.plan_.step, run_.plan_.all_steps, chunks);
        for (const auto& times : chunks) {
            pass_.open_chunk(worker_, times);
            for (int step : times) receive(step);
            pass_.run(run_.plan_.all_steps, worker_, times, 0);
            for (int step : times) advance(step);
        }
    }

  private:
    int end(int step) const { return std::min(worker_.end, run_.rows(step)); }

    void receive(int step) const {
        const int width = p_.values[p_.input].width;
        const T* from = run_.given_.x + run_.offsets_[run_.time(step)] * run_.units(width);
        if (end(step) > worker_.begin) pass_.pack(from, width, pass_.view(p_.input, step, worker_, 0, 0, 0), worker_.begin, end(step));
    }

    void advance(int step) {
        const int before = std::max(worker_.begin, step > 0 ? run_.rows(step - 1) : 0);
        for (std::size_t s = 0; s < p_.states.size(); ++s) {
            const int w = p_.values[p_.states[s].before].width;
            if (end(step) > before)  // sequences that begin here
                pass_.pack(run_.given_.initial[s], w, pass_.slot(static_cast<int>(s), step, p_.widths[w] == 1), before, end(step));
        }
        if (end(step) <= worker_.begin) return;
        pass_.run(run_.plan_.step, worker_, {step}, 0);
        for (std::size_t s = 0; s < p_.states.size(); ++s) hand_over(static_cast<int>(s), step);
    }

    void hand_over(int s, int step) const {
        const int w = p_.values[p_.states[s].before].width, first = run_.state_after_[p_.states[s].after];
        const int after = step + 1 < run_.steps_ ? run_.rows(step + 1) : 0;
        const bool one = p_.widths[w] == 1;
        const View<T> made = pass_.slot(s, step + 1, one);
        if (first != s) pass_.copy(pass_.slot(first, step + 1, one), made, w, worker_.begin, end(step));
        const std::size_t row = found_.row ? found_.row : run_.units(w);
        if (found_.states[s]) pass_.unpack(made, w, found_.states[s] + run_.offsets_[run_.time(step)] * row, worker_.begin, end(step), row);
        pass_.unpack(made, w, found_.final[s], std::max(worker_.begin, after), end(step));  // sequences that end here
    }

    const Run& run_;
    const Program& p_;
    Pass& pass_;
    const Found<T>& found_;
    Worker& worker_;
};

template <class T>
void Run<T>::forward(const Found<T>& found, const Stop& stop) {
    Watch watch(stop);
    pass_ = std::make_unique<Pass>(*this);
    Pass& pass = *pass_;
    prepare(pass);
    const int threads = this->threads();
    const auto chunks = pass.chunks_of_steps(plan_.all_steps, chunk_rows * std::max(1, threads));
    in_parallel(threads, [&](int thread) {
        Worker worker{splits_[thread], splits_[thread + 1], &watch, thread};
        Ahead(*this, pass, found, worker).go(chunks);
    });
    pass.passed_.clear();
    pass.drop_panels();
    if (!plan_.save) pass_.reset();
}

template <class T>
void Run<T>::prepare(Pass& pass) const {
    for (std::size_t v = 0; v < p_.values.size(); ++v) {
        const Value& value = p_.values[v];
        const T number = value.kind == Kind::size ? T(units(value.name)) : T(value.number);
        if (value.kind == Kind::constant || value.kind == Kind::size) pass.make_shared(static_cast<int>(v), &number);
        else if (plan_.homes[v] == Home::stored && plan_.forward[v]) pass.stored_[v] = Buffer<T>(total_ * padded(value.width));
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
}

// Few rows leave threads idle within a run; the other runs are work for them.
template <class T>
void forward_all(const Runs<T>& runs, const std::vector<Found<T>>& found, int threads, const Stop& stop) {
    const int count = static_cast<int>(runs.size());
    if (threads > 1 && (threads <= count || runs.front()->threads() == 1))
        return in_parallel(std::min(count, threads), [&](int first) {
            for (int i = first; i < count; i += std::min(count, threads)) runs[i]->forward(found[i], first ? Stop{} : stop);
        });
    for (int i = 0; i < count; ++i) runs[i]->forward(found[i], stop);
}

template void forward_all<float>(const Runs<float>&, const std::vector<Found<float>>&, int, const Stop&);
template void forward_all<double>(const Runs<double>&, const std::vector<Found<double>>&, int, const Stop&);
template void Run<float>::forward(const Found<float>&, const Stop&);
template void Run<double>::forward(const Found<double>&, const Stop&);

}  // namespace gatewise
