#include "scan/memory.hpp"

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

namespace gatewise {
namespace {

constexpr std::size_t most_kept = std::size_t(1) << 30;  // bytes that wait to be used again

std::mutex mutex;
std::multimap<std::size_t, void*>& waiting() {
    static auto* found = new std::multimap<std::size_t, void*>;
    return *found;
}
std::size_t kept = 0;

std::size_t rounded(std::size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

}  // namespace

void* take_memory(std::size_t bytes) {
    bytes = rounded(bytes ? bytes : 1);
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

void give_back_memory(void* memory, std::size_t bytes) {
    bytes = rounded(bytes ? bytes : 1);
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
