// Aligned memory that is kept for the next call: a quarter of the time of large layers would go into fresh pages. What is
// kept follows use: the longest unused is freed first, and after a large call small ones let its memory go.
#pragma once

#include <cstddef>
#include <utility>

namespace gatewise {

void* take_memory(std::size_t bytes);  // aligned to 64 bytes; what is in it is not defined
void give_back_memory(void* memory, std::size_t bytes);

struct MemoryState {
    std::size_t in_use, kept;  // bytes
    std::size_t fresh;         // buffers that were not found among those kept, so far
};
MemoryState memory_state();

template <class T>
class Buffer {
  public:
    Buffer() = default;
    explicit Buffer(std::size_t count) : data_(static_cast<T*>(take_memory(count * sizeof(T)))), count_(count) {}
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept { return swap(other), *this; }
    ~Buffer() {
        if (data_) give_back_memory(data_, count_ * sizeof(T));
    }
    T* data() const { return data_; }
    std::size_t count() const { return count_; }
    explicit operator bool() const { return data_; }

  private:
    void swap(Buffer& other) { std::swap(data_, other.data_), std::swap(count_, other.count_); }
    T* data_ = nullptr;
    std::size_t count_ = 0;
};

}  // namespace gatewise
