#include "scan/memory.hpp"

#include <pthread.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace gatewise {
namespace {

constexpr std::size_t most_kept = std::size_t(1) << 30;  // bytes that wait to be used again

// Held while the process forks, so that the child finds it free and the memory in order.
std::mutex mutex;
[[maybe_unused]] const int at_fork = pthread_atfork([] { mutex.lock(); }, [] { mutex.unlock(); }, [] { mutex.unlock(); });

std::multimap<std::size_t, void*>& waiting() {
    static auto* found = new std::multimap<std::size_t, void*>;
    return *found;
}
std::size_t kept = 0;

std::size_t rounded(std::size_t bytes) { return bytes ? (bytes + 4095) / 4096 * 4096 : 4096; }

#if defined(__SANITIZE_ADDRESS__)
// The sanitizer is told what belongs to nobody, and what nobody has written holds NaN: a step beyond a buffer, into one
// that was given back, or into its past is seen.
void hand_out(void* memory, std::size_t bytes) {
    ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
    std::memset(memory, 0xff, bytes);
    ASAN_POISON_MEMORY_REGION(static_cast<char*>(memory) + bytes, rounded(bytes) - bytes);
}
void take_in(void* memory, std::size_t bytes) { ASAN_POISON_MEMORY_REGION(memory, rounded(bytes)); }
#else
void hand_out(void*, std::size_t) {}
void take_in(void*, std::size_t) {}
#endif

void* find_memory(std::size_t bytes) {
    {
        std::lock_guard lock(mutex);
        auto found = waiting().find(bytes);
        if (found != waiting().end()) {
            void* memory = found->second;
            waiting().erase(found);
            kept -= bytes;
            return memory;
        }
    }
    void* memory = std::aligned_alloc(64, bytes);
    if (!memory) throw std::bad_alloc();
    return memory;
}

}  // namespace

void* take_memory(std::size_t bytes) {
    void* memory = find_memory(rounded(bytes));
    hand_out(memory, bytes);
    return memory;
}

void give_back_memory(void* memory, std::size_t bytes) {
    take_in(memory, bytes);
    bytes = rounded(bytes);
    {
        std::lock_guard lock(mutex);
        if (kept + bytes <= most_kept) {
            waiting().emplace(bytes, memory);
            kept += bytes;
            return;
        }
    }
    std::free(memory);
}

}  // namespace gatewise
