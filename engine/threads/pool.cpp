#include "threads/pool.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace gatewise {
namespace {

// How the processor computes; elsewhere than on these two, denormal numbers stay.
#if defined(__x86_64__)
using Control = unsigned;
constexpr Control flush_denormals = 0x8040;  // results and operands
Control control() { return _mm_getcsr(); }
void set_control(Control to) { _mm_setcsr(to); }
#elif defined(__aarch64__)
using Control = std::uint64_t;
constexpr Control flush_denormals = Control{1} << 24;  // FPCR.FZ: results and operands
Control control() {
    Control found;
    asm volatile("mrs %0, fpcr" : "=r"(found));
    return found;
}
void set_control(Control to) { asm volatile("msr fpcr, %0" : : "r"(to)); }
#else
using Control = unsigned;
constexpr Control flush_denormals = 0;
Control control() { return 0; }
void set_control(Control) {}
#endif

// Denormal numbers cost a hundred times a normal one; the caller's setting comes back at the end.
class FlushDenormals {
  public:
    FlushDenormals() : before_(control()) { set_control(before_ | flush_denormals); }
    ~FlushDenormals() { set_control(before_); }

  private:
    Control before_;
};

// The process that loaded the engine. A process forked from it may find a team that its parent used before the fork,
// whether for the engine or for anything else; so it is noted here, not at the first use.
const pid_t loaded_in = getpid();

// The team of threads of the OpenMP runtime that the process has loaded, if any (torch brings one). Its threads wait
// awake for a while after each use: a second pool would fight with them for the cores, and lose up to half its speed.
struct Team {
    void (*parallel)(void (*)(void*), void*, unsigned, unsigned);
    int (*index)();
    int (*count)();

    // After a fork the team is gone, and GNU's runtime would wait for it for ever.
    static const Team* loaded() {
        if (getpid() != loaded_in) return nullptr;
        static const Team team = find();
        return team.parallel ? &team : nullptr;
    }

  private:
    static Team find() {
        Team team{};
        void* parallel = dlsym(RTLD_DEFAULT, "GOMP_parallel");
        void *index = dlsym(RTLD_DEFAULT, "omp_get_thread_num"), *count = dlsym(RTLD_DEFAULT, "omp_get_num_threads");
        if (!parallel || !index || !count) return team;
        team.parallel = reinterpret_cast<decltype(team.parallel)>(parallel);
        team.index = reinterpret_cast<int (*)()>(index);
        team.count = reinterpret_cast<int (*)()>(count);
        return team;
    }
};

// One call's work as a team does it: a team may have fewer threads than it was asked for.
struct Shared {
    const Team& team;
    int count;
    const std::function<void(int)>& work;
    std::mutex mutex{};
    std::exception_ptr error{};

    static void enter(void* given) {
        Shared& shared = *static_cast<Shared*>(given);
        FlushDenormals flush;
        for (int i = shared.team.index(); i < shared.count; i += shared.team.count()) try {
                shared.work(i);
            } catch (...) {
                std::lock_guard lock(shared.mutex);
                if (!shared.error) shared.error = std::current_exception();
            }
    }
};

void pause() {
#if defined(__x86_64__)
    _mm_pause();
#endif
}

class Pool {
  public:
    ~Pool() {
        {
            std::lock_guard lock(mutex_);
            ending_ = true;
            ++number_;
        }
        begin_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }

    void run(int count, const std::function<void(int)>& work) {
        while (static_cast<int>(threads_.size()) < count - 1) {
            int index = static_cast<int>(threads_.size()) + 1;
            threads_.emplace_back([this, index, seen = number_.load()] { serve(index, seen); });
        }
        error_ = nullptr;
        {
            std::lock_guard lock(mutex_);
            work_ = &work;
            count_ = count;
            left_ = static_cast<int>(threads_.size());
            ++number_;
        }
        begin_.notify_all();
        attempt(0);
        for (int spin = 0; left_.load(std::memory_order_acquire) && spin < 2'000; ++spin) pause();
        if (left_.load(std::memory_order_acquire)) {
            std::unique_lock lock(mutex_);
            end_.wait(lock, [this] { return left_.load() == 0; });
        }
        if (error_) std::rethrow_exception(error_);
    }

    std::mutex owner;

  private:
    void serve(int index, unsigned seen) {
        while (true) {
            for (int spin = 0; number_.load(std::memory_order_acquire) == seen && spin < 2'000; ++spin) pause();
            {
                std::unique_lock lock(mutex_);
                begin_.wait(lock, [&] { return number_.load() != seen; });
                seen = number_.load();
                if (ending_) return;
            }
            attempt(index);
            if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
                std::lock_guard lock(mutex_);
                end_.notify_one();
            }
        }
    }

    void attempt(int index) {
        if (index >= count_) return;
        FlushDenormals flush;
        try {
            (*work_)(index);
        } catch (...) {
            std::lock_guard lock(mutex_);
            if (!error_) error_ = std::current_exception();
        }
    }

    std::mutex mutex_;
    std::condition_variable begin_, end_;
    std::atomic<unsigned> number_{0};
    std::atomic<int> left_{0};
    const std::function<void(int)>* work_ = nullptr;
    int count_ = 0;
    bool ending_ = false;
    std::exception_ptr error_;
    std::vector<std::thread> threads_;
};

// The pool of this process: after a fork the threads of the parent are not there, so the child makes its own and leaves
// the old one as it is. No lock, which a fork might find held by a thread that the child does not have.
struct Owned {
    pid_t process;
    Pool pool;
};

Pool& pool() {
    static std::atomic<Owned*> current{nullptr};
    const pid_t here = getpid();
    Owned* found = current.load();
    while (!found || found->process != here) {
        auto made = std::make_unique<Owned>(here);
        // Never deleted: its threads may outlive static objects.
        if (current.compare_exchange_strong(found, made.get())) return made.release()->pool;
    }
    return found->pool;
}

}  // namespace

void in_parallel(int count, const std::function<void(int)>& work) {
    if (const Team* team = count > 1 ? Team::loaded() : nullptr) {
        Shared shared{*team, count, work};
        team->parallel(&Shared::enter, &shared, static_cast<unsigned>(count), 0);
        if (shared.error) std::rethrow_exception(shared.error);
        return;
    }
    Pool* shared = count > 1 ? &pool() : nullptr;
    std::unique_lock<std::mutex> owner;
    if (shared) owner = std::unique_lock(shared->owner, std::try_to_lock);
    if (shared && owner.owns_lock()) return shared->run(count, work);
    FlushDenormals flush;
    for (int index = 0; index < count; ++index) work(index);
}

}  // namespace gatewise
