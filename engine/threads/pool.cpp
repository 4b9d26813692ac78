#include "threads/pool.hpp"

#include <unistd.h>

#include <atomic>
#include <condition_variable>
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

// Denormal numbers cost a hundred times a normal one; the caller's setting comes back at the end.
class FlushDenormals {
  public:
#if defined(__x86_64__)
    FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
    ~FlushDenormals() { _mm_setcsr(before_); }

  private:
    unsigned before_;
#endif
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
        for (int spin = 0; left_.load(std::memory_order_acquire) && spin < 20'000; ++spin) pause();
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
            for (int spin = 0; number_.load(std::memory_order_acquire) == seen && spin < 20'000; ++spin) pause();
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
    Pool* shared = count > 1 ? &pool() : nullptr;
    std::unique_lock<std::mutex> owner;
    if (shared) owner = std::unique_lock(shared->owner, std::try_to_lock);
    if (shared && owner.owns_lock()) return shared->run(count, work);
    FlushDenormals flush;
    for (int index = 0; index < count; ++index) work(index);
}

}  // namespace gatewise
