// Memory that is used again.
#include <cstdint>
#include <cstring>
#include <thread>

#include "scan/memory.hpp"
#include "tests/check.hpp"

using namespace gatewise;

TEST(memory_is_aligned_and_its_own) {
    std::vector<std::pair<unsigned char*, std::size_t>> held;
    for (std::size_t bytes : {0, 1, 63, 64, 65, 4095, 4096, 4097, 100'000, 4096, 1})
        held.emplace_back(static_cast<unsigned char*>(take_memory(bytes)), bytes);
    for (std::size_t i = 0; i < held.size(); ++i) std::memset(held[i].first, static_cast<int>(i), held[i].second);
    for (std::size_t i = 0; i < held.size(); ++i) {
        CHECK(reinterpret_cast<std::uintptr_t>(held[i].first) % 64 == 0);
        for (std::size_t k = 0; k < held[i].second; ++k) CHECK(held[i].first[k] == i);
    }
    for (auto& [memory, bytes] : held) give_back_memory(memory, bytes);
}

TEST(what_was_given_back_comes_again) {
    void* first = take_memory(1 << 20);
    give_back_memory(first, 1 << 20);
    void* second = take_memory(1 << 20);
    CHECK(second == first);
    void* third = take_memory(1 << 20);
    CHECK(third != second);
    give_back_memory(third, 1 << 20);
    give_back_memory(second, 1 << 20);
}

TEST(more_memory_than_exists_is_an_error) {
    CHECK(gatewise::tests::refuses<std::bad_alloc>([] { take_memory(std::size_t(1) << 60); }));
}

TEST(buffers_move) {
    Buffer<double> empty, one(5);
    CHECK(!empty && one && one.count() == 5);
    double* at = one.data();
    Buffer<double> other(std::move(one));
    CHECK(other.data() == at && other.count() == 5);
    empty = std::move(other);
    CHECK(empty.data() == at);
}

TEST(threads_take_and_give_back_at_once) {
    std::vector<std::thread> threads;
    std::vector<int> wrong(4, 0);
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([thread, &wrong] {
            for (int i = 0; i < 2'000; ++i) {
                const std::size_t count = 1 + (i * 37 + thread) % 3'000;
                Buffer<int> mine(count);
                std::fill_n(mine.data(), count, thread);
                std::this_thread::yield();
                for (std::size_t k = 0; k < count; ++k) wrong[thread] += mine.data()[k] != thread;
            }
        });
    for (std::thread& thread : threads) thread.join();
    for (int count : wrong) CHECK(count == 0);
}

MAIN
