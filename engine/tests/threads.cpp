// The pool, alone and under whole scans.
#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "tests/cells.hpp"
#include "tests/check.hpp"
#include "tests/problem.hpp"
#include "threads/pool.hpp"

using namespace gatewise;
using namespace gatewise::tests;

namespace {

// Whether every index came exactly once.
bool all_came(int count) {
    std::vector<std::atomic<int>> came(count);
    in_parallel(count, [&](int index) { ++came.at(index); });
    for (const auto& times : came)
        if (times != 1) return false;
    return true;
}

struct Other : std::logic_error {
    using std::logic_error::logic_error;
};

template <class F>
void from_threads(int count, F work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
    for (std::thread& thread : threads) thread.join();
}

// Denormal results and operands count as zero: of a register's bits, those that say so.
#if defined(__x86_64__)
constexpr unsigned flush = 0x8040, settings[] = {0, 0x8000, 0x0040, flush};
unsigned flags() { return _mm_getcsr() & flush; }
void set_flags(unsigned to) { _mm_setcsr((_mm_getcsr() & ~flush) | to); }
#elif defined(__aarch64__)
constexpr unsigned flush = 1u << 24, settings[] = {0, flush};
std::uint64_t fpcr() {
    std::uint64_t found;
    asm volatile("mrs %0, fpcr" : "=r"(found));
    return found;
}
unsigned flags() { return static_cast<unsigned>(fpcr()) & flush; }
void set_flags(unsigned to) { asm volatile("msr fpcr, %0" : : "r"((fpcr() & ~std::uint64_t{flush}) | to)); }
#endif

}  // namespace

TEST(every_index_comes_once) {
    for (int call = 0; call < 300; ++call)
        for (int count : {0, 1, 2, 3, 7}) CHECK(all_came(count));
}

TEST(work_is_done_on_threads_of_its_own) {
    std::mutex mutex;
    std::set<std::thread::id> seen;
    in_parallel(4, [&](int) {
        std::lock_guard lock(mutex);
        seen.insert(std::this_thread::get_id());
    });
    CHECK_THAT(seen.size() == 4, seen.size());
    CHECK(seen.count(std::this_thread::get_id()));
}

TEST(what_was_written_before_and_inside_is_seen) {
    std::vector<int> numbers(5);
    for (int call = 0; call < 500; ++call) {
        for (int& number : numbers) ++number;
        in_parallel(5, [&](int index) { numbers[index] += 2; });
    }
    for (int number : numbers) CHECK_THAT(number == 1'500, number);
}

TEST(several_callers_at_once) {
    std::atomic<int> wrong{0};
    from_threads(4, [&](int) {
        for (int call = 0; call < 200; ++call) wrong += !all_came(3);
    });
    CHECK(wrong == 0);
}

TEST(what_work_throws_comes_to_the_caller) {
    for (int count : {1, 2, 4})
        for (int thrower = 0; thrower < count; ++thrower) {
            CHECK(refuses<std::runtime_error>(
                [&] {
                    in_parallel(count, [&](int index) {
                        if (index == thrower) throw std::runtime_error("of index " + std::to_string(index));
                    });
                },
                ("of index " + std::to_string(thrower)).c_str()));
            CHECK(all_came(count));
        }
    CHECK(refuses<Other>([] { in_parallel(3, [](int index) { throw Other("index " + std::to_string(index)); }); }, "index"));
}

#if defined(__x86_64__) || defined(__aarch64__)
// Half of the smallest normal number, computed where the compiler cannot.
static bool halves_to_zero() {
    volatile float small = 1.17549435e-38f;
    return small * 0.5f == 0.0f;
}

TEST(denormals_are_flushed_inside_and_the_callers_flags_come_back) {
    for (unsigned before : settings)
        for (int count : {1, 3}) {
            std::atomic<int> flushed{0};
            set_flags(before);
            in_parallel(count, [&](int) { flushed += flags() == flush && halves_to_zero(); });
            const unsigned after = flags();
            set_flags(before);
            const bool thrown = refuses<std::runtime_error>([&] { in_parallel(count, [](int) { throw std::runtime_error("stop"); }); });
            const unsigned after_throw = flags();
            set_flags(0);
            CHECK_THAT(flushed == count, flushed << " of " << count);
            CHECK_THAT(after == before && after_throw == before && thrown, before << " before, " << after << " after, " << after_throw << " after what was thrown");
        }
}
#endif

#if defined(__x86_64__)
TEST(rounding_and_exceptions_of_the_caller_stay) {
    const unsigned before = _mm_getcsr();
    _mm_setcsr((before & ~0x6000u) | 0x2000u);  // round down
    const unsigned given = _mm_getcsr();
    in_parallel(2, [](int) {});
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    CHECK((after & 0xffc0u) == (given & 0xffc0u));
}
#endif

TEST(scans_from_several_threads_at_once) {
    for (const Codes& codes : {plain_rnn(), number_gate()}) {
        const auto of = std::make_shared<const Program>(codes.read());
        const Problem<float> p(of, {std::vector<int>(of->widths.size(), 17), {9, 9, 4, 1}, false});
        const Outcome<float> expected = p.outcome(choose(""), 1);
        std::atomic<int> wrong{0};
        from_threads(4, [&](int thread) {
            for (int call = 0; call < 5; ++call) wrong += !(p.outcome(choose(""), 1 + (thread + call) % 4) == expected);
        });
        CHECK_THAT(wrong == 0, wrong);
    }
}

TEST(one_scan_goes_back_from_several_threads_at_once) {
    const auto of = std::make_shared<const Program>(number_gate().read());
    const Problem<double> p(of, {std::vector<int>(of->widths.size(), 17), {9, 9, 4, 1}, true});
    Outcome<double> expected;
    Run<double> run = p.run(choose(""), 3);
    p.forward(run, expected), p.backward(run, expected);
    std::atomic<int> wrong{0};
    from_threads(4, [&](int) {
        for (int call = 0; call < 5; ++call) {
            Outcome<double> found = expected;
            p.backward(run, found);
            wrong += !(found == expected);
        }
    });
    CHECK_THAT(wrong == 0, wrong);
}

MAIN
