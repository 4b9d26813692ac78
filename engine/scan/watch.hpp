// A long call that can be stopped: the caller is asked now and then, on its own thread, whether to go on.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>

namespace gatewise {

// Whether to stop. Asked about every 20 ms.
using Stop = std::function<bool()>;

struct Stopped {};

class Watch {
  public:
    explicit Watch(const Stop& stop) : stop_(stop) {}

    // Called by every thread between small pieces of work; `thread` 0 is the caller's. Throws Stopped.
    void look(int thread) {
        if (stopped_.load(std::memory_order_relaxed)) throw Stopped{};
        if (thread != 0 || !stop_ || ++looks_ % 16 != 0) return;
        const auto now = std::chrono::steady_clock::now();
        if (now - asked_ < std::chrono::milliseconds(20)) return;
        asked_ = now;
        if (!stop_()) return;
        stopped_ = true;
        throw Stopped{};
    }

  private:
    const Stop& stop_;
    std::atomic<bool> stopped_{false};
    unsigned looks_ = 0;  // of the caller's thread, as is the next
    std::chrono::steady_clock::time_point asked_ = std::chrono::steady_clock::now();
};

}  // namespace gatewise
