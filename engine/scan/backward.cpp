#include "scan/outer.hpp"
#include "scan/pass.hpp"
#include "threads/pool.hpp"

namespace gatewise {
namespace {

constexpr int chunk_rows = 96;    // rows worked on together outside the loop

}  // namespace

// The gradients of one backward pass; what the forward pass left stays as it is.
template <class T>
class Run<T>::Back {
  public:
    Back(const Run& run, const Gradients<T>& gradients, const Stop& stop)
        : run_(run), p_(run.p_), plan_(run.plan_), g_(gradients), pass_(run, run.pass_.get()), watch_(stop) {}

    void go() {
        prepare();
        in_parallel(static_cast<int>(run_.splits_.size()) - 1, [&](int thread) { loop(thread); });
        add_up();
        pass_.after_loop_ = true;
        pass_.run_once(plan_.once_after);
        for (std::size_t i = 0; i < p_.vectors.size(); ++i) vector(p_.vectors[i], g_.vectors[i]);
        const int threads = OuterSums::threads(run_);
        in_parallel(threads, [&](int thread) {
            OuterSums sums(pass_, watch_, thread, threads);
            for (std::size_t i = 0; i < p_.matrices.size(); ++i) sums.matrix(p_.matrices[i], g_.matrices[i]);
        });
    }

  private:
    int width(int v) const { return p_.values[v].width; }
    bool one(int v) const { return p_.widths[width(v)] == 1; }

    void prepare() {
        for (std::size_t v = 0; v < p_.values.size(); ++v) {
            if (plan_.homes[v] == Home::stored && !plan_.forward[v]) pass_.stored_[v] = Buffer<T>(run_.total_ * run_.padded(width(static_cast<int>(v))));
        }
        pass_.sums_.resize(p_.values.size());
        for (std::size_t v = 0; v < p_.values.size(); ++v)
            if (plan_.homes[v] == Home::sum) {
                pass_.sums_[v] = Buffer<T>(partial_sums() * run_.padded(width(static_cast<int>(v))));
                std::fill_n(pass_.sums_[v].data(), pass_.sums_[v].count(), T(0));
            }
        for (auto& carried : pass_.carried_)
            for (const State& s : p_.states) carried.emplace_back(run_.padded(width(s.before)) * run_.batch_);
        pass_.make_passed({&plan_.step_back, &plan_.all_steps_back});
        pass_.run_once(plan_.once_back);
        pass_.make_panels(plan_.forward_panels, static_cast<int>(plan_.panels.size()));
    }

    void loop(int thread) {
        Worker worker{run_.splits_[thread], run_.splits_[thread + 1], &watch_, thread};
        const auto chunks = pass_.chunks_of_steps(plan_.all_steps_back, chunk_rows * std::max<int>(1, static_cast<int>(run_.splits_.size()) - 1));
        pass_.make_worker(worker, plan_.step_back, plan_.all_steps_back, chunks);
        for (std::size_t s = 0; s < p_.states.size(); ++s) begin(static_cast<int>(s), worker);
        int parity = 0;
        for (int step = run_.steps_ - 1; step >= 0; --step) {
            const int end = std::min(worker.end, run_.rows(step));
            if (end > worker.begin) this->step(step, worker, end, parity);
            parity = 1 - parity;
        }
        const int w = width(p_.input);
        for (const auto& times : chunks) {
            pass_.open_chunk(worker, times);
            pass_.run(plan_.all_steps_back, worker, times, 0);
            for (int step : times) {
                const int end = std::min(worker.end, run_.rows(step));
                if (g_.x && end > worker.begin)
                    pass_.unpack(pass_.view(p_.input_gradient, step, worker, 0, 0, 0), w, g_.x + run_.offsets_[run_.time(step)] * run_.units(w), worker.begin, end);
            }
        }
    }

    View<T> carried(int state, int parity) const {
        const int v = p_.states[state].before;
        return {pass_.carried_[parity][state].data(), one(v) ? 0 : run_.batch_ * block, sum_rows * block, block};
    }

