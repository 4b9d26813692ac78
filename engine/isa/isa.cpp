#include "isa/isa.hpp"

#include "program/form.hpp"

namespace gatewise {

std::vector<const Kernels*> runnable() {
    std::vector<const Kernels*> found;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw"))
        found.push_back(&avx512::kernels);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2::kernels);
#endif
    found.push_back(&portable::kernels);
    return found;
}

const Kernels& choose(const std::string& name) {
    std::vector<const Kernels*> known = runnable();
    if (name.empty()) return *known.front();
    std::string names;
    for (const Kernels* kernels : known) {
        if (name == kernels->name) return *kernels;
        names += (names.empty() ? "" : ", ") + std::string(kernels->name);
    }
    throw Refusal("the instruction set " + name + " cannot run here; it has " + names);
}

}  // namespace gatewise
