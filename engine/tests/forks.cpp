// A child that was forked while the pool and the kept memory are in use has its own, and does not wait for threads that
// only its parent has. Built without sanitizers, which do not follow forks.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "scan/memory.hpp"
#include "tests/check.hpp"
#include "threads/pool.hpp"

using namespace gatewise;

namespace {

// Whether every index came exactly once.
bool all_came(int count) {
    std::vector<std::atomic<int>> came(count);
    in_parallel(count, [&](int index) { ++came.at(index); });
    for (const auto& times : came)
        if (times != 1) return false;
    return true;
}

// The exit code of a child that does this; the child is ended by a signal after five seconds.
template <class F>
int in_child(F work) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(5);
        _exit(work() ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

}  // namespace

TEST(a_child_has_its_own_threads) {
    CHECK(all_came(3));
    for (int i = 0; i < 5; ++i) CHECK(in_child([] { return all_came(3) && all_came(4); }) == 0);
    CHECK(in_child([] { return in_child([] { return all_came(3); }) == 0 && all_came(2); }) == 0);
    CHECK(all_came(3));
}

TEST(a_fork_while_other_threads_work_harms_neither) {
    std::atomic<bool> ending{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> busy;
    for (int i = 0; i < 2; ++i)
        busy.emplace_back([&] {
            while (!ending) {
                wrong += !all_came(3);
                Buffer<float> some(1'000);
            }
        });
    for (int i = 0; i < 200 && wrong == 0; ++i)
        wrong += in_child([] {
            Buffer<float> some(1'000);
            return all_came(3);
        }) != 0;
    ending = true;
    for (std::thread& thread : busy) thread.join();
    CHECK_THAT(wrong == 0, wrong);
}

MAIN