    // Both buffers begin with the gradient of the final states: a sequence meets it where it ends.
    void begin(int state, const Worker& worker) const {
        const int w = width(p_.states[state].before);
        for (int parity : {0, 1}) {
            const View<T> to = carried(state, parity);
            if (g_.final[state]) {
                pass_.pack(g_.final[state], w, to, worker.begin, worker.end);
                continue;
            }
            for (int u = 0; u < run_.blocks(w); ++u)
                for (int r = worker.begin; r < worker.end; ++r) std::fill_n(to.rows_from(u, r), block, T(0));
        }
    }

    void step(int step, Worker& worker, int end, int parity) const {
        for (std::size_t s = 0; s < p_.states.size(); ++s) receive(static_cast<int>(s), step, worker, end, parity);
        pass_.run(plan_.step_back, worker, {step}, parity);
        const int earlier = step > 0 ? run_.rows(step - 1) : 0;
        for (std::size_t s = 0; s < p_.states.size(); ++s) {
            const State& state = p_.states[s];
            const int w = width(state.before);
            const View<T> to = carried(static_cast<int>(s), 1 - parity);
            const View<T> made = pass_.view(state.gradient_before, step, worker, 0, 0, parity);
            if (made.base != to.base) pass_.copy(made, to, w, worker.begin, end);
            if (g_.initial[s]) pass_.unpack(to, w, g_.initial[s], std::max(worker.begin, earlier), end);  // sequences that begin here
        }
    }

    // The gradient of a state after the step: of the next step, and of what was returned.
    void receive(int state, int step, const Worker& worker, int end, int parity) const {
        const int v = p_.states[state].gradient_after, w = width(v), units = run_.units(w);
        const View<T> from = carried(state, parity);
        if (const T* given = g_.states[state]) {
            given += run_.offsets_[run_.time(step)] * units;
            for (int u = 0; u * block < units; ++u)
                for (int r = worker.begin; r < end; ++r) {
                    T* to = from.rows_from(u, r);
                    const T* in = given + static_cast<std::size_t>(r) * units + u * block;
                    if (one(v)) std::fill_n(to, block, to[0] + in[0]);
                    else
                        for (int i = 0; i < std::min(block, units - u * block); ++i) to[i] += in[i];
                }
        }
        if (plan_.homes[v] == Home::stored) pass_.copy(from, pass_.view(v, step, worker, 0, 0, parity), w, worker.begin, end);
    }

    // Of one value: some levels for each pair of rows.
    std::size_t partial_sums() const { return static_cast<std::size_t>((run_.batch_ + sum_rows - 1) / sum_rows) * sum_levels(run_.steps_); }

    // Two by two, and what comes of it two by two again: sums round less than one by one.
    void add_up() {
        for (std::size_t v = 0; v < p_.values.size(); ++v) {
            if (plan_.homes[v] != Home::sum) continue;
            const std::size_t padded = run_.padded(width(static_cast<int>(v)));
            pass_.shared_[v] = Buffer<T>(padded);
            T* sums = pass_.sums_[v].data();
            for (std::size_t apart = 1; apart < partial_sums(); apart *= 2)
                for (std::size_t to = 0; to + apart < partial_sums(); to += 2 * apart)
                    for (std::size_t i = 0; i < padded; ++i) sums[to * padded + i] += sums[(to + apart) * padded + i];
            if (run_.batch_ > 0) std::copy_n(sums, padded, pass_.shared_[v].data());
            else std::fill_n(pass_.shared_[v].data(), padded, T(0));
        }
    }

    void vector(const Vector& vector, T* to) const {
        if (!to) return;
        for (std::size_t i = 0; i < vector.parts.size(); ++i) {
            const int units = run_.units(width(vector.parts[i]));
            const T* from = pass_.shared(vector.gradients[i]);
            const bool number = one(vector.gradients[i]);
            for (int k = 0; k < units; ++k) *to++ = from[number ? 0 : k];
        }
    }

    const Run& run_;
    const Program& p_;
    const Plan& plan_;
    const Gradients<T>& g_;
    Pass pass_;
    Watch watch_;
};

template <class T>
void Run<T>::backward(const Gradients<T>& gradients, const Stop& stop) const {
    if (!pass_) throw Refusal("the scan: nothing was saved for a backward pass");
    Back(*this, gradients, stop).go();
}

template void Run<float>::backward(const Gradients<float>&, const Stop&) const;
template void Run<double>::backward(const Gradients<double>&, const Stop&) const;

}  // namespace gatewise
