// The instruction sets that were compiled, and the one that this processor runs best.
#pragma once

#include <string>
#include <vector>

#include "row/kernels.hpp"

namespace gatewise {

namespace portable { extern const Kernels kernels; }
#if defined(__x86_64__)
namespace avx2 { extern const Kernels kernels; }
namespace avx512 { extern const Kernels kernels; }
#endif

// Those that this processor can run, the best first.
std::vector<const Kernels*> runnable();

// The one of this name, or the best where the name is empty. Throws Refusal for one that cannot run here.
const Kernels& choose(const std::string& name);

}  // namespace gatewise
