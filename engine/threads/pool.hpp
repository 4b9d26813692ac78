// Threads that wait for work: the caller is one of them.
#pragma once

#include <functional>

namespace gatewise {

// Runs work(0) .. work(count - 1), each on a thread of its own, and returns when all have ended; denormal numbers are
// flushed to zero inside. What one throws is thrown here. A second caller at the same time does its work alone.
void in_parallel(int count, const std::function<void(int)>& work);

}  // namespace gatewise
