#if defined(__aarch64__)
#define GATEWISE_ISA neon
#else
#define GATEWISE_ISA portable
#endif
#include "isa/kernels.inl"
