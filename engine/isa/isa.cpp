#include "isa/isa.hpp"

#include <cstdlib>

#include "program/form.hpp"

#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace gatewise {
namespace {

// Linux gives the registers of AMX to a process that asks for them.
[[maybe_unused]] bool tiles_are_allowed() {
#if defined(__linux__) && defined(__x86_64__)
    constexpr int request_permission = 0x1023, tile_data = 18;
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
    return false;
#endif
}

std::vector<const Kernels*> find_runnable() {
    std::vector<const Kernels*> found;
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    const bool bf16 = avx512 && __builtin_cpu_supports("avx512bf16");
    if (bf16 && __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") && tiles_are_allowed()) found.push_back(&amx::kernels);
    if (bf16) found.push_back(&avx512_bf16::kernels);
    if (avx512) found.push_back(&avx512::kernels);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2::kernels);
#endif
    found.push_back(&baseline::kernels);
    return found;
}

}  // namespace

const std::vector<const Kernels*>& runnable() {
    static const std::vector<const Kernels*> found = find_runnable();
    return found;
}

const Kernels& choose(const std::string& name) {
    const std::vector<const Kernels*>& known = runnable();
    const char* forced = std::getenv("GATEWISE_ISA");
    if (name.empty() && forced && *forced) return choose(forced);
    if (name.empty()) return *known.front();
    std::string names;
    for (const Kernels* kernels : known) {
        if (name == kernels->name) return *kernels;
        names += (names.empty() ? "" : ", ") + std::string(kernels->name);
    }
    throw Refusal("the instruction set " + name + " cannot run here; it has " + names);
}

}  // namespace gatewise
