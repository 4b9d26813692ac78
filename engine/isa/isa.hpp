// The instruction sets that were compiled, and the one that this processor runs best.
#pragma once

#include <string>
#include <vector>

#include "row/kernels.hpp"

namespace gatewise {

#if defined(__aarch64__)
namespace neon { extern const Kernels kernels; }
namespace baseline = neon;
#else
namespace portable { extern const Kernels kernels; }
namespace baseline = portable;
#endif
#if defined(__x86_64__)
namespace avx2 { extern const Kernels kernels; }
namespace avx512 { extern const Kernels kernels; }
namespace avx512_bf16 { extern const Kernels kernels; }
namespace amx { extern const Kernels kernels; }
#endif

// Those that this processor can run, the best first.
const std::vector<const Kernels*>& runnable();

// The one of this name; where it is empty, the one that GATEWISE_ISA names, or the best. Throws Refusal for one that cannot run here.
const Kernels& choose(const std::string& name);

}  // namespace gatewise
