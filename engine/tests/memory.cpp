// Memory that is used again.
#include <cstdint>
#include <cstring>
#include <thread>

#include "scan/memory.hpp"
#include "tests/check.hpp"

using namespace gatewise;

namespace {

constexpr std::size_t mebi = 1 << 20;

// Takes buffers of these sizes at once, and gives them back.
void use(std::initializer_list<std::size_t> sizes) {
    std::vector<Buffer<char>> held;
    for (std::size_t bytes : sizes) held.emplace_back(bytes);
}

// So many small calls that what came before plays no part.
void forget() {
    for (int i = 0; i < 300; ++i) use({1});
}

}  // namespace

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
    forget();
    CHECK(gatewise::tests::refuses<std::bad_alloc>([] { take_memory(std::size_t(1) << 60); }));
    CHECK(memory_state().in_use == 0);
    for (std::size_t number : {1, 2, 3, 4}) use({number * mebi});  // and it does not count as a need
    CHECK(memory_state().kept <= 5 * mebi);
}

TEST(sizes_that_are_nearly_equal_share_their_buffers) {
    forget();
    for (std::size_t bytes : {std::size_t(1), std::size_t(4097), std::size_t(32'769), mebi - 1, mebi, mebi + 1, 5 * mebi + 77}) {
        Buffer<char> one(bytes);
        CHECK(memory_state().in_use >= bytes && memory_state().in_use <= std::max(bytes + bytes / 8, bytes + 4095));
    }
    use({mebi});
    const std::size_t before = memory_state().fresh;
    for (std::size_t less : {1'000, 20'000, 60'000, 0}) use({mebi - less});
    CHECK(memory_state().fresh == before);
    use({mebi + 1});
    CHECK(memory_state().fresh == before + 1);
}

// A step of training: several layers, whose buffers come and go, and small parts that run while nothing else is held.
TEST(a_steady_loop_finds_all_its_buffers_again) {
    forget();
    auto step = [] {
        for (std::size_t layer = 1; layer < 6; ++layer) use({layer * mebi});
        use({mebi / 3});
        Buffer<char> kept(9 * mebi);
        for (std::size_t layer = 1; layer < 9; ++layer) use({layer * mebi, 3 * mebi, mebi / 4});
    };
    for (int i = 0; i < 2; ++i) step();
    const std::size_t before = memory_state().fresh;
    for (int i = 0; i < 200; ++i) step();
    CHECK_THAT(memory_state().fresh == before, memory_state().fresh - before);
}

TEST(no_more_is_held_than_was_needed_at_once) {
    forget();
    std::size_t most = 0;
    for (std::size_t i = 0; i < 2'000; ++i) {
        const std::size_t bytes = (i * 7'919 % 211 + 1) * 20'000;
        most = std::max(most, bytes + bytes / 8);
        if (i % 2) {
            Buffer<char> one(bytes);
            CHECK(memory_state().in_use + memory_state().kept <= most + most / 8);
        }
        CHECK(memory_state().kept <= most + most / 8);
    }
}

TEST(small_calls_let_the_memory_of_a_large_one_go) {
    forget();
    use({64 * mebi, 32 * mebi});
    for (int i = 0; i < 8; ++i) use({mebi});
    CHECK(memory_state().kept >= 96 * mebi);  // a few may lie between two large ones
    for (int i = 0; i < 70; ++i) use({mebi});
    CHECK_THAT(memory_state().kept <= 2 * mebi, memory_state().kept);
}

TEST(what_is_held_for_ever_does_not_hold_the_rest) {
    forget();
    Buffer<char> always(1'000);
    use({16 * mebi});
    for (int i = 0; i < 4'000; ++i) use({mebi});
    CHECK_THAT(memory_state().kept <= 2 * mebi, memory_state().kept);
}

TEST(the_oldest_is_freed_first) {
    forget();
    {
        Buffer<char> last(3 * mebi), middle(2 * mebi), first(mebi);  // given back in the opposite order
    }
    CHECK(memory_state().kept / mebi == 6);
    use({5 * mebi / 2});
    CHECK(memory_state().kept == 5 * mebi / 2 + 3 * mebi);
    const std::size_t before = memory_state().fresh;
    use({3 * mebi});
    CHECK(memory_state().fresh == before);
    use({mebi});
    CHECK(memory_state().fresh == before + 1);
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
