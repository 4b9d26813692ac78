#include <algorithm>
#include <numeric>

#include "scan/pass.hpp"
#include "threads/pool.hpp"

namespace gatewise {
namespace {

void require(bool condition, const char* what) {
    if (!condition) throw Refusal(std::string("the scan: ") + what);
}

}  // namespace

template <class T>
Run<T>::Run(std::shared_ptr<const Program> program, const Kernels& kernels, Given<T> given, bool save)
    : program_(std::move(program)), p_(*program_), kernels_(kernels.of<T>()), low_(kernels.low), given_(std::move(given)), plan_(p_, save) {
    check();
    lay_out();
    split_rows();
}

template <class T>
Run<T>::~Run() = default;

template <class T>
void Run<T>::check() const {
    require(given_.widths.size() == p_.widths.size(), "a width is missing");
    for (std::size_t i = 0; i < p_.widths.size(); ++i) {
        require(given_.widths[i] >= 1, "a width must be 1 or more");
        require(p_.widths[i] == -1 || p_.widths[i] == given_.widths[i], "a width is not the program's");
    }
    require(!given_.batch_sizes.empty() && given_.batch_sizes.back() >= 0, "a time step is needed");
    require(std::is_sorted(given_.batch_sizes.rbegin(), given_.batch_sizes.rend()), "the sequences must be sorted, the longest first");
    require(given_.initial.size() == p_.states.size(), "an initial state is missing");
    require(given_.vectors.size() == p_.vectors.size() && given_.matrices.size() == p_.matrices.size(), "a parameter is missing");
    require(given_.threads >= 1, "at least one thread is needed");
    require(!given_.low || sizeof(T) == sizeof(float), "products of bfloat16 numbers need states of float32");
    const std::size_t numbered = given_.sequences.size();
    require(numbered == static_cast<std::size_t>(given_.batch_sizes.front()) || (numbered == 0 && plan_.choices.empty()), "each sequence needs a number");
}

template <class T>
void Run<T>::lay_out() {
    steps_ = static_cast<int>(given_.batch_sizes.size());
    batch_ = given_.batch_sizes.front();
    offsets_.resize(steps_);
    std::exclusive_scan(given_.batch_sizes.begin(), given_.batch_sizes.end(), offsets_.begin(), std::size_t(0));
    total_ = offsets_.back() + given_.batch_sizes.back();
    slots_.resize(steps_ + 1);
    slot_rows_.resize(steps_ + 1);
    std::size_t at = 0;
    for (int step = 0; step <= steps_; ++step) {
        // Where two slots serve in turns, a row keeps its place: threads may be at different time steps.
        slot_rows_[step] = !plan_.save ? batch_ : std::max(step > 0 ? rows(step - 1) : 0, step < steps_ ? rows(step) : 0);
        slots_[step] = plan_.save ? at : static_cast<std::size_t>(step % 2) * batch_;
        at += slot_rows_[step];
    }
    state_after_.assign(p_.values.size(), -1);
    state_handed_.assign(p_.values.size(), -1);
    for (int s = static_cast<int>(p_.states.size()) - 1; s >= 0; --s) {
        state_after_[p_.states[s].after] = s;
        state_handed_[p_.states[s].gradient_before] = s;
    }
}

// Rows go to threads in pairs, so that partial sums are the same whatever the number of threads.
template <class T>
void Run<T>::split_rows() {
    const int groups = (batch_ + sum_rows - 1) / sum_rows, threads = std::min(given_.threads, groups);
    std::vector<std::size_t> work(groups, 0);
    for (int n : given_.batch_sizes)
        for (int g = 0; g * sum_rows < n; ++g) work[g] += std::min(sum_rows, n - g * sum_rows);
    splits_ = {0};
    std::size_t done = 0;
    for (int g = 0; g < groups; ++g) {
        done += work[g];
        const int made = static_cast<int>(splits_.size()), still = groups - g - 1;
        if (made < threads && (done * threads >= total_ * made || still == threads - made)) splits_.push_back((g + 1) * sum_rows);
    }
    splits_.push_back(batch_);
    splits_.erase(std::unique(splits_.begin(), splits_.end()), splits_.end());
}

template class Run<float>;
template class Run<double>;

}  // namespace gatewise
