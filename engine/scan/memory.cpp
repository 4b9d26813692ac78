#include "scan/memory.hpp"

#include <pthread.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace gatewise {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t per_octave = 8;  // sizes of buffers between a power of two and the next
constexpr int patience = 16;           // periods that the largest need is remembered in full
constexpr std::size_t turns = 4;       // a period ends, too, when this many times the limit was taken

// Whole pages, and eight sizes to an octave, so that a buffer serves again where sizes differ from call to call.
std::size_t rounded(std::size_t bytes) {
    const std::size_t step = bytes > 1 ? std::max(page, std::bit_floor(bytes - 1) / per_octave) : page;
    return bytes ? (bytes + step - 1) / step * step : page;
}

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

using Dropped = std::vector<void*>;  // what is to be freed once the mutex is free

// What is in use, what is kept, and how much of it. A period ends when everything was given back. What it needed is the
// sum, over all sizes, of how much of each was in use at once: what finds every buffer again when the call is repeated.
// What is in use and what is kept are together never more than the largest need of late and an eighth of it: without the
// eighth a small buffer of another size would drive out the oldest one, which is the next to be asked for, and so on.
class Store {
  public:
    // The buffer of this size that came back last, whose memory is the nearest; null where none is kept.
    void* find(std::size_t size) {
        auto found = waiting_.upper_bound({size, UINT64_MAX});
        if (found == waiting_.begin() || (--found)->first.first != size) return nullptr;
        void* memory = found->second;
        ages_.erase(found->first.second);
        waiting_.erase(found);
        kept_ -= size;
        return memory;
    }

    // Makes room before memory is asked for, which may then be some of what is dropped.
    void make_room(std::size_t size, Dropped& dropped) {
        const Size& of = touched(size);
        const std::size_t more = of.used + size > of.most ? of.used + size - of.most : 0;
        drop(limit(needed_ + more), used_ + size, dropped);
    }

    void count(std::size_t size, bool fresh, Dropped& dropped) {
        Size& of = touched(size);
        of.used += size, used_ += size, taken_ += size, fresh_ += fresh;
        if (of.used > of.most) needed_ += of.used - of.most, of.most = of.used;
        if (taken_ / turns > limit(needed_)) end_period();  // what is held for long would let no period end
        drop(limit(needed_), used_, dropped);
    }

    void put(void* memory, std::size_t size, Dropped& dropped) {
        Size& of = touched(size);
        of.used -= size, used_ -= size, kept_ += size;
        waiting_.emplace(std::pair(size, ++age_), memory);
        ages_.emplace(age_, size);
        if (used_ == 0) end_period();
        drop(limit(needed_), used_, dropped);
    }

    void drop_all(Dropped& dropped) { drop(0, 0, dropped); }
    MemoryState state() const { return {used_, kept_, fresh_}; }

  private:
    struct Size {
        std::size_t used = 0, most = 0;  // bytes in use now, and at once in this period
        std::uint64_t period = 0;
    };

    std::size_t limit(std::size_t needed) const {
        const std::size_t most = std::max(recent_, needed);
        return most + most / 8;
    }

    Size& touched(std::size_t size) {
        Size& of = sizes_[size];
        if (of.period != period_) of.most = of.used, of.period = period_;
        return of;
    }

    // The largest need is remembered for some periods, since one step of training has several, then lessened bit by bit.
    void end_period() {
        if (needed_ >= recent_) recent_ = needed_, quiet_ = 0;
        else if (++quiet_ > patience) recent_ = std::max(needed_, recent_ - recent_ / 8);
        needed_ = used_, taken_ = 0, ++period_;
    }

    void drop(std::size_t most, std::size_t used, Dropped& dropped) {  // the oldest first
        while (kept_ > 0 && used + kept_ > most) {
            const auto oldest = ages_.begin();
            const auto found = waiting_.find({oldest->second, oldest->first});
            dropped.push_back(found->second);
            kept_ -= oldest->second;
            waiting_.erase(found), ages_.erase(oldest);
        }
    }

    std::map<std::pair<std::size_t, std::uint64_t>, void*> waiting_;  // by size and age
    std::map<std::uint64_t, std::size_t> ages_;                       // to sizes
    std::map<std::size_t, Size> sizes_;
    std::size_t used_ = 0, kept_ = 0, needed_ = 0, recent_ = 0, taken_ = 0, fresh_ = 0;
    std::uint64_t age_ = 0, period_ = 1;
    int quiet_ = 0;
};

// Held while the process forks, so that the child finds it free and the memory in order.
std::mutex mutex;
[[maybe_unused]] const int at_fork = pthread_atfork([] { mutex.lock(); }, [] { mutex.unlock(); }, [] { mutex.unlock(); });

// Never destroyed: buffers may be given back while the process ends.
Store& store() {
    static auto* found = new Store;
    return *found;
}

// Does something to the store, and frees what it drops.
template <class F>
auto with_store(F work) {
    Dropped dropped;
    struct Free {
        Dropped& dropped;
        ~Free() {
            for (void* memory : dropped) std::free(memory);
        }
    } free{dropped};
    std::lock_guard lock(mutex);
    return work(store(), dropped);
}

void* find_memory(std::size_t size) {
    void* memory = with_store([&](Store& store, Dropped& dropped) {
        void* found = store.find(size);
        if (found) store.count(size, false, dropped);
        else store.make_room(size, dropped);
        return found;
    });
    if (memory) return memory;
    memory = std::aligned_alloc(64, size);
    if (!memory) {
        with_store([](Store& store, Dropped& dropped) { store.drop_all(dropped); });
        memory = std::aligned_alloc(64, size);
    }
    if (!memory) throw std::bad_alloc();
    with_store([&](Store& store, Dropped& dropped) { store.count(size, true, dropped); });
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
    with_store([&](Store& store, Dropped& dropped) { store.put(memory, rounded(bytes), dropped); });
}

MemoryState memory_state() {
    return with_store([](Store& store, Dropped&) { return store.state(); });
}

}  // namespace gatewise
